// Session: publish/subscribe. Subscriptions live on the feeds of the shard, one for each user; here is what each client
// subscribed to, what it may do meanwhile, and how messages reach it.
#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using upstream::SubscriptionKind;

namespace {

/// A client that has much to read gets this many bytes in one turn.
constexpr std::size_t kMessagesPerTurn = 1024 * 1024;

SubscriptionKind kind_of(Handling handling) {
    switch (handling) {
        case Handling::psubscribe:
        case Handling::punsubscribe:
            return SubscriptionKind::pattern;
        case Handling::ssubscribe:
        case Handling::sunsubscribe:
            return SubscriptionKind::shard_channel;
        default:
            return SubscriptionKind::channel;
    }
}

bool subscribes(Handling handling) {
    return handling == Handling::subscribe || handling == Handling::psubscribe || handling == Handling::ssubscribe;
}

template <typename Subscriptions>
auto& names_of(Subscriptions& subscriptions, SubscriptionKind kind) {
    switch (kind) {
        case SubscriptionKind::pattern:
            return subscriptions.patterns;
        case SubscriptionKind::shard_channel:
            return subscriptions.shard_channels;
        case SubscriptionKind::channel:
            break;
    }
    return subscriptions.channels;
}

std::int64_t count_of(const command::Subscriptions& subscriptions, SubscriptionKind kind) {
    return static_cast<std::int64_t>(kind == SubscriptionKind::shard_channel
                                         ? subscriptions.shard_channels.size()
                                         : subscriptions.channels.size() + subscriptions.patterns.size());
}

std::string lower(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

}  // namespace

/// What a RESP2 client that listens asks for is refused, unless it is about listening. True when it was.
bool Session::refuse_in_subscriber_mode(const Row& row, const resp::RequestView& request) {
    if (!state_.resp2_subscriber() || command::is_subscription(row.handling) || row.handling == Handling::ping ||
        row.handling == Handling::quit || row.handling == Handling::reset || row.handling == Handling::unknown) {
        return false;
    }
    if (!command::arity_fits(row, request.argc())) {
        reply_error(client_errors::wrong_arity(row));
        return true;
    }
    reply_error(fmt::format("{}{}{}{}", row.handling == Handling::exec ? client_errors::kExecAbortedBy : "ERR ",
                            client_errors::kSubscriberMode, client_errors::full_name(row),
                            client_errors::kSubscriberModeEnd));
    return true;
}

/// A name so long could end the link by which all subscribers of this user hear. True when it was refused.
bool Session::refuse_long_name(const Row& row, const resp::RequestView& request) {
    if (!subscribes(row.handling)) {
        return false;
    }
    for (std::size_t i = 1; i < request.argc(); ++i) {
        if (is_large(request.arg(i))) {
            transaction_.deny();
            reply_error(client_errors::kLongName);
            return true;
        }
    }
    return false;
}

/// With RESP2 the answer to a SUBSCRIBE decides whether this command is allowed.
bool Session::awaits_subscriber_mode(const Row& row) const noexcept {
    return state_.protocol == resp::Protocol::resp2 && !command::is_subscription(row.handling);
}

/// SUBSCRIBE, UNSUBSCRIBE and their kin. False: must wait, since what is in flight travels elsewhere.
bool Session::take_subscription(const Row& row, const resp::RequestView& request) {
    if (!command::arity_fits(row, request.argc())) {
        reply_error(client_errors::wrong_arity(row));
        return true;
    }
    const SubscriptionKind kind = kind_of(row.handling);
    if (!subscribes(row.handling)) {
        if (!order_.idle()) {
            pause(Wait::drained);
            return false;
        }
        unsubscribe(row, kind, request);
        return true;
    }
    const upstream::SubscriptionFeedPtr feed =
        context_.subscriptions.feed(state_.credentials->username, state_.credentials->password);
    if (!order_.idle() && (feed->link() == nullptr || !order_.is_on(feed->link()))) {
        pause(Wait::drained);
        return false;
    }
    if (std::ranges::find(feeds_, feed) == feeds_.end()) {
        feeds_.push_back(feed);
    }
    upstream::SubscribeRequest asked{kind, {}, order_.open(), request.frame().size(), muted_};
    for (std::size_t i = 1; i < request.argc(); ++i) {
        asked.names.emplace_back(request.arg(i));
    }
    ++subscribing_;
    order_.note_sent(feed->link(), asked.size);
    feed->subscribe(*this, std::move(asked));
    order_.note_moved(feed->link());
    if (order_.full(parked_.size())) {
        pause(Wait::window);
    }
    return true;
}

void Session::unsubscribe(const Row& row, SubscriptionKind kind, const resp::RequestView& request) {
    std::vector<std::string> names;
    for (std::size_t i = 1; i < request.argc(); ++i) {
        names.emplace_back(request.arg(i));
    }
    std::vector<std::string> on_link;
    std::string out = confirm_unsubscribed(row, kind, std::move(names), on_link);
    if (!on_link.empty()) {
        std::string frame;
        resp::write_array_header(frame, on_link.size() + 1);
        resp::write_bulk(frame, row.name);
        for (const std::string& name : on_link) {
            resp::write_bulk(frame, name);
        }
        submit_own(*pinned_, frame, static_cast<std::int32_t>(on_link.size()));
    }
    context_.counters.commands_local.add();
    order_.finish(order_.open(), std::move(out), output_);  // also with CLIENT REPLY OFF, as redis-server
    context_.turn.mark(*this);
}

/// Ends these subscriptions, all of that kind if there are no names, and says so. `on_link` gets those that the pinned
/// link still has.
std::string Session::confirm_unsubscribed(const Row& row, SubscriptionKind kind, std::vector<std::string> names,
                                          std::vector<std::string>& on_link) {
    auto& subscribed = names_of(state_.subscriptions, kind);
    if (names.empty()) {
        names.assign(subscribed.begin(), subscribed.end());
    }
    std::string out;
    for (const std::string& name : names) {
        if (names_of(state_.on_link, kind).erase(name) > 0) {
            subscribed.erase(name);
            on_link.push_back(name);
        } else if (subscribed.erase(name) > 0) {
            for (const upstream::SubscriptionFeedPtr& feed : feeds_) {
                feed->leave(kind, name, *this);
            }
        }
        confirm(out, row.name, name, kind);
    }
    if (names.empty()) {
        resp::write_push_header(out, 3, state_.protocol);
        resp::write_bulk(out, row.name);
        resp::write_null(out, state_.protocol);
        resp::write_integer(out, count_of(state_.subscriptions, kind));
    }
    return out;
}

/// A frame of the node's that answers a SUBSCRIBE or UNSUBSCRIBE which was part of a transaction. What is subscribed to
/// there stays on the pinned link, where its messages come in their order with the replies.
void Session::take_confirmation(const QueuedCommands::Own& command, std::string_view frame) {
    Executed& executed = *executed_;
    const Row& row = *command.row;
    if (executed.confirmed == 0) {
        executed.confirming.emplace(command.frame);
    }
    const resp::RequestView& request = *executed.confirming;  // remembers where it stands
    const SubscriptionKind kind = kind_of(row.handling);
    std::size_t expected = request.argc() - 1;
    std::vector<std::string> on_link;
    if (frame.front() == '-') {
        give_result(frame);
        expected = 0;
    } else if (expected == 0) {  // everything of that kind; the node knows what is on this link only
        if (executed.confirmed == 0) {
            executed.expected = std::max<std::size_t>(1, names_of(state_.on_link, kind).size());
            executed.out += confirm_unsubscribed(row, kind, {}, on_link);
        }
        expected = executed.expected;
    } else {
        const std::string name(request.arg(executed.confirmed + 1));
        if (!subscribes(row.handling)) {
            executed.out += confirm_unsubscribed(row, kind, {name}, on_link);
        } else {
            names_of(state_.subscriptions, kind).insert(name);
            if (names_of(state_.on_link, kind).insert(name).second) {
                for (const upstream::SubscriptionFeedPtr& feed : feeds_) {
                    feed->leave(kind, name, *this);  // from now on its messages come by the link alone
                }
            }
            confirm(executed.out, row.name, name, kind);
        }
    }
    if (++executed.confirmed >= expected) {
        executed.confirmed = 0;
        ++executed.place;
        ++executed.own;
    }
}

/// The pinned link is gone, and what was subscribed to there is subscribed to again as if no transaction had done it.
void Session::move_to_feed() {
    if (state_.on_link.count() == 0) {
        return;
    }
    const upstream::SubscriptionFeedPtr feed =
        context_.subscriptions.feed(state_.credentials->username, state_.credentials->password);
    if (std::ranges::find(feeds_, feed) == feeds_.end()) {
        feeds_.push_back(feed);
    }
    const command::Subscriptions lost = std::exchange(state_.on_link, {});
    for (const auto kind : {SubscriptionKind::channel, SubscriptionKind::pattern, SubscriptionKind::shard_channel}) {
        const auto& names = names_of(lost, kind);
        if (!names.empty()) {
            feed->subscribe(*this, {kind, {names.begin(), names.end()}, kNoSlot});
        }
    }
}

/// Its messages come by the pinned link, and by no feed.
bool Session::listens_on_link(const upstream::PubSubFrame& head) const {
    return state_.on_link.count() > 0 && names_of(state_.on_link, head.kind).contains(head.name);
}

void Session::confirm(std::string& out, std::string_view word, std::string_view name, SubscriptionKind kind) const {
    resp::write_push_header(out, 3, state_.protocol);
    resp::write_bulk(out, word);
    resp::write_bulk(out, name);
    resp::write_integer(out, count_of(state_.subscriptions, kind));
}

void Session::on_subscribed(upstream::SubscriptionFeed& feed, const upstream::SubscribeRequest& request) {
    std::string out;
    const std::string word = lower(upstream::subscribe_word(request.kind));
    auto& subscribed = names_of(state_.subscriptions, request.kind);
    if (request.sequence == kNoSlot) {  // from move_to_feed()
        for (const std::string& name : request.names) {
            if (subscribed.contains(name)) {
                feed.enter(request.kind, name, *this);
            }
        }
        return;
    }
    for (const std::string& name : request.names) {
        if (subscribed.insert(name).second) {
            feed.enter(request.kind, name, *this);
        }
        confirm(out, word, name, request.kind);
    }
    --subscribing_;
    order_.note_back(request.size);
    order_.finish(request.sequence, std::move(out), output_);
    context_.turn.mark(*this);
}

void Session::on_subscribe_refused(const upstream::SubscribeRequest& request, std::string_view error) {
    if (request.sequence == kNoSlot) {
        on_subscription_denied();
        return;
    }
    --subscribing_;
    order_.note_back(request.size);
    at(context_.counters.error_replies, observe::error_of(error)).add();
    order_.finish(request.sequence, request.muted ? std::string() : std::string(error), output_);
    context_.turn.mark(*this);
}

void Session::on_subscribe_expired(const upstream::SubscribeRequest& request) {
    if (request.sequence == kNoSlot) {
        on_subscription_denied();
        return;
    }
    context_.counters.commands_no_leader.add();
    on_subscribe_refused(request, resp::error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason())));
}

/// Redis closes the connections of those whose permissions have shrunk below what they listen to.
void Session::on_subscription_denied() {
    ending_ = observe::Closed::backend;
    cut_off_ = true;
    context_.turn.mark(*this);
}

/// One of perhaps ten thousand calls for one message: notes it, and leaves the rest to the flush.
void Session::on_message(const upstream::MessagePtr& message) {
    if (closed_ || cut_off_) {
        return;
    }
    if (reply_begun_) {
        wait_behind_reply(message);
        return;
    }
    if (!messages_) {
        messages_ = std::make_unique<OutgoingMessages>();
    }
    trim_output();
    messages_->push(message, output_.size());
    if (unread() > context_.config->limits.output_bytes.count) {
        on_message_dropped();
    } else if (messages_->size() == 1) {  // else it is marked already, or waits for the socket
        context_.turn.mark_later(*this);
    }
}

/// A large reply has begun to go out: the message must not stand in the middle of it.
void Session::wait_behind_reply(const upstream::MessagePtr& message) {
    if (!behind_) {
        behind_ = std::make_unique<MessagesBehind>();
    }
    behind_->messages.push_back(message);
    behind_->bytes += message->size();
    if (unread() > context_.config->limits.output_bytes.count) {
        on_message_dropped();
    }
}

/// Messages are lost for this client; as with redis-server it learns that by losing the connection.
void Session::on_message_dropped() {
    ending_ = observe::Closed::output_limit;
    cut_off_ = true;
    context_.turn.mark(*this);
}

/// Messages and replies in their order, until the socket is full or this client has had its share of the turn.
void Session::send_messages() {
    std::size_t sent = 0;
    net::Stream::Status status = net::Stream::Status::data;
    while (status == net::Stream::Status::data && sent < kMessagesPerTurn) {
        const std::string_view piece = messages_->next(output_, state_.protocol, context_.gathered);
        if (piece.empty()) {
            break;
        }
        status = stream_.send(piece).status;
        sent += piece.size();
    }
    messages_->trim(output_);
    context_.counters.client_sent_bytes.add(sent);
    if (status == net::Stream::Status::data && has_messages()) {
        context_.turn.mark_later(*this);
    }
    note_written(status);
}

/// Where a PUBLISH of a client that listens travels: there its own message comes before the reply, as redis-server has
/// it. Only the feed of its present user, who is the one to be judged.
upstream::Link* Session::feed_link() const noexcept {
    if (state_.subscriptions.count() == 0 || needs_pinned() || transaction_.unit_left() > 0) {
        return nullptr;
    }
    const auto own = std::ranges::find_if(feeds_, [&](const upstream::SubscriptionFeedPtr& feed) {
        return feed->identity().username == state_.credentials->username;
    });
    return own == feeds_.end() ? nullptr : (*own)->link();
}

void Session::leave_feeds() {
    for (const upstream::SubscriptionFeedPtr& feed : feeds_) {
        feed->forget(*this);
        for (const auto kind :
             {SubscriptionKind::channel, SubscriptionKind::pattern, SubscriptionKind::shard_channel}) {
            for (const std::string& name : names_of(state_.subscriptions, kind)) {
                feed->leave(kind, name, *this);
            }
        }
    }
    feeds_.clear();
}

}  // namespace portal::session
