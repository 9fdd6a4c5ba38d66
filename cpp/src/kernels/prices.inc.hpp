// Liquidation prices by lanes, included by each level's file inside that level's namespace. A look-up by the exponent
// and the first bits of abs(cash) says which line holds there or where the next one begins, and one division is left.
// The operations are those of liquidation_unit_price (margin.cpp) on the line that it would pick, in its order.
namespace {

struct LineTables {
    ShortTable rate;
    ShortTable deduction;
    DoubleLanes least;
    DoubleLanes most;
    const std::uint64_t* cells;
    WordLanes first_cell;
};

struct PricesOfLanes {
    DoubleLanes price;
    MaskLanes sure;
};

PricesOfLanes prices_of(const LineTables& lines, DoubleLanes quantity, DoubleLanes entry_price, DoubleLanes margin) {
    constexpr std::uint64_t sign_bit = 0x8000000000000000;
    const DoubleLanes cash = margin - quantity * entry_price;
    // Not a number, as the margin of an account's position is, becomes the least.
    const DoubleLanes owed = minimum(maximum(doubles_of(bits_of(cash) & ~sign_bit), lines.least), lines.most);
    const WordLanes number =
        ((bits_of(owed) >> (price_cell_shift - 1)) & ~std::uint64_t{1}) + (bits_of(quantity) >> 63);
    const WordLanes cell = gather(lines.cells, number - lines.first_cell);
    const DoubleLanes bound = doubles_of(cell);
    const DoubleLanes apart = doubles_of(bits_of(owed - bound) & ~sign_bit);
    const WordLanes line =
        (cell & (most_price_lines - 1)) + select(bound <= owed, in_all(std::uint64_t{1}), in_all(std::uint64_t{0}));
    const WordLanes sign = bits_of(quantity) & sign_bit;
    const DoubleLanes size = doubles_of(bits_of(quantity) ^ sign);
    const DoubleLanes above = cash + look_up(lines.deduction, line);
    const DoubleLanes slope = look_up(lines.rate, line) * size;
    const DoubleLanes price =
        doubles_of(bits_of(above) ^ sign ^ in_all(sign_bit)) / (size - doubles_of(bits_of(slope) ^ sign));
    const DoubleLanes none = doubles_of(in_all(no_price_bits));
    const DoubleLanes positive = select(in_all(0.0) < price, price, none);
    const DoubleLanes finite = select(price < doubles_of(in_all(std::uint64_t{0x7ff0000000000000})), positive, none);
    const MaskLanes sure = bound * price_bound_room <= apart;
    return {select(sure, finite, doubles_of(in_all(unsure_price_bits))), sure};
}

}  // namespace

[[gnu::flatten]] bool prices_by_lines(const PriceLineTables& tables, const PositionColumns& held, double* prices) {
    const LineTables lines{short_table(tables.rate),
                           short_table(tables.deduction),
                           in_all(tables.least),
                           in_all(tables.most),
                           tables.cells,
                           in_all(2 * tables.first_cell)};
    MaskLanes sure = in_all(0.0) < in_all(1.0);
    std::size_t done = 0;
    for (; done + lanes <= held.count; done += lanes) {
        const PricesOfLanes some =
            prices_of(lines, load(held.quantity + done), load(held.entry_price + done), load(held.margin + done));
        store(prices + done, some.price);
        sure = sure & some.sure;
    }
    if (const std::size_t left = (held.count - done) * sizeof(double); left > 0) {
        DoubleLanes columns[3] = {};
        std::memcpy(&columns[0], held.quantity + done, left);
        std::memcpy(&columns[1], held.entry_price + done, left);
        std::memcpy(&columns[2], held.margin + done, left);
        const PricesOfLanes some = prices_of(lines, columns[0], columns[1], columns[2]);
        std::memcpy(prices + done, &some.price, left);
        sure = sure & some.sure;
    }
    bool all_sure = true;
    for (std::size_t i = 0; i < lanes; ++i) all_sure = all_sure && sure[i] != 0;
    return all_sure;
}
