#include "storage/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace portal::storage {

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30U;
constexpr double kMost = 1152921504606846976.0;  // 2^60

struct Unit {
    std::string_view suffix;
    double factor;
};
constexpr std::array kUnits{Unit{"", 1},
                            Unit{"m", 1e-3},
                            Unit{"k", 1e3},
                            Unit{"M", 1e6},
                            Unit{"G", 1e9},
                            Unit{"T", 1e12},
                            Unit{"P", 1e15},
                            Unit{"Ki", 1024.0},
                            Unit{"Mi", 1048576.0},
                            Unit{"Gi", 1073741824.0},
                            Unit{"Ti", 1099511627776.0},
                            Unit{"Pi", 1125899906842624.0}};

}  // namespace

std::optional<std::uint64_t> bytes_of(std::string_view quantity) {
    double number = 0;
    const auto [end, error] = std::from_chars(quantity.data(), quantity.data() + quantity.size(), number);
    if (error != std::errc{} || number < 0) {
        return std::nullopt;
    }
    const std::string_view suffix(end, static_cast<std::size_t>(quantity.data() + quantity.size() - end));
    for (const auto& unit : kUnits) {
        if (unit.suffix == suffix) {
            const double bytes = std::ceil(number * unit.factor);
            return bytes <= kMost ? std::optional(static_cast<std::uint64_t>(bytes)) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::string quantity_of(std::uint64_t bytes) {
    return bytes % kGiB == 0 && bytes > 0 ? std::to_string(bytes / kGiB) + "Gi" : std::to_string(bytes);
}

std::uint64_t round_up_to_gib(std::uint64_t bytes) {
    return (bytes + kGiB - 1) / kGiB * kGiB;
}

}  // namespace portal::storage
