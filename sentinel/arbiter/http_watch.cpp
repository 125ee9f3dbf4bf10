#include "sentinel/arbiter/http_watch.hpp"

#include "observe/log.hpp"
#include "observe/log_escaped.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr Milliseconds kFirstPause{100};
constexpr Milliseconds kLongestPause{5000};

}  // namespace

HttpWatch::HttpWatch(const asio::any_io_executor& executor, std::vector<net::HttpServer> servers,
                     certs::PeerTlsFiles tls, Source source, Milliseconds silence, std::function<void()> changed)
    : client_(std::move(servers), std::move(tls)),
      source_(std::move(source)),
      silence_(silence),
      changed_(std::move(changed)),
      pause_(executor) {}

void HttpWatch::start() {
    asio::co_spawn(pause_.get_executor(), run(shared_from_this()), observe::LogEscaped("arbiter"));
}

void HttpWatch::close() {
    closed_ = true;
    changed_ = nullptr;
    client_.close();
    pause_.cancel();
}

asio::awaitable<void> HttpWatch::run(std::shared_ptr<HttpWatch> /*keeps this alive*/) {
    auto pause = kFirstPause;
    while (!closed_) {
        brought_something_ = false;
        auto request = source_.request();
        net::HttpClient::OnLine on_line = [this](std::string_view line) {
            if (closed_) {
                return false;
            }
            const auto meaning = source_.read(line);
            brought_something_ = brought_something_ || meaning != Line::end;
            if (meaning == Line::change) {
                changed_();
            }
            return meaning != Line::end;
        };
        const auto reply = co_await client_.follow(std::move(request), silence_, std::move(on_line));
        if (closed_) {
            break;
        }
        note(reply);
        // What happened in between is not told by the next stream.
        changed_();
        pause = brought_something_ ? kFirstPause : std::min(2 * pause, kLongestPause);
        pause_.expires_after(std::max<std::chrono::nanoseconds>(pause, reply.retry_after));
        co_await pause_.async_wait(kAwait);
    }
}

/// One line per new cause: a refused watch makes changes be seen late, not wrongly.
void HttpWatch::note(const net::HttpReply& reply) {
    const bool refused = reply.status != 0 && reply.status != 200;
    const auto why = refused ? source_.refusal(reply) : brought_something_ ? "" : reply.error;
    if (why != said_ && !why.empty()) {
        observe::log_warn("arbiter", "the watch does not work; changes are seen when the record is read next",
                          {{"arbiter", source_.name}, {"error", why}});
    }
    said_ = why;
}

}  // namespace portal::sentinel
