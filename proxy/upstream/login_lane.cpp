#include "upstream/login_lane.hpp"

#include <chrono>
#include <utility>

namespace portal::upstream {

namespace {

/// A node that wants a login counts each question as an error. That it wants none any more need not be known so soon.
constexpr std::chrono::milliseconds kAskLocked{800};

}  // namespace

LoginLane::LoginLane(std::function<LinkPtr()> make, std::function<void(bool)> told)
    : make_(std::move(make)),
      told_(std::move(told)),
      watch_(new LoginWatch([this](LoginWatch::Verdict verdict) { take_verdict(verdict); })) {}

Link& LoginLane::link() {
    if (!link_) {
        link_ = make_();
        link_->start();
    }
    return *link_;
}

void LoginLane::ask(Time now, std::string_view name) {
    if (!required_ || now - asked_ >= kAskLocked) {
        asked_ = now;
        watch_->ask(link(), name);
    }
}

void LoginLane::take_verdict(LoginWatch::Verdict verdict) {
    if (verdict != LoginWatch::Verdict::unknown) {
        told_(verdict == LoginWatch::Verdict::login_required);
    } else if (const LinkPtr link = link_) {
        link->end("a node that knows no RESET tells only newcomers what they must do");  // the next one is new
    }
}

}  // namespace portal::upstream
