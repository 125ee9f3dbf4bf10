#include "command/session_state.hpp"

namespace portal::command {

/// What a transaction did with them is not looked at: too many of them only keep a link for longer.
void SessionState::note_fieldset(std::string_view subcommand, bool queued, std::string_view reply) noexcept {
    if (subcommand == "prepare") {
        ++fieldsets;
    } else if (!queued && subcommand == "discardall") {
        fieldsets = 0;
    } else if (!queued && subcommand == "discard" && reply == ":1\r\n" && fieldsets > 0) {
        --fieldsets;
    }
}

void SessionState::reset() {
    *this = SessionState{};
}

}  // namespace portal::command
