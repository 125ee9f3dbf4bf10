// When the kernel gives up a peer that has gone without a word: by probes while a connection is silent, and by a bound
// for bytes that nobody acknowledges, since it probes nobody while such bytes are on their way. Knows no connection.
#pragma once

#include <chrono>

namespace portal::net {

struct Keepalive {
    /// Silence before the first probe; zero: the connection is left as it is.
    std::chrono::seconds idle{0};
    std::chrono::seconds interval{0};
    int probes = 0;
    /// How long sent bytes may stay unacknowledged, or the peer's window shut; zero: as long as the kernel likes.
    std::chrono::milliseconds unacknowledged{0};

    /// As redis-server does it: a client that was silent for `time` is asked three times, and is gone after as long
    /// again. Unacknowledged bytes may not wait longer, unless that is less than the `output_time` that a client may
    /// take to read on: the kernel makes no difference between a client that is gone and one that does not read.
    [[nodiscard]] static Keepalive of_clients(std::chrono::milliseconds time, std::chrono::milliseconds output_time);

    /// A flow that a firewall has forgotten ends in seconds and not after a quarter of an hour; but no earlier than the
    /// monitor, which takes a silent node for dead after `down_after`, can have judged.
    [[nodiscard]] static Keepalive of_links(std::chrono::milliseconds down_after);

    /// What the kernel refuses stays as it was: the connection works without.
    void apply(int socket) const noexcept;
};

}  // namespace portal::net
