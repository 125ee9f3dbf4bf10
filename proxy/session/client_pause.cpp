#include "session/client_pause.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"

#include <array>
#include <string_view>

namespace portal::session {

using command::Handling;
namespace client_errors = conversation::client_errors;

namespace {

/// As far ahead as a clock of nanoseconds can be moved without care.
constexpr std::chrono::hours kLongestPause{24 * 365 * 100};

/// Writes whose keys the command table cannot name.
constexpr auto kWritesWithoutKeys =
    std::to_array<std::string_view>({"blmpop", "bzmpop", "flushall", "flushdb", "function", "lmpop", "msetex", "sflush",
                                     "swapdb", "xreadgroup", "zmpop"});

/// What redis-server flags as a write, or as something that may reach the replicas.
bool reaches_replicas(const command::CommandRow& row) {
    return row.write && (row.first_key > 0 || row.handling == Handling::script || row.handling == Handling::publish ||
                         row.handling == Handling::unknown || std::ranges::binary_search(kWritesWithoutKeys, row.name));
}

}  // namespace

bool pauses(ClientPause::Mode mode, const command::CommandRow& row, bool queued_writes) noexcept {
    switch (mode) {
        case ClientPause::Mode::none:
            return false;
        case ClientPause::Mode::writes:
            return row.handling == Handling::exec ? queued_writes : reaches_replicas(row);
        case ClientPause::Mode::all:
            break;
    }
    return true;
}

PauseRequest read_pause(const command::CommandRow& row, const resp::RequestView& request) {
    PauseRequest wanted;
    if (row.handling != Handling::client_pause) {
        return wanted;
    }
    wanted.mode = ClientPause::Mode::all;
    if (request.argc() > 4) {
        wanted.error = client_errors::wrong_subcommand(request.arg(1), "CLIENT");
        return wanted;
    }
    if (request.argc() == 4 && resp::is_word(request.arg(3), "write")) {
        wanted.mode = ClientPause::Mode::writes;
    } else if (request.argc() == 4 && !resp::is_word(request.arg(3), "all")) {
        wanted.error = client_errors::kPauseMode;
        return wanted;
    }
    const auto given = resp::to_integer(request.arg(2));
    if (!given || *given > std::chrono::milliseconds(kLongestPause).count()) {
        wanted.error = client_errors::kTimeoutNotInteger;
    } else if (*given < 0) {
        wanted.error = client_errors::kTimeoutNegative;
    } else {
        wanted.time = std::chrono::milliseconds(*given);
    }
    return wanted;
}

}  // namespace portal::session
