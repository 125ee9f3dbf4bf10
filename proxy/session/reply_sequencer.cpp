#include "session/reply_sequencer.hpp"

namespace portal::session {

void ReplySequencer::finish(Slot slot, std::string bytes, std::string& out) {
    if (is_front(slot)) {
        out += bytes;
        finish_front(out);
        return;
    }
    stored_bytes_ += bytes.size();
    auto position = early_.end();
    while (position != early_.begin() && std::prev(position)->first > slot) {
        --position;
    }
    early_.emplace(position, slot, std::move(bytes));
}

}  // namespace portal::session
