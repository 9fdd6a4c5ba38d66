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

template <class T>
T all_of(double x);
template <>
double all_of(double x) {
    return x;
}
template <>
DoubleLanes all_of(double x) {
    return in_all(x);
}
double root_of(double x) { return square_root(in_all(x))[0]; }
DoubleLanes root_of(DoubleLanes x) { return square_root(x); }
double less_of(double a, double b) { return a < b ? a : b; }
DoubleLanes less_of(DoubleLanes a, DoubleLanes b) { return minimum(a, b); }
double more_of(double a, double b) { return b < a ? a : b; }
DoubleLanes more_of(DoubleLanes a, DoubleLanes b) { return maximum(a, b); }
double by_sign(double x, double below_zero, double above) { return x < 0.0 ? below_zero : above; }
DoubleLanes by_sign(DoubleLanes x, double below_zero, double above) {
    return select(x < in_all(0.0), in_all(below_zero), in_all(above));
}
double exponential(const ExpLanes& table, double x) { return exp_of(table, in_all(x))[0]; }
DoubleLanes exponential(const ExpLanes& table, DoubleLanes x) { return exp_of(table, x); }

template <class T>
struct GbmStep {
    double mean;
    double loading;

    GbmStep(const GbmLaw& law, std::size_t) : mean(law.mean), loading(law.loading) {}
    T move(T z) { return z * loading + mean; }
    void end(const GbmLaw&, std::size_t) {}
};

// The next variance needs no root, so that steps of a path wait for each other a product, a sum and a minimum only.
template <class T>
struct GarchStep {
    double mean;
    double omega;
    double alpha;
    double alpha_fall;
    double beta;
    T variance;

    GarchStep(const GarchLaw& law, std::size_t path)
        : mean(law.mean),
          omega(law.omega),
          alpha(law.alpha),
          alpha_fall(law.alpha_fall),
          beta(law.beta),
          variance(read<T>(law.variance + path)) {}

    T move(T z) {
        const T moved = root_of(variance) * z - (variance * 0.5 - mean);
        const T weight = z * z * by_sign(z, alpha_fall, alpha) + beta;
        variance = less_of(variance * weight + omega, all_of<T>(most_variance));
        return moved;
    }

    void end(const GarchLaw& law, std::size_t path) { write(law.variance + path, variance); }
};

template <class T>
struct EgarchStep {
    double mean;
    double omega;
    double alpha;
    double gamma;
    double beta;
    ExpLanes exp;
    T log_variance;

    EgarchStep(const EgarchLaw& law, std::size_t path)
        : mean(law.mean),
          omega(law.omega),
          alpha(law.alpha),
          gamma(law.gamma),
          beta(law.beta),
          exp(exp_lanes(law.exp)),
          log_variance(read<T>(law.log_variance + path)) {}

    T move(T z) {
        const T root = exponential(exp, log_variance * 0.5);
        const T moved = root * z - (root * root * 0.5 - mean);
        const T news = z * by_sign(z, gamma - alpha, gamma + alpha) + omega;
        log_variance = more_of(less_of(log_variance * beta + news, all_of<T>(most_log_variance)), all_of<T>(-1300.0));
        return moved;
    }

    void end(const EgarchLaw& law, std::size_t path) { write(law.log_variance + path, log_variance); }
};

// Bailey (1994): with q = (z^2 + w^2)/degrees, z*sqrt((exp(q) - 1)/q) is Student's t. Small q by the series.
DoubleLanes student(const StudentRows& law, const ExpLanes& exp, DoubleLanes z, DoubleLanes w) {
    const DoubleLanes q = minimum((z * z + w * w) * law.per_degree, in_all(690.0));
    const DoubleLanes some = maximum(q, in_all(0x1p-8));
    const DoubleLanes series = q * (q * (q * (q * (1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 0.5) + 1.0;
    const DoubleLanes ratio = select(q < some, series, (exp_of(exp, some) - 1.0) / some);
    return z * (square_root(ratio) * law.scale);
}

// The rows of as many paths as T holds. What is not below 0 stays, a zero with its sign.
template <class T>
void heston_some(const HestonRows& law, std::size_t path) {
    T variance = read<T>(law.variance + path);
    for (std::size_t s = 0; s < law.steps; ++s) {
        double* const place = law.rows + s * law.stride + path;
        const T z = read<T>(place);
        const T above = more_of(all_of<T>(0.0), variance);
        const T root = root_of(above);
        const T news = z * law.drawn_with + read<T>(law.beside + s * law.stride + path) * law.drawn_apart;
        variance = variance + ((all_of<T>(law.long_run) - above) * law.reversion + root * news);
        write(place, root * z - (above * 0.5 - law.mean));
    }
    write(law.variance + path, variance);
}

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

[[gnu::flatten]] void walk_egarch(const WalkRows& walk, const EgarchLaw& law) { walk_all<EgarchStep>(walk, law); }

[[gnu::flatten]] void student_rows(const StudentRows& law) {
    const ExpLanes exp = exp_lanes(law.exp);
    for (std::size_t s = 0; s < law.steps; ++s) {
        double* const row = law.rows + s * law.stride;
        const double* const beside = law.beside + s * law.stride;
        std::size_t i = 0;
        for (; i + lanes <= law.paths; i += lanes) store(row + i, student(law, exp, load(row + i), load(beside + i)));
        for (; i < law.paths; ++i) row[i] = student(law, exp, in_all(row[i]), in_all(beside[i]))[0];
    }
}

[[gnu::flatten]] void heston_rows(const HestonRows& law) {
    std::size_t path = 0;
    for (; path + lanes <= law.paths; path += lanes) heston_some<DoubleLanes>(law, path);
    for (; path < law.paths; ++path) heston_some<double>(law, path);
}

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
