// Sizes as Kubernetes writes them (resource.Quantity). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::storage {

/// Bytes of "8Gi", "1.5Ti", "500M", "8589934592", "1e9"; rounded up. Nothing for what is no size or larger than 2^60.
[[nodiscard]] std::optional<std::uint64_t> bytes_of(std::string_view quantity);
/// "12Gi" when it is whole, else plain bytes.
[[nodiscard]] std::string quantity_of(std::uint64_t bytes);
/// The next whole number of GiB.
[[nodiscard]] std::uint64_t round_up_to_gib(std::uint64_t bytes);

}  // namespace portal::storage
