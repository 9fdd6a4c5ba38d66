// Paths side by side: from normals to log prices and how far they went, included by each level's file inside that
// level's namespace. Each law is said once, for lanes and for the paths that fill none: sums are those of a path alone.
namespace {

template <class T>
T read(const double* from) {
    T x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

template <class T>
void write(double* to, T x) {
    std::memcpy(to, &x, sizeof x);
}

double root_of(double x) { return square_root(in_all(x))[0]; }
DoubleLanes root_of(DoubleLanes x) { return square_root(x); }
double less_of(double a, double b) { return a < b ? a : b; }
DoubleLanes less_of(DoubleLanes a, DoubleLanes b) { return minimum(a, b); }
double more_of(double a, double b) { return b < a ? a : b; }
DoubleLanes more_of(DoubleLanes a, DoubleLanes b) { return maximum(a, b); }

template <class T>
struct GbmStep {
    double mean;
    double loading;

    GbmStep(const GbmLaw& law, std::size_t) : mean(law.mean), loading(law.loading) {}
    T move(T z) { return z * loading + mean; }
    void end(const GbmLaw&, std::size_t) {}
};

// The next variance needs no root, so that steps of a path wait for each other a product and a sum only.
template <class T>
struct GarchStep {
    double mean;
    double omega;
    double alpha;
    double beta;
    T variance;

    GarchStep(const GarchLaw& law, std::size_t path)
        : mean(law.mean), omega(law.omega), alpha(law.alpha), beta(law.beta), variance(read<T>(law.variance + path)) {}

    T move(T z) {
        const T moved = root_of(variance) * z - (variance * 0.5 - mean);
        variance = variance * (z * z * alpha + beta) + omega;
        return moved;
    }

    void end(const GarchLaw& law, std::size_t path) { write(law.variance + path, variance); }
};

// As many paths as T holds.
template <class T, class Step, class Law>
void walk_some(const WalkRows& walk, const Law& law, std::size_t path) {
    Step step(law, path);
    T moved = read<T>(walk.moved + path);
    T least{};
    T most{};
    for (std::size_t s = 0; s < walk.steps; ++s) {
        double* const place = walk.rows + s * walk.stride + path;
        moved = moved + step.move(read<T>(place));
        const T price = moved + walk.from;
        write(place, price);
        least = s == 0 ? price : less_of(price, least);
        most = s == 0 ? price : more_of(price, most);
    }
    write(walk.moved + path, moved);
    write(walk.least + path, least);
    write(walk.most + path, most);
    step.end(law, path);
}

template <template <class> class Step, class Law>
void walk_all(const WalkRows& walk, const Law& law) {
    std::size_t path = 0;
    for (; path + lanes <= walk.paths; path += lanes) walk_some<DoubleLanes, Step<DoubleLanes>>(walk, law, path);
    for (; path < walk.paths; ++path) walk_some<double, Step<double>>(walk, law, path);
}

// One asset's row of one step; `z` are the rows of the assets up to it.
template <class T>
T mixed(const double* z, std::size_t paths, const double* loading, std::size_t k, T sum) {
    for (std::size_t j = 0; j <= k; ++j) sum = sum + read<T>(z + j * paths) * loading[j];
    return sum;
}

}  // namespace

[[gnu::flatten]] void walk_gbm(const WalkRows& walk, const GbmLaw& law) { walk_all<GbmStep>(walk, law); }

[[gnu::flatten]] void walk_garch(const WalkRows& walk, const GarchLaw& law) { walk_all<GarchStep>(walk, law); }

[[gnu::flatten]] void mix_rows(const MixRows& mix) {
    for (std::size_t s = 0; s < mix.steps; ++s)
        for (std::size_t k = mix.assets; k-- > 0;) {  // downwards: a row of normals is read by those after it only
            double* const z = mix.rows + s * mix.assets * mix.paths;
            double* const row = z + k * mix.paths;
            const double* const loading = mix.loading + k * mix.assets;
            const double base = mix.base ? mix.base[k] : 0.0;
            std::size_t i = 0;
            for (; i + lanes <= mix.paths; i += lanes)
                store(row + i, mixed(z + i, mix.paths, loading, k, in_all(base)));
            for (; i < mix.paths; ++i) row[i] = mixed(z + i, mix.paths, loading, k, base);
        }
}
