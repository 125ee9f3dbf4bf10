#include "session/lost_unit.hpp"

#include "command/classifier.hpp"

#include <cstddef>

namespace portal::session {

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

}  // namespace portal::session
