#include "net/turn.hpp"

#include <boost/asio/post.hpp>

namespace portal::net {

namespace {

/// More is flushed in a further turn, so that a message to thousands of clients does not keep all others waiting.
constexpr int kFlushesPerTurn = 1024;

}  // namespace

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
    for (int flushed = 0; !marked_.empty() && flushed < kFlushesPerTurn; ++flushed) {
        Flushable& item = marked_.front();
        marked_.pop_front();
        item.flush();
    }
    end_event(false);  // the rest after those events that are ready meanwhile
}

}  // namespace portal::net
