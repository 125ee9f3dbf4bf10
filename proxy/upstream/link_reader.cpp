#include "upstream/link_reader.hpp"

#include "upstream/link_fences.hpp"

namespace portal::upstream {

bool LinkReader::takes_part(const PendingRequest& front) const noexcept {
    if (within_reply_) {
        return true;
    }
    if (type() == '>' || type() == '+') {
        return false;
    }
    if (front.fence != Fence::none) {
        return expected() >= LinkFences::kLongestAnswer;
    }
    return !front.sink || (front.parts && expected() >= kLarge);
}

}  // namespace portal::upstream
