// Large values for tests: random bytes and runs of the bytes with which RESP's types begin, so that no part of a value
// looks like another, and many begin like a reply. The same for the same size and seed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::testing {

inline std::string binary_content(std::size_t size, unsigned seed = 1) {
    constexpr std::string_view kMarks = ">>>>*+-$:_#%~\r\n";
    constexpr std::size_t kLongestRun = 4096;
    std::mt19937 random(seed);
    std::string value;
    value.reserve(size);
    while (value.size() < size) {
        const std::size_t run = std::min<std::size_t>(1 + random() % kLongestRun, size - value.size());
        if (random() % 2 == 0) {
            value.append(run, kMarks[random() % kMarks.size()]);
        } else {
            std::generate_n(std::back_inserter(value), run, [&] { return static_cast<char>(random()); });
        }
    }
    return value;
}

/// Where two values part: gtest would look for the smallest difference, which takes minutes with values of megabytes.
inline ::testing::AssertionResult same_bytes(std::string_view given, std::string_view wanted) {
    if (given == wanted) {
        return ::testing::AssertionSuccess();
    }
    const auto at = static_cast<std::size_t>(
        std::mismatch(given.begin(), given.end(), wanted.begin(), wanted.end()).first - given.begin());
    const auto shown = [&](std::string_view bytes) {
        return ::testing::PrintToString(std::string(bytes.substr(at, 200)));
    };
    return ::testing::AssertionFailure() << "from byte " << at << ": " << shown(given) << " of " << given.size()
                                         << " bytes was given, " << shown(wanted) << " of " << wanted.size()
                                         << " bytes is wanted";
}

}  // namespace portal::testing
