// Who is called for collateral (model 22), as all runs of a book and its market share it: each owner, and the marks at
// which what its margin ratio calls for may change. Where a claim changes by its owner alone, calls begin at marks that
// are known beforehand, and lie sorted: a step pays for those that its move has passed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "levcore/control.hpp"
#include "levcore/sorted_book.hpp"
#include "levcore/watches.hpp"

namespace levcore {

// An isolated row, or an account.
struct Owner {
    std::int32_t rule;
    std::uint32_t position;  // its first
    bool is_account;
    bool is_told;         // calls begin at marks that are known
    std::uint32_t place;  // row, or account
    std::uint32_t asset;
    std::uint32_t side;
    double reserve;  // at the start
};

// A mark at which a call begins, of an owner as it stands in the book.
struct CallAt {
    double mark;
    std::uint32_t owner;
    Call call;
};

// A mark at which an owner is to be asked.
struct QuietUntil {
    double mark;
    std::uint32_t owner;
    std::uint32_t stamp;
};

struct Controlled {
    Control control;
    std::vector<Owner> owners;  // isolated ones by asset and side, then accounts
    std::size_t isolated = 0;
    std::vector<std::array<bool, 2>> has_owners;                // isolated ones, per asset and side
    bool quiet_holds = false;                                   // no claim changes but by controllers and funding
    bool told_holds = false;                                    // nor by funding
    std::vector<std::array<std::vector<CallAt>, 2>> begins;     // per asset, at a falling and at a rising mark
    std::vector<std::array<double, 2>> told_within;             // per asset, the marks for which these hold
    std::vector<std::array<std::vector<QuietUntil>, 2>> quiet;  // per asset and way, of those that are not told
    std::vector<std::uint32_t> restless;                        // isolated ones that no price is surely quiet for
};

// `pays_funding`: runs pay some.
Controlled gather_owners(const SortedBook& book, const Market& market, Control control, bool pays_funding);

// Whom the mark reaches first, and whether it has.
inline bool is_sooner(const QuietUntil& a, const QuietUntil& b, std::size_t way) noexcept {
    if (a.mark != b.mark) return way == falling ? a.mark > b.mark : a.mark < b.mark;
    return a.owner < b.owner;
}
inline bool is_reached(const QuietUntil& until, double mark, std::size_t way) noexcept {
    return way == falling ? mark <= until.mark : mark >= until.mark;
}

// The marks between which what a claim is called for surely stays, whose equity and requirement are these.
std::array<double, 2> quiet_marks(const Perpetual& instrument, const TopUp& rule, const Claim& held, double entry_price,
                                  double mark, double equity, double maintenance) noexcept;

}  // namespace levcore
