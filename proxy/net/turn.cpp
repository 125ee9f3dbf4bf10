#include "net/turn.hpp"

namespace portal::net {

bool Turn::end() {
    if (marked_.empty() && later_.empty()) {
        note_end();
        return false;
    }
    ++flushed_turns_;
    flush_marked();
    for (int flushed = 0; flushed < kPortion && !later_.empty(); ++flushed) {
        Flushable& item = later_.front();
        later_.pop_front();
        item.flush();
    }
    flush_marked();
    note_end();
    return !later_.empty();
}

void Turn::note_end() {
    if (took_time_ && began_ != Clock::time_point{}) {
        took_time_(Clock::now() - began_);
    }
    began_ = {};
}

void Turn::flush_marked() {
    while (!marked_.empty()) {
        Flushable& item = marked_.front();
        marked_.pop_front();
        item.flush();
    }
}

}  // namespace portal::net
