// The subscription feeds of one shard, one per user. One shard.
#pragma once

#include "upstream/subscription_feed.hpp"

#include <string>
#include <vector>

namespace portal::upstream {

class SubscriptionHub {
  public:
    explicit SubscriptionHub(const SubscriptionContext& context) : context_(context) {}
    ~SubscriptionHub();
    SubscriptionHub(const SubscriptionHub&) = delete;
    SubscriptionHub& operator=(const SubscriptionHub&) = delete;

    /// The feed of that user, made if there is none.
    SubscriptionFeedPtr feed(const std::string& username, const std::string& password, bool by_token);
    /// Changes SubscriptionContext::backlog_limit.
    void limit_backlog(std::size_t bytes);
    /// Makes again what a lost link took away. Only with a leader.
    void restore();
    /// Gives up requests that have waited for a leader since before `since`, and feeds that nobody uses.
    void tidy(net::Turn::Clock::time_point since);

  private:
    SubscriptionContext context_;
    std::vector<SubscriptionFeedPtr> feeds_;
};

}  // namespace portal::upstream
