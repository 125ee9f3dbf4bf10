// After connecting has failed it is tried again a little later, and then less and less often; for each kind of link and
// each user apart, so that a user who cannot connect, or a node that is full, stops nobody who has a link. Pure.
#pragma once

#include "upstream/link_standing.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace portal::upstream {

class ConnectPauses {
  public:
    using Use = LinkStanding::Use;
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] bool empty() const noexcept { return pauses_.empty(); }
    [[nodiscard]] bool holds(Use use, std::string_view username, Clock::time_point now) const;
    /// Connecting has failed; `why` is one sentence.
    void failed(Use use, const std::string& username, std::string_view why, Clock::time_point now);
    void succeeded(Use use, const std::string& username);
    void clear() noexcept;
    /// Why it failed last; empty: all is well.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

  private:
    struct Pause {
        Clock::time_point until{};
        Clock::duration length{};
    };
    using Key = std::pair<Use, std::string>;
    struct Less {
        using is_transparent = void;
        template <typename A, typename B>
        bool operator()(const A& a, const B& b) const {
            return a.first != b.first ? a.first < b.first : std::string_view(a.second) < std::string_view(b.second);
        }
    };
    std::map<Key, Pause, Less> pauses_;
    std::string why_;
};

}  // namespace portal::upstream
