#include "net/turn.hpp"

#include <boost/asio/post.hpp>

namespace portal::net {

void Turn::end_event(bool alone) {
    if ((marked_.empty() && later_.empty()) || posted_) {
        return;
    }
    if (alone) {
        flush_all();
    } else {
        post_flush();
    }
}

void Turn::post_flush() {
    posted_ = true;
    boost::asio::post(context_, [this] {
        posted_ = false;
        flush_all();
    });
}

void Turn::flush_all() {
    ++flushed_turns_;
    flush_marked();
    for (int flushed = 0; flushed < kPortion && !later_.empty(); ++flushed) {
        Flushable& item = later_.front();
        later_.pop_front();
        item.flush();
    }
    flush_marked();
    if (!later_.empty() && !posted_) {
        post_flush();
    }
}

void Turn::flush_marked() {
    while (!marked_.empty()) {
        Flushable& item = marked_.front();
        marked_.pop_front();
        item.flush();
    }
}

}  // namespace portal::net
