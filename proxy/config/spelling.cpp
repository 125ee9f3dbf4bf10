#include "config/spelling.hpp"

#include <algorithm>

namespace portal::config {

std::size_t typing_distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> before_last(other.size() + 1);
    std::vector<std::size_t> last(other.size() + 1);
    std::vector<std::size_t> current(other.size() + 1);
    for (std::size_t j = 0; j <= other.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= one.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0U : 1U);
            current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                current[j] = std::min(current[j], before_last[j - 2] + 1);
            }
        }
        before_last.swap(last);
        last.swap(current);
    }
    return last[other.size()];
}

std::optional<std::string_view> nearest_word(std::string_view written, const std::vector<std::string_view>& words) {
    constexpr std::size_t kLongestWord = 64;
    if (written.size() > kLongestWord) {
        return std::nullopt;
    }
    std::optional<std::string_view> best;
    std::size_t best_distance = 0;
    for (const std::string_view word : words) {
        const std::size_t distance = typing_distance(written, word);
        const std::size_t allowed = std::max<std::size_t>(1, std::max(word.size(), written.size()) / 3);
        if (distance <= allowed && (!best || distance < best_distance)) {
            best = word;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace portal::config
