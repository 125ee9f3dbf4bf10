#include "conversation/large_rules.hpp"

namespace portal::conversation {

using command::Handling;
using route::Destination;

namespace {

/// So much of it must be there: the names of command and subcommand are then complete, or longer than any that exist.
constexpr std::size_t kHead = 16 * 1024;

}  // namespace

bool shows_that_it_is_large(std::size_t present, std::size_t announced) noexcept {
    return present >= kHead && present + announced >= kLargeRequest;
}

bool passes_as_it_comes(const command::CommandRow& row, bool resp2_subscriber) noexcept {
    if (row.affinity == command::Affinity::local) {
        return false;
    }
    switch (row.handling) {
        case Handling::plain:
        case Handling::script:
        case Handling::blocking:
        case Handling::publish:
        case Handling::unknown:
            return true;
        case Handling::ping:
            return !resp2_subscriber;
        default:
            return false;
    }
}

LargeStep next_step(Destination destination, const LargeFacts& facts) noexcept {
    if (destination == Destination::local) {
        return LargeStep::answer;
    }
    if (destination != Destination::hold && !facts.idle) {
        return LargeStep::drain;
    }
    if (destination != Destination::hold && facts.own_owes) {
        return LargeStep::await_link;
    }
    if (destination == Destination::hold || !facts.has_link) {
        return facts.refusing ? LargeStep::refuse : LargeStep::hold;
    }
    return facts.awaits_proof ? LargeStep::await_proof : LargeStep::forward;
}

}  // namespace portal::conversation
