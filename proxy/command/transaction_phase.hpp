// How far the transaction of one client has come. Pure.
#pragma once

#include <cstdint>

namespace portal::command {

enum class TransactionPhase : std::uint8_t {
    none,
    open,       // MULTI was sent on the client's own link
    exec_sent,  // EXEC was sent, its reply is awaited
    broken,     // the leader was lost since MULTI: commands are answered QUEUED, EXEC fails
};

}  // namespace portal::command
