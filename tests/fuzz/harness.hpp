// What the fuzz harnesses share. An input is two bytes of choices (limits, randomness of the cuts) and then the bytes
// that a peer sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace portal::fuzz {

/// Inputs to start from, defined by each harness.
std::vector<std::string> seeds();

inline void require(bool condition, const char* what) {
    if (!condition) {
        std::fprintf(stderr, "harness: %s\n", what);
        std::abort();
    }
}

struct Input {
    std::uint8_t choices = 0;
    std::minstd_rand random;
    std::string_view bytes;

    Input(const std::uint8_t* data, std::size_t size) {
        const std::string_view all(reinterpret_cast<const char*>(data), size);
        if (size >= 2) {
            choices = data[0];
            random.seed(data[1] + 1U);
            bytes = all.substr(2);
        }
    }

    /// Offsets in growing order at which to cut the bytes.
    std::vector<std::size_t> cuts() {
        std::vector<std::size_t> result;
        const std::size_t stride = 1 + random() % 64;
        for (std::size_t at = random() % stride; at < bytes.size(); at += 1 + random() % stride) {
            result.push_back(at);
        }
        return result;
    }
};

}  // namespace portal::fuzz
