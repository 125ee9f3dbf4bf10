// One link of a shard on which everything is subscribed that the sessions of one user want: the node sees each channel
// once, and judges it for that user. Always RESP3. Survives its link: what has subscribers is subscribed again on the
// next one. One shard; made and restored by SubscriptionHub.
#pragma once

#include "net/turn.hpp"
#include "resp/request_view.hpp"
#include "upstream/link_pool.hpp"
#include "upstream/message.hpp"
#include "upstream/subscription_index.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::upstream {

/// What the feeds of a shard share. Outlives them.
struct SubscriptionContext {
    LinkPool& links;
    net::Turn& turn;
    observe::ShardCounters& counters;
    /// Bytes of messages that may wait to be handed on. More, and who should get them is closed.
    std::size_t backlog_limit;
    /// Told of subscribers that the node does not count.
    SurplusWatch* surplus = nullptr;
};

/// Counts and logs that so many subscribers to so many names may have missed messages.
void note_gap(observe::ShardCounters& counters, observe::Gap why, std::size_t names, std::size_t subscribers);

class SubscriptionFeed;

/// A request of a subscriber to a feed.
struct SubscribeRequest {
    SubscriptionKind kind = SubscriptionKind::channel;
    std::vector<std::string> names;
    std::uint64_t sequence = 0;  // the subscriber's own
    std::size_t size = 0;        // bytes of the client's command
    bool muted = false;
};

/// A session. Nothing here may close it or make it leave a feed before the call returns.
class Subscriber {
  public:
    virtual void on_message(const MessagePtr& message) = 0;
    /// The node has accepted `request`: time to enter the names into `feed` and to tell the client.
    virtual void on_subscribed(SubscriptionFeed& feed, const SubscribeRequest& request) = 0;
    /// It was not: `error` is the node's whole error frame.
    virtual void on_subscribe_refused(const SubscribeRequest& request, std::string_view error) = 0;
    /// No leader has come to ask within the hold time.
    virtual void on_subscribe_expired(const SubscribeRequest& request) = 0;
    /// Messages come faster than they can be handed on; this one is not delivered.
    virtual void on_message_dropped() = 0;
    /// What is published from now on, until its subscriptions are made again, does not reach it; nor, perhaps, what was
    /// published just before.
    virtual void on_gap() = 0;
    /// Something that it has subscribed to is not allowed any more, or its login is not.
    virtual void on_subscription_denied() = 0;
    /// The password that it logged in with.
    [[nodiscard]] virtual std::string_view password() const = 0;

  protected:
    ~Subscriber() = default;
};

class SubscriptionFeed final : public ReplySink, public net::Flushable {
  public:
    SubscriptionFeed(const SubscriptionContext& context, LinkIdentity identity)
        : context_(context), identity_(std::move(identity)), index_(context.surplus) {}

    /// Asks the node for what it does not have yet; answered by on_subscribed or on_subscribe_refused, in order.
    /// Without a leader, the next one is asked.
    void subscribe(Subscriber& subscriber, SubscribeRequest request);
    /// `subscriber` gets the messages of `name` from now on. To be called by on_subscribed, once for each name.
    void enter(SubscriptionKind kind, std::string_view name, Subscriber& subscriber);
    /// And no more from here on.
    void leave(SubscriptionKind kind, std::string_view name, Subscriber& subscriber);
    /// Forgets the requests of a subscriber that is going away.
    void forget(Subscriber& subscriber);

    /// Changes SubscriptionContext::backlog_limit.
    void limit_backlog(std::size_t bytes) noexcept { context_.backlog_limit = bytes; }

    /// The link, for requests that must keep their order with messages. Null while there is none.
    [[nodiscard]] Link* link() const noexcept { return link_.get(); }
    [[nodiscard]] const LinkIdentity& identity() const noexcept { return identity_; }
    [[nodiscard]] bool unused() const noexcept { return index_.empty() && asked_.empty(); }
    [[nodiscard]] std::size_t names() const noexcept { return index_.size(); }

    /// Leases a link if there is none, and subscribes everything again. Only with a leader.
    void restore();
    /// Asks again for what the node has put off. From time to time.
    void ask_again();
    /// Gives up requests that have waited for a link since before `since`.
    void expire(net::Turn::Clock::time_point since);
    /// Ends the link of a feed that is not used.
    void close();

    void flush() override;

    bool on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(PendingRequest& request, std::string_view command, const Loss& loss) override;
    void on_refused(PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    /// Something sent to the node, or waiting for a link. `subscriber` is null when nobody waits for the answer.
    struct Asked {
        Subscriber* subscriber = nullptr;
        SubscribeRequest request;
        net::Turn::Clock::time_point since;
        bool restoring = false;
    };

    /// Refused by a node that is busy or loads its data.
    struct PutOff {
        SubscriptionKind kind = SubscriptionKind::channel;
        std::vector<std::string> names;
        bool subscribe = false;
    };

    void send(const Asked& asked);
    void unsubscribe_refused(const resp::RequestView& request, std::string_view error);
    void send_unsubscribe(SubscriptionKind kind, std::string_view name);
    void submit(std::string_view frame, std::int32_t replies, std::uint64_t what);
    void accepted(Asked asked);
    void refused(Asked asked, std::string_view error);
    void tell_gap();
    void deny(SubscriptionKind kind, const std::string& name);
    void take_message(const PubSubFrame& head, std::string_view frame);
    void hand_on(const MessagePtr& message, const std::vector<Subscriber*>& subscribers);

    /// Messages handed on in one turn, counted once for each subscriber; those of one message are never parted.
    static constexpr std::size_t kPortion = 64 * 1024;

    SubscriptionContext context_;
    LinkIdentity identity_;
    Lease link_;
    SubscriptionIndex index_;
    std::deque<Asked> asked_;         // in the order in which the node answers
    std::deque<MessagePtr> backlog_;  // messages that have to wait for a further turn
    std::vector<PutOff> put_off_;     // of the present link
    std::size_t stuck_ = 0;           // names that the node keeps on the present link, though nobody listens
    std::size_t backlog_bytes_ = 0;
    std::size_t portion_ = kPortion;  // what is left of it in this turn
};

using SubscriptionFeedPtr = boost::intrusive_ptr<SubscriptionFeed>;

}  // namespace portal::upstream
