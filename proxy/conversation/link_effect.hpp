// What each command does to the connection that carries it. What is not named here may do anything. Pure.
#pragma once

#include "command/session_state.hpp"
#include "upstream/link_state.hpp"

namespace portal::conversation {

[[nodiscard]] constexpr upstream::Effect effect_of(command::Handling handling) noexcept {
    using command::Handling;
    using upstream::Effect;
    if (command::is_client_command(handling)) {
        return Effect::none;  // the portal's own; what travels is a question that changes nothing, see question()
    }
    switch (handling) {
        case Handling::plain:
        case Handling::cursor:
        case Handling::read_on:
        case Handling::ping:
        case Handling::publish:
        case Handling::subscribers:
        case Handling::script:
        case Handling::blocking:
        case Handling::wait:
        case Handling::client_getredir:
        case Handling::client_trackinginfo:
            return Effect::none;
        case Handling::multi:
            return Effect::multi;
        case Handling::exec:
            return Effect::exec;
        case Handling::discard:
            return Effect::discard;
        case Handling::watch:
            return Effect::watch;
        case Handling::unwatch:
            return Effect::unwatch;
        default:
            return Effect::lasting;
    }
}

}  // namespace portal::conversation
