#include "net/connector.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace portal::net {

/// One address that is being connected to.
class Connector::Attempt final : private Loop::Watch {
  public:
    Attempt(Connector& owner, Endpoint endpoint, int socket)
        : owner_(owner), endpoint_(std::move(endpoint)), socket_(socket) {}
    ~Attempt() {
        if (socket_ >= 0) {
            ::close(take());
        }
    }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// The error, or zero: on_attempt() follows.
    [[nodiscard]] int begin() {
        const int begun = ::connect(socket_, endpoint_.data(), static_cast<socklen_t>(endpoint_.size()));
        if (begun != 0 && errno != EINPROGRESS) {
            return errno;
        }
        watched_ = owner_.loop_.add(socket_, *this);
        return watched_ ? 0 : errno;
    }
    /// What has become of it.
    [[nodiscard]] int outcome() const {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }
    [[nodiscard]] int take() {
        if (watched_) {
            owner_.loop_.remove(socket_, *this);
        }
        return std::exchange(socket_, -1);
    }
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }

  private:
    void on_events(std::uint32_t events) override {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
            owner_.on_attempt(*this);
        }
    }

    Connector& owner_;
    Endpoint endpoint_;
    int socket_;
    bool watched_ = false;
};

std::vector<Connector::Endpoint> by_turns(const std::vector<Connector::Endpoint>& endpoints) {
    std::vector<Connector::Endpoint> first;
    std::vector<Connector::Endpoint> other;
    for (const auto& each : endpoints) {
        (each.protocol() == endpoints.front().protocol() ? first : other).push_back(each);
    }
    std::vector<Connector::Endpoint> ordered;
    for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
        for (const auto* family : {&first, &other}) {
            if (i < family->size()) {
                ordered.push_back((*family)[i]);
            }
        }
    }
    return ordered;
}

Connector::Connector(Loop& loop, NameLookup& names, Loop::Clock::duration next_after)
    : loop_(loop), names_(names), next_after_(next_after), next_(loop) {}

Connector::~Connector() = default;

void Connector::start(const std::string& host, std::uint16_t port, Done done) {
    host_ = host;
    done_ = std::move(done);
    wanted_ = names_.find(host, port, [this](const NameLookup::Answer& answer) { on_answer(answer); });
}

/// Comes again when the name has other addresses by now than those it was thought to have.
void Connector::on_answer(const NameLookup::Answer& answer) {
    if (!answer.error.empty()) {
        if (attempts_.empty() && untried_.empty()) {
            finish({-1, host_ + " cannot be looked up: " + answer.error});
        }
        return;
    }
    const auto is_new = [&](const Endpoint& each) { return std::ranges::find(seen_, each) == seen_.end(); };
    std::deque<Endpoint> fresh;
    std::ranges::copy_if(by_turns(answer.endpoints), std::back_inserter(fresh), is_new);
    seen_.insert(seen_.end(), fresh.begin(), fresh.end());
    untried_.insert(untried_.begin(), fresh.begin(), fresh.end());
    const bool still_right = std::ranges::any_of(attempts_, [&](const auto& each) {
        return std::ranges::find(answer.endpoints, each->endpoint()) != answer.endpoints.end();
    });
    if (!still_right) {
        try_next();
    }
}

/// Begins with the next address that the kernel does not refuse at once. Without any, and none under way, that is the
/// end.
void Connector::try_next() {
    next_.cancel();
    bool begun = false;
    while (!begun && !untried_.empty()) {
        const Endpoint endpoint = untried_.front();
        untried_.pop_front();
        begun = attempt(endpoint);
    }
    if (attempts_.empty()) {
        names_.doubt(host_);
        finish({-1, "connect failed: " + error_});
    } else if (!untried_.empty()) {
        next_.start(next_after_, [this] { try_next(); });
    }
}

bool Connector::attempt(const Endpoint& endpoint) {
    const int socket = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = socket < 0 ? errno : 0;
    if (error == 0) {
        auto begun = std::make_unique<Attempt>(*this, endpoint, socket);
        error = begun->begin();
        if (error == 0) {
            attempts_.push_back(std::move(begun));
            return true;
        }
    }
    error_ = std::generic_category().message(error);
    return false;
}

void Connector::on_attempt(Attempt& attempt) {
    if (const int error = attempt.outcome(); error != 0) {
        error_ = std::generic_category().message(error);
        std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });
        if (attempts_.empty() || !untried_.empty()) {
            try_next();
        }
        return;
    }
    if (attempt.endpoint() != seen_.front()) {
        names_.prefer(host_, attempt.endpoint().address());
    }
    finish({attempt.take(), {}});
}

void Connector::finish(const Result& result) {
    const Done done = std::move(done_);
    next_.cancel();
    wanted_.reset();
    attempts_.clear();
    done(result);  // may destroy this
}

}  // namespace portal::net
