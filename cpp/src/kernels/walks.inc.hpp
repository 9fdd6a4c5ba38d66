// Paths side by side, one asset: from normals to log prices and how far they went, included by each level's file inside
// that level's namespace. Sums are those of a path drawn alone.
namespace {

struct PathSums {
    double moved;
    double least;
    double most;
};

PathSums walk_one(const WalkRows& walk, std::size_t path) {
    PathSums sums{walk.moved[path], 0.0, 0.0};
    for (std::size_t s = 0; s < walk.steps; ++s) {
        double& place = walk.rows[s * walk.paths + path];
        sums.moved += walk.mean + walk.loading * place;
        place = sums.moved + walk.from;
        sums.least = s == 0 || place < sums.least ? place : sums.least;
        sums.most = s == 0 || sums.most < place ? place : sums.most;
    }
    return sums;
}

}  // namespace

void walk_rows(const WalkRows& walk) {
    const DoubleLanes mean = in_all(walk.mean);
    const DoubleLanes from = in_all(walk.from);
    std::size_t path = 0;
    for (; path + lanes <= walk.paths; path += lanes) {
        DoubleLanes moved = load(walk.moved + path);
        DoubleLanes least = in_all(0.0);
        DoubleLanes most = in_all(0.0);
        for (std::size_t s = 0; s < walk.steps; ++s) {
            double* const place = walk.rows + s * walk.paths + path;
            moved = moved + (mean + load(place) * walk.loading);
            const DoubleLanes price = moved + from;
            store(place, price);
            least = s == 0 ? price : minimum(price, least);
            most = s == 0 ? price : maximum(price, most);
        }
        store(walk.moved + path, moved);
        store(walk.least + path, least);
        store(walk.most + path, most);
    }
    for (; path < walk.paths; ++path) {
        const PathSums sums = walk_one(walk, path);
        walk.moved[path] = sums.moved;
        walk.least[path] = sums.least;
        walk.most[path] = sums.most;
    }
}
