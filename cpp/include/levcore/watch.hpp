// Whom a margin check has to ask (model 17): the accounts whose watches the marks have reached, and those that have
// changed. All others are healthy for sure.
#pragma once

#include <cstdint>
#include <vector>

#include "levcore/run.hpp"

namespace levcore {

// Brings run.prices to the marks, and run.asked to those that have to be asked at them.
void gather_asked(Run& run);

// Whether one of them is healthy for sure; then it watches on.
bool watches_on(Run& run, std::uint32_t account);

// Asks for the memory of the next of them, from a place in run.asked on: where this is a multiple of as many.
inline constexpr std::size_t fetched_together = 32;
void fetch_next(const Run& run, std::size_t place) noexcept;

// One of them is to be asked at the next check, too; or not before it has changed.
void keep_asking(Run& run, std::uint32_t account);
void stop_asking(Run& run, std::uint32_t account);

}  // namespace levcore
