// CLIENT PAUSE and UNPAUSE: what is asked for, and which commands wait meanwhile. What is paused stays in the client's
// input, in its order. Pure.
#pragma once

#include "command/command_table.hpp"
#include "net/turn.hpp"
#include "resp/request_view.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace portal::session {

/// The pause of a shard's clients.
struct ClientPause {
    enum class Mode : std::uint8_t { none, writes, all };
    Mode mode = Mode::none;
    net::Turn::Clock::time_point until{};

    /// A pause may be made stronger and longer by the next, never weaker or shorter.
    void extend(Mode wanted, net::Turn::Clock::time_point end) {
        mode = std::max(mode, wanted);
        until = std::max(until, end);
    }
};

/// What a CLIENT PAUSE or UNPAUSE asks for.
struct PauseRequest {
    ClientPause::Mode mode = ClientPause::Mode::none;  // none: to end it
    std::chrono::milliseconds time{};
    std::string error;  // text for the client; empty: it can be done
};
[[nodiscard]] PauseRequest read_pause(const command::CommandRow& row, const resp::RequestView& request);

/// `row` waits while clients are paused so. `queued_writes`: it would be the EXEC of a transaction with a write.
[[nodiscard]] bool pauses(ClientPause::Mode mode, const command::CommandRow& row, bool queued_writes) noexcept;

}  // namespace portal::session
