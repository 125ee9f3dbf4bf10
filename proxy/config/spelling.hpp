// Finds the word that somebody probably meant.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace portal::config {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t typing_distance(std::string_view one, std::string_view other);

/// The nearest of `words` when it is near enough to be a typing error: at most a third of its letters differ.
std::optional<std::string_view> nearest_word(std::string_view written, const std::vector<std::string_view>& words);

}  // namespace portal::config
