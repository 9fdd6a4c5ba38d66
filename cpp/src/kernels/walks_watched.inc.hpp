// Which paths of a block meet what they wait for (ladder_blocks.hpp), included by each level's file inside that level's
// namespace, behind walks.inc.hpp. Said once, for lanes and for the paths that fill none.
namespace {

double choose(bool where, double yes, double no) { return where ? yes : no; }
DoubleLanes choose(MaskLanes where, DoubleLanes yes, DoubleLanes no) { return select(where, yes, no); }
std::uint64_t choose(bool where, std::uint64_t yes, std::uint64_t no) { return where ? yes : no; }
WordLanes choose(MaskLanes where, WordLanes yes, WordLanes no) { return select(where, yes, no); }
std::uint64_t word_of(double, std::uint64_t x) { return x; }
WordLanes word_of(DoubleLanes, std::uint64_t x) { return in_all(x); }

// As many paths as T holds. Where prices cross, marks are for others to note.
template <class T>
void note_extremes(const WatchRows& watch, std::size_t path) {
    const T least = read<T>(watch.least + path);
    const T most = read<T>(watch.most + path);
    const T below = read<T>(watch.below + path);
    const T above = read<T>(watch.above + path);
    const T offset = read<T>(watch.offset + path);
    const T lowest_mark = read<T>(watch.lowest_mark + path);
    const T highest_mark = read<T>(watch.highest_mark + path);
    const auto over = below < least;
    const auto under = most < above;
    const T low = choose(over, choose(under, less_of(least + offset, lowest_mark), lowest_mark), lowest_mark);
    const T high = choose(over, choose(under, more_of(most + offset, highest_mark), highest_mark), highest_mark);
    write(watch.lowest + path, less_of(least, read<T>(watch.lowest + path)));
    write(watch.highest + path, more_of(most, read<T>(watch.highest + path)));
    write(watch.lowest_mark + path, low);
    write(watch.highest_mark + path, high);
    const auto none = word_of(least, 0);
    const auto some = word_of(least, 1);
    const auto crosses = choose(over, choose(under, none, some), some);
    std::memcpy(watch.pushes + path, &crosses, sizeof crosses);
}

template <class T>
void note_pushes(const WatchRows& watch, std::size_t path) {
    T below = read<T>(watch.below + path);
    T above = read<T>(watch.above + path);
    auto pushes = word_of(below, 0);
    const auto none = pushes;
    for (std::size_t s = 0; s < watch.steps; ++s) {
        const T price = read<T>(watch.rows + s * watch.stride + path);
        const auto falls = price <= below;
        const auto rises = above <= price;
        pushes = pushes + choose(falls, word_of(price, std::uint64_t{1} << s), none) +
                 choose(rises, word_of(price, std::uint64_t{1} << (s + most_watched_steps)), none);
        below = choose(falls, price, below);
        above = choose(rises, price, above);
    }
    std::memcpy(watch.pushes + path, &pushes, sizeof pushes);
}

}  // namespace

[[gnu::flatten]] void watch_rows(const WatchRows& watch) {
    std::size_t path = 0;
    for (; path + lanes <= watch.paths; path += lanes) note_extremes<DoubleLanes>(watch, path);
    for (; path < watch.paths; ++path) note_extremes<double>(watch, path);
    for (path = 0; path + lanes <= watch.paths; path += lanes) {
        std::uint64_t any = 0;
        for (std::size_t i = 0; i < lanes; ++i) any |= watch.pushes[path + i];
        if (any != 0) note_pushes<DoubleLanes>(watch, path);
    }
    for (; path < watch.paths; ++path)
        if (watch.pushes[path] != 0) note_pushes<double>(watch, path);
}
