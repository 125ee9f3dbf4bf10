// What becomes of an answer, and of a request that came back: what a decision says and a session carries out. Values
// only.
#pragma once

#include "resp/reply_writer.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace portal::conversation {

/// Of an answer of the node's.
struct Verdict {
    std::string_view bytes;        // what the client gets, unless the request goes again
    bool again = false;            // with the copy of what came before it, to the next leader
    bool doubts_leader = false;    // the node says that it does not lead
    bool settles_earlier = false;  // what was refused before it gets the node's answers now, so that the order is true
    bool ends_link = false;        // the node goes on in a state that is over for the client
};

/// Of a request that came back.
struct Fate {
    enum class Kind : std::uint8_t {
        again,         // it waits for a leader, and goes there
        answer,        // with `bytes`
        accept_hello,  // a HELLO whose protocol was to change on the link that is gone: nobody is asked any more
        in_doubt,      // a write that may have been executed: the client is told, or closed
        not_repeated,  // it may be what took the node away: the client is told, or closed
        close,         // there is no honest way to go on
    };
    Kind kind = Kind::again;
    std::string bytes{};

    [[nodiscard]] static Fate answered(std::string bytes) { return {Kind::answer, std::move(bytes)}; }
};

}  // namespace portal::conversation
