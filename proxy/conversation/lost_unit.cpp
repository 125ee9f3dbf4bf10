#include "conversation/lost_unit.hpp"

#include "command/classifier.hpp"

#include <cstddef>

namespace portal::conversation {

std::span<Lost> unit_at_front(std::span<Lost> lost) noexcept {
    std::size_t size = 0;
    while (size < lost.size() && lost[size].request.unit) {
        const command::Handling handling = command::row_at(lost[size].request.tag).handling;
        if (size > 0 && handling == command::Handling::multi) {
            break;  // the next one begins
        }
        ++size;
        if (ends_transaction(handling)) {
            break;
        }
    }
    return lost.first(size);
}

bool may_have_run(std::span<const Lost> lost, bool unit, std::optional<std::uint64_t> opening) noexcept {
    bool opened = false;
    for (const Lost& each : lost) {
        const command::CommandRow& row = command::row_at(each.request.tag);
        const bool unanswered = each.sent && each.refusal.empty() && each.request.unit == unit;
        if (row.handling == command::Handling::multi && (!opening || *opening == each.request.sequence)) {
            opened = unanswered;
        } else if (opened && unanswered && row.write && row.handling != command::Handling::exec) {
            return true;
        }
    }
    return false;
}

}  // namespace portal::conversation
