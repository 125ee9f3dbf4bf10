// How a shard stops forwarding: what is in flight may still be answered for a moment, then the links end, and whoever
// waits for that is told. The shard's own thread.
#pragma once

#include "net/loop.hpp"
#include "net/turn.hpp"
#include "session/session_registry.hpp"
#include "upstream/link_pool.hpp"

#include <functional>
#include <vector>

namespace portal::shard {

class ForwardingStop {
  public:
    /// All outlive this.
    ForwardingStop(upstream::LinkContext& context, upstream::LinkPool& links, const session::SessionRegistry& registry)
        : context_(context), links_(links), registry_(registry), timer_(context.loop) {}

    /// Nothing new is forwarded from here on. `applied` is called when nothing is on its way any more.
    void begin(std::function<void()> applied);
    /// That is so now, or forwarding goes on.
    void finish();
    /// Looks no more.
    void cancel() { timer_.cancel(); }

  private:
    void check();

    upstream::LinkContext& context_;
    upstream::LinkPool& links_;
    const session::SessionRegistry& registry_;
    net::Loop::Timer timer_;
    net::Turn::Clock::time_point until_{};
    std::vector<std::function<void()>> waiters_;
};

}  // namespace portal::shard
