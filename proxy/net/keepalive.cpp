#include "net/keepalive.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace portal::net {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kOne{1};
/// Several retransmissions fit in, so that a few lost packets end no link.
constexpr milliseconds kLeastOfLinks{10'000};
constexpr int kLinkProbes = 5;

void set(int socket, int level, int option, long long value) noexcept {
    const int as_int = static_cast<int>(value);
    ::setsockopt(socket, level, option, &as_int, sizeof as_int);
}

}  // namespace

Keepalive Keepalive::of_clients(milliseconds time, milliseconds output_time) {
    if (time == milliseconds::zero()) {
        return {};
    }
    Keepalive how;
    how.idle = std::max(kOne, std::chrono::duration_cast<seconds>(time));
    how.interval = std::max(kOne, how.idle / 3);
    how.probes = 3;
    const milliseconds all = how.idle + how.probes * how.interval;
    how.unacknowledged = all >= output_time ? all : milliseconds::zero();
    return how;
}

Keepalive Keepalive::of_links(milliseconds down_after) {
    Keepalive how;
    how.unacknowledged = std::max(kLeastOfLinks, 3 * down_after);
    // Once this is set, the kernel lets it end silent connections, too, so all probes must have gone out by then.
    how.idle = std::chrono::duration_cast<seconds>(how.unacknowledged / 2);
    how.interval = how.idle / kLinkProbes;
    how.probes = kLinkProbes;
    return how;
}

void Keepalive::apply(int socket) const noexcept {
    if (idle == seconds::zero()) {
        return;
    }
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle.count());
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, interval.count());
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, probes);
    if (unacknowledged != milliseconds::zero()) {
        set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged.count());
    }
}

}  // namespace portal::net
