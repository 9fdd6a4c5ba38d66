// How the core says what is wrong with a value: column, row, rule, and the value in as few digits as tell it apart.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string>

namespace levcore {

inline std::string shortest(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

inline std::string broken_rule(const char* column, std::size_t row, const std::string& rule, double value) {
    return std::string(column) + "[" + std::to_string(row) + "] must " + rule + ", was " + shortest(value);
}

}  // namespace levcore
