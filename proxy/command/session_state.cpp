#include "command/session_state.hpp"

namespace portal::command {

void SessionState::reset() {
    *this = SessionState{};
}

}  // namespace portal::command
