// Session: CLIENT PAUSE and UNPAUSE, on all shards. What is paused stays in the client's input, in its order.
#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <array>

namespace portal::session {

using command::Handling;

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

bool Session::pauses(const Row& row) const noexcept {
    switch (context_.pause.mode) {
        case ClientPause::Mode::none:
            return false;
        case ClientPause::Mode::writes:
            return row.handling == Handling::exec ? transaction_.active() && transaction_.queued().writes()
                                                  : reaches_replicas(row);
        case ClientPause::Mode::all:
            break;
    }
    return true;
}

/// CLIENT PAUSE timeout [WRITE|ALL], CLIENT UNPAUSE
void Session::pause_clients(const Row& row, const resp::RequestView& request) {
    auto mode = ClientPause::Mode::none;
    std::int64_t milliseconds = 0;
    if (row.handling == Handling::client_pause) {
        mode = ClientPause::Mode::all;
        if (request.argc() > 4) {
            reply_error(client_errors::wrong_subcommand(request.arg(1), "CLIENT"));
            return;
        }
        if (request.argc() == 4 && resp::is_word(request.arg(3), "write")) {
            mode = ClientPause::Mode::writes;
        } else if (request.argc() == 4 && !resp::is_word(request.arg(3), "all")) {
            reply_error(client_errors::kPauseMode);
            return;
        }
        const auto given = resp::to_integer(request.arg(2));
        if (!given || *given > std::chrono::milliseconds(kLongestPause).count()) {
            reply_error(client_errors::kTimeoutNotInteger);
            return;
        }
        if (*given < 0) {
            reply_error(client_errors::kTimeoutNegative);
            return;
        }
        milliseconds = *given;
    }
    const auto look = [mode, milliseconds](SessionContext& context) {
        if (mode == ClientPause::Mode::none) {
            session::end_pause(context);
        } else {
            context.pause.extend(mode, context.turn.now() + std::chrono::milliseconds(milliseconds));
        }
        return 0;
    };
    const auto done = [id = origin_.id, slot = await_shards()](SessionContext& context, std::vector<int>& /*shards*/) {
        if (Session* asker = context.registry.find(id)) {
            asker->finish_shards(slot, resp::simple("OK"));
        }
    };
    context_.peers.ask_all<int>(context_.shard, look, done);
}

void Session::end_pause() {
    if (!closed_ && wait_ == Wait::paused) {
        wait_ = Wait::drained;
        context_.turn.mark(*this);
    }
}

void end_pause(SessionContext& context) {
    context.pause = {};
    for (Session& each : context.registry.all) {
        each.end_pause();
    }
}

}  // namespace portal::session
