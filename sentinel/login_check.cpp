#include "sentinel/login_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace portal::sentinel {
namespace asio = boost::asio;
using Word = LoginState::Word;

namespace {

/// A node makes the list of its clients in one piece; that of more would hold up the others there.
constexpr std::uint64_t kMostClients = 2000;

std::uint64_t clients_in(std::string_view info) {
    static constexpr std::string_view kKey = "connected_clients:";
    const auto at = info.find(kKey);
    std::uint64_t count = 0;
    if (at != std::string_view::npos) {
        std::from_chars(info.data() + at + kKey.size(), info.data() + info.size(), count);
    }
    return count;
}

}  // namespace

bool is_refused_login(std::string_view error) noexcept {
    // The sentences are those of servers before 6.0, which have no word of their own for it.
    static constexpr std::array<std::string_view, 5> kSigns{"WRONGPASS", "NOAUTH", "NOPERM", "invalid password",
                                                            "wrong number of arguments for 'auth'"};
    return std::ranges::any_of(kSigns, [&](std::string_view sign) { return error.find(sign) != error.npos; });
}

LoginCheck::LoginCheck(asio::any_io_executor executor, config::Node node, SharedLogin login, Timing timing,
                       Report report)
    : timing_(timing),
      report_(std::move(report)),
      link_(std::make_shared<ControlLink>(std::move(executor), std::move(node), std::move(login))) {}

void LoginCheck::check_now() {
    link_->wake();
}

void LoginCheck::stop() {
    stopped_ = true;
    link_->wake();
    link_->close();
}

asio::awaitable<void> LoginCheck::run() {
    const auto self = shared_from_this();
    while (!stopped_) {
        auto state = co_await log_in();
        Visitors visitors;
        if (state.word == Word::accepted && !crowded_) {
            visitors = co_await look_around();
        }
        link_->close();
        const auto pause =
            state.word == Word::accepted ? timing_.every : std::min(timing_.every, timing_.while_refused);
        if (!stopped_) {
            report_(std::move(state), std::move(visitors));
            (void)co_await link_->rest(Clock::now() + pause);
        }
    }
}

/// INFO is what each probe asks, so a user that may not ask it is of no use either.
asio::awaitable<LoginState> LoginCheck::log_in() {
    const auto deadline = Clock::now() + timing_.deadline;
    auto reply = co_await link_->connect(deadline);
    if (reply.good()) {
        const std::vector<std::string> info{"INFO", "clients"};
        reply = co_await link_->request(info, deadline);
    }
    if (reply.good()) {
        crowded_ = clients_in(reply.text) > kMostClients;
        co_return LoginState{Word::accepted, {}};
    }
    const bool refused = reply.is_error && is_refused_login(reply.text);
    if (reply.text.ends_with('.')) {
        reply.text.pop_back();  // more follows where it is told
    }
    co_return LoginState{refused ? Word::refused : Word::unknown, refused ? reply.text : std::string()};
}

asio::awaitable<Visitors> LoginCheck::look_around() {
    const std::vector<std::string> list{"CLIENT", "LIST", "TYPE", "normal"};
    const auto reply = co_await link_->request(list, Clock::now() + timing_.deadline);
    co_return reply.good() ? visitors_of(reply.text) : Visitors{};
}

}  // namespace portal::sentinel
