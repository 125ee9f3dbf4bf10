#include "net/turn.hpp"

#include <boost/asio/post.hpp>

namespace portal::net {

void Turn::end_event(bool alone) {
    if (marked_.empty() || posted_) {
        return;
    }
    if (alone) {
        flush_marked();
        return;
    }
    posted_ = true;
    boost::asio::post(context_, [this] {
        posted_ = false;
        flush_marked();
    });
}

void Turn::flush_marked() {
    ++flushed_turns_;
    while (!marked_.empty()) {
        Flushable& item = marked_.front();
        marked_.pop_front();
        item.flush();
    }
}

}  // namespace portal::net
