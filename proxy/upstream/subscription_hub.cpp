#include "upstream/subscription_hub.hpp"

#include <algorithm>
#include <numeric>

namespace portal::upstream {

SubscriptionHub::~SubscriptionHub() {
    for (const SubscriptionFeedPtr& each : feeds_) {
        each->close();
    }
}

SubscriptionFeedPtr SubscriptionHub::feed(const std::string& username, const std::string& password, bool by_token) {
    LinkIdentity identity{username, password, resp::Protocol::resp3, 0};
    identity.by_token = by_token;
    const auto found = std::ranges::find_if(
        feeds_, [&](const SubscriptionFeedPtr& each) { return each->identity().same_login(identity); });
    if (found != feeds_.end()) {
        return *found;
    }
    feeds_.emplace_back(new SubscriptionFeed(context_, std::move(identity)));
    return feeds_.back();
}

void SubscriptionHub::limit_backlog(std::size_t bytes) {
    context_.backlog_limit = bytes;
    for (const SubscriptionFeedPtr& feed : feeds_) {
        feed->limit_backlog(bytes);
    }
}

void SubscriptionHub::restore() {
    for (const SubscriptionFeedPtr& each : feeds_) {
        if (!each->unused()) {
            each->restore();
        }
    }
}

void SubscriptionHub::tidy(net::Turn::Clock::time_point since) {
    std::size_t names = 0;
    for (const SubscriptionFeedPtr& each : feeds_) {
        each->expire(since);
        each->ask_again();
        names += each->names();
    }
    context_.counters.subscribed_names.set(names);
    std::erase_if(feeds_, [](const SubscriptionFeedPtr& each) {
        const bool unused = each->unused() && each->use_count() == 1;
        if (unused) {
            each->close();
        }
        return unused;
    });
}

}  // namespace portal::upstream
