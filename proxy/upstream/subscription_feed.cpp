#include "upstream/subscription_feed.hpp"

#include "observe/log.hpp"
#include "resp/reply_writer.hpp"
#include "upstream/fence.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::upstream {

namespace {

/// What a pending request of a feed is; its sequence number.
enum Sent : std::uint64_t { kSubscribe, kUnsubscribe };
/// Names that are subscribed again by one command.
constexpr std::size_t kRestoreNames = 256;
/// Names that a user who may not UNSUBSCRIBE leaves behind before its link is made anew.
constexpr std::size_t kMostStuck = 1024;

std::string command(std::string_view word, const std::vector<std::string>& names) {
    std::string frame;
    resp::write_array_header(frame, names.size() + 1);
    resp::write_bulk(frame, word);
    for (const std::string& name : names) {
        resp::write_bulk(frame, name);
    }
    return frame;
}

}  // namespace

void note_gap(observe::ShardCounters& counters, observe::Gap why, std::size_t names, std::size_t subscribers) {
    at(counters.message_gaps, why).add();
    counters.message_gap_names.add(names);
    counters.message_gap_subscribers.add(subscribers);
    observe::log_repeated(observe::LogLevel::warn, "publish/subscribe", "subscribers may have missed messages",
                          {"reason", why == observe::Gap::link_lost ? "link_lost" : "leader_changed"},
                          {{"names", names}, {"subscribers", subscribers}});
}

void SubscriptionFeed::subscribe(Subscriber& subscriber, SubscribeRequest request) {
    Asked asked{&subscriber, std::move(request), context_.turn.now(), false};
    if (!link_ && context_.links.has_leader()) {
        restore();
    }
    asked_.push_back(std::move(asked));
    if (link_) {
        send(asked_.back());
    }
}

/// A name that the node has already needs no second SUBSCRIBE, but a marker on the link: messages before it were
/// published before this subscriber came.
void SubscriptionFeed::send(const Asked& asked) {
    std::vector<std::string> missing;
    for (const std::string& name : asked.request.names) {
        if (!index_.active(asked.request.kind, name)) {
            missing.push_back(name);
        }
        index_.wait(asked.request.kind, name);
    }
    if (missing.empty()) {
        std::string marker;
        resp::write_request(marker, "PING");
        submit(marker, 1, kSubscribe);
    } else {
        submit(command(subscribe_word(asked.request.kind), missing), static_cast<std::int32_t>(missing.size()),
               kSubscribe);
    }
}

void SubscriptionFeed::submit(std::string_view frame, std::int32_t replies, std::uint64_t what) {
    PendingRequest pending;
    pending.sink = ReplySinkPtr(this);
    pending.sequence = what;
    pending.replies_left = replies;
    link_->submit(frame, std::move(pending));
}

void SubscriptionFeed::enter(SubscriptionKind kind, std::string_view name, Subscriber& subscriber) {
    index_.add(kind, name, subscriber);
}

void SubscriptionFeed::leave(SubscriptionKind kind, std::string_view name, Subscriber& subscriber) {
    if (index_.remove(kind, name, subscriber)) {
        send_unsubscribe(kind, name);
    }
}

void SubscriptionFeed::send_unsubscribe(SubscriptionKind kind, std::string_view name) {
    if (link_) {
        std::string frame;
        resp::write_request(frame, unsubscribe_word(kind), name);
        submit(frame, 1, kUnsubscribe);
    }
}

void SubscriptionFeed::forget(Subscriber& subscriber) {
    for (Asked& each : asked_) {
        if (each.subscriber == &subscriber) {
            each.subscriber = nullptr;
        }
    }
}

void SubscriptionFeed::restore() {
    if (link_) {
        return;
    }
    link_ = context_.links.lease(identity_, *this);
    put_off_.clear();
    stuck_ = 0;
    std::deque<Asked> waiting = std::exchange(asked_, {});
    for (const auto kind : {SubscriptionKind::channel, SubscriptionKind::pattern, SubscriptionKind::shard_channel}) {
        std::vector<std::string> names = index_.wanted(kind);
        for (std::size_t begin = 0; begin < names.size(); begin += kRestoreNames) {
            const auto first = names.begin() + static_cast<std::ptrdiff_t>(begin);
            const auto last =
                names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), begin + kRestoreNames));
            asked_.push_back(
                {nullptr, {kind, {std::move_iterator(first), std::move_iterator(last)}}, context_.turn.now(), true});
        }
    }
    std::ranges::move(waiting, std::back_inserter(asked_));
    for (const Asked& each : asked_) {
        send(each);
    }
}

void SubscriptionFeed::expire(net::Turn::Clock::time_point since) {
    while (!link_ && !asked_.empty() && asked_.front().since < since) {
        const Asked asked = std::move(asked_.front());
        asked_.pop_front();
        if (asked.subscriber != nullptr) {
            asked.subscriber->on_subscribe_expired(asked.request);
        }
    }
}

void SubscriptionFeed::close() {
    if (link_) {
        link_->end("nobody listens on it");
        link_.reset();
    }
}

bool SubscriptionFeed::on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) {
    const std::string_view bytes = reply.bytes();
    const bool failed = reply.is_error();
    if (!failed && --request.replies_left > 0) {
        return false;
    }
    if (request.sequence == kUnsubscribe && failed) {
        unsubscribe_refused(resp::RequestView(command), bytes);
    } else if (request.sequence == kSubscribe && !asked_.empty()) {
        Asked asked = std::move(asked_.front());
        asked_.pop_front();
        failed ? refused(std::move(asked), bytes) : accepted(std::move(asked));
    }
    return true;
}

/// The node has the name still. A user who may never give one back gets a new link before they are too many.
void SubscriptionFeed::unsubscribe_refused(const resp::RequestView& request, std::string_view error) {
    if (says_later(error)) {
        const char first = request.arg(0).front();
        const auto kind = first == 'P'   ? SubscriptionKind::pattern
                          : first == 'S' ? SubscriptionKind::shard_channel
                                         : SubscriptionKind::channel;
        put_off_.push_back({kind, {std::string(request.arg(1))}, false});
    } else if (++stuck_ > kMostStuck && link_) {
        const LinkPtr link(link_.get());
        link->end("its user may not unsubscribe, and it has too many names that nobody listens to");
    }
}

void SubscriptionFeed::ask_again() {
    if (!link_) {
        return;
    }
    for (PutOff& each : std::exchange(put_off_, {})) {
        if (each.subscribe) {
            asked_.push_back({nullptr, {each.kind, std::move(each.names)}, context_.turn.now(), true});
            send(asked_.back());
        } else if (!index_.has(each.kind, each.names.front())) {
            send_unsubscribe(each.kind, each.names.front());
        }
    }
}

void SubscriptionFeed::accepted(Asked asked) {
    if (asked.subscriber != nullptr) {
        asked.subscriber->on_subscribed(*this, asked.request);
    }
    for (const std::string& name : asked.request.names) {
        if (index_.answered(asked.request.kind, name, true)) {
            send_unsubscribe(asked.request.kind, name);
        }
    }
}

void SubscriptionFeed::refused(Asked asked, std::string_view error) {
    const std::vector<std::string>& names = asked.request.names;
    for (const std::string& name : names) {
        if (index_.answered(asked.request.kind, name, false)) {
            send_unsubscribe(asked.request.kind, name);
        }
    }
    if (asked.subscriber != nullptr) {
        asked.subscriber->on_subscribe_refused(asked.request, error);
    } else if (asked.restoring && says_later(error)) {
        put_off_.push_back({asked.request.kind, names, true});
    } else if (asked.restoring && names.size() > 1) {
        for (const std::string& name : names) {  // one by one, to learn which is not allowed
            asked_.push_back({nullptr, {asked.request.kind, {name}}, context_.turn.now(), true});
            send(asked_.back());
        }
    } else if (asked.restoring) {
        deny(asked.request.kind, names.front());
    }
}

void SubscriptionFeed::on_lost(PendingRequest& /*request*/, std::string_view /*command*/, const Loss& /*loss*/) {
    // asked_ keeps what is to be asked again.
}

/// The node does not let this login in; called for each request that waited for it. Whoever logged in with another
/// password, perhaps the present one, is tried next. Others lose their subscriptions only if the login itself is wrong.
void SubscriptionFeed::on_refused(PendingRequest& /*request*/, std::string_view /*command*/, std::string_view error) {
    if (!link_) {
        return;
    }
    link_.reset();
    index_.lose();
    const std::string refused = identity_.password;
    for (Asked& asked : std::exchange(asked_, {})) {
        if (asked.subscriber == nullptr) {
            continue;
        }
        if (asked.subscriber->password() == refused) {
            asked.subscriber->on_subscribe_refused(asked.request, error);
        } else {
            identity_.password = asked.subscriber->password();
            asked_.push_back(std::move(asked));
        }
    }
    const bool wrong_login = error.starts_with("-WRONGPASS") || error.starts_with("-NOAUTH");
    index_.for_each([&](Subscriber& each) {
        if (each.password() != refused) {
            identity_.password = each.password();
        } else if (wrong_login) {
            each.on_subscription_denied();
        }
    });
}

void SubscriptionFeed::deny(SubscriptionKind kind, const std::string& name) {
    if (const auto* found = index_.subscribers(kind, name)) {
        for (Subscriber* each : std::vector<Subscriber*>(*found)) {
            each->on_subscription_denied();
        }
    }
}

bool SubscriptionFeed::take_push(const resp::ReplyHead& push, const PendingRequest* front) {
    if (!push.is_push()) {
        return false;
    }
    const std::string_view frame = push.bytes();
    const PubSubFrame head = read_pubsub_frame(frame);
    if (head.type == PubSubFrame::Type::message) {
        take_message(head, frame);
        return true;
    }
    // A confirmation answers a request of ours; any other push, or one that nobody asked for, is of no use here.
    return head.type == PubSubFrame::Type::reply || front == nullptr || front->sink.get() != this;
}

/// Handed on at once, so that a client's own message comes before the reply to its PUBLISH; unless so much has been
/// handed on in this turn that others have to have theirs first.
void SubscriptionFeed::take_message(const PubSubFrame& head, std::string_view frame) {
    context_.counters.messages_received.add();
    const auto* subscribers = index_.subscribers(head.kind, head.name);
    if (subscribers == nullptr || subscribers->empty()) {
        return;
    }
    context_.turn.mark_later(*this);
    if (backlog_.empty() && portion_ > 0) {
        hand_on(MessagePtr(new Message(frame)), *subscribers);
    } else if (backlog_bytes_ + frame.size() <= context_.backlog_limit) {
        backlog_.emplace_back(new Message(frame));
        backlog_bytes_ += frame.size();
    } else {
        for (Subscriber* each : *subscribers) {
            each->on_message_dropped();
        }
    }
}

void SubscriptionFeed::hand_on(const MessagePtr& message, const std::vector<Subscriber*>& subscribers) {
    for (Subscriber* each : subscribers) {
        each->on_message(message);
    }
    context_.counters.messages_delivered.add(subscribers.size());
    portion_ -= std::min(portion_, subscribers.size());
}

/// The next portion. What is left then waits until those have been written to that got this one.
void SubscriptionFeed::flush() {
    portion_ = kPortion;
    while (!backlog_.empty() && portion_ > 0) {
        const MessagePtr message = std::move(backlog_.front());
        backlog_.pop_front();
        backlog_bytes_ -= message->size();
        const PubSubFrame head = read_pubsub_frame(message->frame(resp::Protocol::resp3));
        if (const auto* subscribers = index_.subscribers(head.kind, head.name)) {
            hand_on(message, *subscribers);
        }
    }
    if (!backlog_.empty()) {
        context_.turn.mark_later(*this);
    }
}

void SubscriptionFeed::on_pinned_lost() {
    link_.reset();
    tell_gap();
    index_.lose();
}

/// The node has sent messages for these names until now, and nobody knows whether all have come.
void SubscriptionFeed::tell_gap() {
    const SubscriptionIndex::Listening lost = index_.listening();
    if (lost.names == 0) {
        return;
    }
    note_gap(context_.counters, context_.links.leader_goes() ? observe::Gap::leader_changed : observe::Gap::link_lost,
             lost.names, lost.subscribers.size());
    for (Subscriber* each : lost.subscribers) {
        each->on_gap();
    }
}

}  // namespace portal::upstream
