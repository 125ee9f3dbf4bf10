#include "upstream/connect_pauses.hpp"

#include <algorithm>

namespace portal::upstream {

namespace {

constexpr std::chrono::milliseconds kFirst{50};
constexpr std::chrono::milliseconds kLongest{1000};

}  // namespace

bool ConnectPauses::holds(Use use, std::string_view username, Clock::time_point now) const {
    const auto found = pauses_.find(std::pair(use, username));
    return found != pauses_.end() && now < found->second.until;
}

void ConnectPauses::failed(Use use, const std::string& username, std::string_view why, Clock::time_point now) {
    Pause& pause = pauses_[{use, username}];
    if (now >= pause.until) {  // else several that were on their way at once have failed
        pause.length = std::clamp<Clock::duration>(pause.length * 2, kFirst, kLongest);
        pause.until = now + pause.length;
    }
    why_ = why;
}

void ConnectPauses::succeeded(Use use, const std::string& username) {
    if (!pauses_.empty()) {
        pauses_.erase({use, username});
        if (pauses_.empty()) {
            why_.clear();
        }
    }
}

void ConnectPauses::clear() noexcept {
    pauses_.clear();
    why_.clear();
}

}  // namespace portal::upstream
