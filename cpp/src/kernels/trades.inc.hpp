// What stretches of rows trade (ladder_pushes.hpp), included by each level's file inside that level's namespace, behind
// exponentials.inc.hpp and logs.inc.hpp. The operations are those of LadderMoney in their order, and so the bits.
[[gnu::flatten]] void trade_rows(const TradeRows& trade) {
    const ExpLanes exp = exp_lanes(trade.exp);
    const DoubleLanes depth = in_all(trade.depth);
    const DoubleLanes never = doubles_of(in_all(std::uint64_t{0xfff0000000000000}));
    const auto negative = [](DoubleLanes x) { return in_all(0.0) - x; };
    for (std::size_t i = 0; i < trade.count; i += lanes) {
        const DoubleLanes before = load(trade.before + i);
        const DoubleLanes log_start = load(trade.log_price + i) + load(trade.volume + i) / depth;
        const DoubleLanes worst = log_start * trade.sign + before / depth;
        const LanesPair high = added(sum_of(load(trade.after + i), negative(before)), load(trade.after_low + i));
        const DoubleLanes size = added(high, negative(load(trade.before_low + i))).high;
        const DoubleLanes u = size * -trade.sign / depth;
        const DoubleLanes far = u * (u * (u * (1.0 / 362'880) + 1.0 / 40'320) + 1.0 / 5'040) + 1.0 / 720;
        const DoubleLanes ratio = u * (u * (u * (u * (u * far + 1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 1.0 / 2) + 1.0;
        const DoubleLanes price = exp_of(exp, log_start) * trade.spread;
        store(trade.worst + i, select(maximum(log_start, negative(log_start)) <= in_all(690.0), worst, never));
        store(trade.size + i, size);
        store(trade.moved + i, u);
        store(trade.price + i, price);
        store(trade.traded + i, size * (price * ratio));
    }
}
