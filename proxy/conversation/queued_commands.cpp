#include "conversation/queued_commands.hpp"

#include "command/session_state.hpp"

#include <algorithm>
#include <utility>

namespace portal::conversation {

using command::Handling;

bool QueuedCommands::concerns_portal(Handling handling) noexcept {
    switch (handling) {
        case Handling::auth:
        case Handling::hello:
        case Handling::select:
        case Handling::client_tracking:
        case Handling::client_getredir:
        case Handling::client_trackinginfo:
        case Handling::cursor:
        case Handling::subscribers:
            return true;
        default:
            return command::is_client_command(handling) || command::is_subscription(handling);
    }
}

void QueuedCommands::note(const command::CommandRow& row) noexcept {
    switch (row.handling) {
        case Handling::multi:
        case Handling::exec:
        case Handling::discard:
        case Handling::watch:
            return;  // never queued
        default:
            ++count_;
            writes_ = writes_ || row.write;
            runs_code_ = runs_code_ || row.runs_code;
    }
}

void QueuedCommands::add(const command::CommandRow& row, std::string_view frame, std::unique_ptr<Kept> kept) {
    own_.push_back({count_, &row, std::string(frame), std::move(kept)});
    subscribes_ = subscribes_ || command::is_subscription(row.handling);
}

std::size_t QueuedCommands::kept() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(own_, [](const Own& each) { return each.kept != nullptr; }));
}

void QueuedCommands::clear() {
    *this = {};
}

}  // namespace portal::conversation
