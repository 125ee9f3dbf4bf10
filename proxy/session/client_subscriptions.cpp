#include "session/client_subscriptions.hpp"

#include "conversation/client_errors.hpp"
#include "session/session_bounds.hpp"
#include "session/session_context.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using observe::Closed;
using upstream::SubscriptionFeedPtr;
using upstream::SubscriptionKind;

namespace {

constexpr std::array kKinds{SubscriptionKind::channel, SubscriptionKind::pattern, SubscriptionKind::shard_channel};

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

template <typename Names>
auto& names_of(Names& names, SubscriptionKind kind) {
    switch (kind) {
        case SubscriptionKind::pattern:
            return names.patterns;
        case SubscriptionKind::shard_channel:
            return names.shard_channels;
        case SubscriptionKind::channel:
            break;
    }
    return names.channels;
}

std::int64_t count_of(const SubscribedNames& names, SubscriptionKind kind) {
    return static_cast<std::int64_t>(kind == SubscriptionKind::shard_channel
                                         ? names.shard_channels.size()
                                         : names.channels.size() + names.patterns.size());
}

std::string lower(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

}  // namespace

std::string subscriber_mode_refusal(const command::CommandRow& row, std::size_t argc) {
    if (command::is_subscription(row.handling) || row.handling == Handling::ping || row.handling == Handling::quit ||
        row.handling == Handling::reset || row.handling == Handling::unknown) {
        return {};
    }
    if (!command::arity_fits(row, argc)) {
        return client_errors::wrong_arity(row);
    }
    return fmt::format("{}{}{}{}", row.handling == Handling::exec ? client_errors::kExecAbortedBy : "ERR ",
                       client_errors::kSubscriberMode, client_errors::full_name(row),
                       client_errors::kSubscriberModeEnd);
}

bool has_long_name(const command::CommandRow& row, const resp::RequestView& request) {
    if (!subscribes(row.handling)) {
        return false;
    }
    for (std::size_t i = 1; i < request.argc(); ++i) {
        if (is_large(request.arg(i))) {
            return true;
        }
    }
    return false;
}

bool ClientSubscriptions::take(const command::CommandRow& row, const resp::RequestView& request) {
    if (!command::arity_fits(row, request.argc())) {
        host_.reply_error(client_errors::wrong_arity(row));
        return true;
    }
    const SubscriptionKind kind = kind_of(row.handling);
    if (!subscribes(row.handling)) {
        if (!host_.order().idle()) {
            host_.pause(Wait::drained);
            return false;
        }
        unsubscribe(row, kind, request);
        return true;
    }
    const SubscriptionFeedPtr feed = own_feed();
    if (!host_.order().may_use(feed->link())) {
        host_.pause(Wait::drained);
        return false;
    }
    join(feed);
    upstream::SubscribeRequest asked{kind, {}, host_.open_slot(), request.frame().size(), host_.muted()};
    for (std::size_t i = 1; i < request.argc(); ++i) {
        asked.names.emplace_back(request.arg(i));
    }
    ++asking_;
    host_.order().note_sent(nullptr, asked.size);
    feed->subscribe(*this, std::move(asked));
    host_.note_sent(feed->link());
    return true;
}

/// The feed of the present user.
SubscriptionFeedPtr ClientSubscriptions::own_feed() {
    const command::Credentials& login = *host_.state().credentials;
    return host_.context().subscriptions.feed(login.username, login.password, login.by_token);
}

void ClientSubscriptions::join(const SubscriptionFeedPtr& feed) {
    if (std::ranges::find(feeds_, feed) == feeds_.end()) {
        feeds_.push_back(feed);
    }
}

void ClientSubscriptions::leave_feeds(SubscriptionKind kind, std::string_view name) {
    for (const SubscriptionFeedPtr& feed : feeds_) {
        feed->leave(kind, name, *this);
    }
}

void ClientSubscriptions::unsubscribe(const command::CommandRow& row, SubscriptionKind kind,
                                      const resp::RequestView& request) {
    std::vector<std::string> names;
    for (std::size_t i = 1; i < request.argc(); ++i) {
        names.emplace_back(request.arg(i));
    }
    std::vector<std::string> on_link;
    std::string out = end(row, kind, std::move(names), on_link);
    if (!on_link.empty()) {
        std::string frame;
        resp::write_array_header(frame, on_link.size() + 1);
        resp::write_bulk(frame, row.name);
        for (const std::string& name : on_link) {
            resp::write_bulk(frame, name);
        }
        host_.submit_own(*host_.own_link(), frame, static_cast<std::int32_t>(on_link.size()));
        host_.order().note_moved(nullptr);  // it may be refused, and end the link: nothing follows before its answer
    }
    host_.confirm(std::move(out));  // also with CLIENT REPLY OFF, as redis-server
}

/// Ends these subscriptions, all of that kind if there are no names, and says so. `on_link` gets those that the pinned
/// link still has.
std::string ClientSubscriptions::end(const command::CommandRow& row, SubscriptionKind kind,
                                     std::vector<std::string> names, std::vector<std::string>& on_link) {
    auto& subscribed = names_of(names_, kind);
    if (names.empty()) {
        names.assign(subscribed.begin(), subscribed.end());
    }
    std::string out;
    for (const std::string& name : names) {
        if (names_of(on_link_, kind).erase(name) > 0) {
            subscribed.erase(name);
            on_link.push_back(name);
        } else if (subscribed.erase(name) > 0) {
            leave_feeds(kind, name);
        }
        confirm(out, row.name, name, kind);
    }
    if (names.empty()) {
        const resp::Protocol protocol = host_.state().protocol;
        resp::write_push_header(out, 3, protocol);
        resp::write_bulk(out, row.name);
        resp::write_null(out, protocol);
        resp::write_integer(out, count_of(names_, kind));
    }
    note_names();
    return out;
}

/// What is subscribed to in a transaction stays on the pinned link, where its messages come in their order with the
/// replies.
bool ClientSubscriptions::take_confirmation(const QueuedCommands::Own& command, std::string_view frame,
                                            std::string& out) {
    const command::CommandRow& row = *command.row;
    if (frame.front() == '-') {
        confirming_.reset();
        return true;
    }
    if (!confirming_) {
        confirming_.emplace(Confirming{resp::RequestView(command.frame)});
        confirming_->expected = confirming_->request.argc() - 1;
    }
    const SubscriptionKind kind = kind_of(row.handling);
    std::vector<std::string> on_link;
    if (confirming_->request.argc() == 1) {  // everything of that kind; the node knows what is on this link only
        if (confirming_->taken == 0) {
            confirming_->expected = std::max<std::size_t>(1, names_of(on_link_, kind).size());
            out += end(row, kind, {}, on_link);
        }
    } else {
        const std::string name(confirming_->request.arg(confirming_->taken + 1));
        if (!subscribes(row.handling)) {
            out += end(row, kind, {name}, on_link);
        } else {
            names_of(names_, kind).insert(name);
            if (names_of(on_link_, kind).insert(name).second) {
                leave_feeds(kind, name);  // from now on its messages come by the link alone
            }
            note_names();
            confirm(out, row.name, name, kind);
        }
    }
    if (++confirming_->taken < confirming_->expected) {
        return false;
    }
    confirming_.reset();
    return true;
}

void ClientSubscriptions::move_to_feed() {
    if (on_link_.count() == 0) {
        return;
    }
    const SubscriptionFeedPtr feed = own_feed();
    join(feed);
    const SubscribedNames lost = std::exchange(on_link_, {});
    upstream::note_gap(host_.context().counters,
                       host_.context().topology->leader ? observe::Gap::link_lost : observe::Gap::leader_changed,
                       lost.count(), 1);
    on_gap();
    note_names();
    for (const auto kind : kKinds) {
        const auto& names = names_of(lost, kind);
        if (!names.empty()) {
            feed->subscribe(*this, {kind, {names.begin(), names.end()}, kNoSlot});
        }
    }
}

bool ClientSubscriptions::listens_on_link(const upstream::PubSubFrame& head) const {
    return on_link_.count() > 0 && names_of(on_link_, head.kind).contains(head.name);
}

void ClientSubscriptions::confirm(std::string& out, std::string_view word, std::string_view name,
                                  SubscriptionKind kind) const {
    resp::write_push_header(out, 3, host_.state().protocol);
    resp::write_bulk(out, word);
    resp::write_bulk(out, name);
    resp::write_integer(out, count_of(names_, kind));
}

/// What the router and the session have to know of it.
void ClientSubscriptions::note_names() noexcept {
    host_.state().listens = names_.count() > 0;
    host_.state().listens_on_link = on_link_.count() > 0;
}

void ClientSubscriptions::on_subscribed(upstream::SubscriptionFeed& feed, const upstream::SubscribeRequest& request) {
    std::string out;
    const std::string word = lower(upstream::subscribe_word(request.kind));
    auto& subscribed = names_of(names_, request.kind);
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
    note_names();
    --asking_;
    host_.finish_slot(request.sequence, request.size, std::move(out));
}

void ClientSubscriptions::on_subscribe_refused(const upstream::SubscribeRequest& request, std::string_view error) {
    if (request.sequence == kNoSlot) {
        on_subscription_denied();
        return;
    }
    --asking_;
    at(host_.context().counters.error_replies, observe::error_of(error)).add();
    host_.finish_slot(request.sequence, request.size, request.muted ? std::string() : std::string(error));
}

void ClientSubscriptions::on_subscribe_expired(const upstream::SubscribeRequest& request) {
    if (request.sequence == kNoSlot) {
        on_subscription_denied();
        return;
    }
    host_.context().counters.commands_no_leader.add();
    on_subscribe_refused(request,
                         resp::error(std::string(client_errors::kNoLeader) + std::string(host_.no_leader_reason())));
}

/// As redis-server, which has no other way to say that a message is lost.
void ClientSubscriptions::on_gap() {
    if (host_.closes_on_gap()) {
        host_.cut_off(Closed::gap);
    }
}

/// Redis closes the connections of those whose permissions have shrunk below what they listen to.
void ClientSubscriptions::on_subscription_denied() {
    host_.cut_off(Closed::backend);
}

/// Messages are lost for this client; as with redis-server it learns that by losing the connection.
void ClientSubscriptions::on_message_dropped() {
    host_.cut_off(Closed::output_limit);
}

upstream::Link* ClientSubscriptions::feed_link() const noexcept {
    const command::SessionState& state = host_.state();
    if (!state.listens) {
        return nullptr;
    }
    const auto own = std::ranges::find_if(feeds_, [&](const SubscriptionFeedPtr& feed) {
        return feed->identity().username == state.credentials->username;
    });
    return own == feeds_.end() ? nullptr : (*own)->link();
}

/// The names stay, for what describes the client.
void ClientSubscriptions::leave() {
    for (const SubscriptionFeedPtr& feed : feeds_) {
        feed->forget(*this);
        for (const auto kind : kKinds) {
            for (const std::string& name : names_of(names_, kind)) {
                feed->leave(kind, name, *this);
            }
        }
    }
    feeds_.clear();
}

}  // namespace portal::session
