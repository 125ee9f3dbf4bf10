#include "login_probe.hpp"

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

/// A second is promised. Ten, and many questions, are no matter of a slow machine.
constexpr std::chrono::seconds kBound{10};
constexpr std::size_t kQuestions = 100;
/// Clients are dealt to the shards in turn, other clients too; so many in a row have met each.
constexpr std::size_t kInARow = 8;
constexpr std::string_view kQuestion = "*1\r\n$4\r\nPING\r\n";

}  // namespace

LoginProbe::~LoginProbe() {
    leave();
}

void LoginProbe::leave() noexcept {
    if (descriptor_ >= 0) {
        ::close(std::exchange(descriptor_, -1));
    }
}

void LoginProbe::turn() {
    if (descriptor_ < 0) {
        if (Clock::now() - asked_at_ < std::chrono::milliseconds(10)) {
            return;
        }
        asked_at_ = Clock::now();
        descriptor_ = portal_.connect();
        if (::send(descriptor_, kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL) < 0) {
            ::close(descriptor_);
            descriptor_ = -1;
        }
        return;
    }
    std::array<char, 512> space;
    const ssize_t size = ::recv(descriptor_, space.data(), space.size(), 0);
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    ::close(descriptor_);
    descriptor_ = -1;
    if (size > 0) {
        answered(std::string_view(space.data(), static_cast<std::size_t>(size)).starts_with("-NOAUTH"));
    }
}

void LoginProbe::answered(bool refused) {
    ++asked_;
    right_ = refused == !open_ ? right_ + 1 : 0;
    if (right_ >= kInARow) {
        open_ = !open_;
        nodes_.change_users([this](Users& users) { users.at(0).enabled = open_; });
        ++changes_;
        changed_ = Clock::now();
        right_ = asked_ = 0;
    } else if (asked_ > kQuestions && Clock::now() - changed_ > kBound) {
        ledger_.wrong(open_ ? "new clients are locked out though no login is wanted any more"
                            : "new clients are served without the login that is wanted now",
                      fmt::format("{} clients in {} seconds, after {} changes", asked_, kBound.count(), changes_));
        changed_ = Clock::now();
    }
}

}  // namespace portal::adversary
