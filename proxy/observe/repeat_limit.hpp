// How often something may be said that others can cause as often as they like: of each subject once a second, and then
// how often it was not said. Bounded, whoever the subjects are. Pure, and given the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace portal::observe {

class RepeatLimit {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kEvery{1};
    /// Subjects that are told apart; all that come beyond them count as one, without a name.
    static constexpr std::size_t kSubjects = 256;

    /// A number if `what` may be said of `subject` now: how often it was not said since it was said last.
    [[nodiscard]] std::optional<std::uint64_t> ask(std::string_view what, std::string_view subject,
                                                   Clock::time_point now) {
        auto found = said_.find(Key(what, subject));
        if (found == said_.end()) {
            if (said_.size() >= kSubjects) {
                forget(now);
            }
            found = said_.try_emplace(Key(what, said_.size() < kSubjects ? subject : std::string_view())).first;
        }
        Said& said = found->second;
        if (said.last && now - *said.last < kEvery) {
            ++said.left_out;
            return std::nullopt;
        }
        said.last = now;
        return std::exchange(said.left_out, 0);
    }

    /// Calls tell(what, subject, how often) for what was left out and has not come again for so long that nothing else
    /// would say so.
    template <typename Tell>
    void settle(Clock::time_point now, Tell&& tell) {
        for (auto& [key, said] : said_) {
            if (said.left_out > 0 && now - *said.last >= kEvery) {
                said.last = now;
                tell(std::string_view(key.first), std::string_view(key.second), std::exchange(said.left_out, 0));
            }
        }
    }

    [[nodiscard]] bool empty() const noexcept { return said_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return said_.size(); }

  private:
    using Key = std::pair<std::string, std::string>;
    struct Said {
        std::optional<Clock::time_point> last;
        std::uint64_t left_out = 0;
    };

    void forget(Clock::time_point now) {
        std::erase_if(
            said_, [now](const auto& each) { return each.second.left_out == 0 && now - *each.second.last >= kEvery; });
    }

    std::map<Key, Said> said_;
};

}  // namespace portal::observe
