// What one client is subscribed to. Subscriptions live on the feeds of the shard, one for each user; those that a
// transaction made live on the client's own link. Made when a client subscribes first; owned by its session.
#pragma once

#include "command/command_table.hpp"
#include "conversation/queued_commands.hpp"
#include "resp/request_view.hpp"
#include "session/feature_host.hpp"
#include "upstream/subscription_feed.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

/// Names subscribed to, by kind. They outlive a link, so that they can be made again after a failover.
struct SubscribedNames {
    std::set<std::string, std::less<>> channels, patterns, shard_channels;
    [[nodiscard]] std::size_t count() const noexcept {
        return channels.size() + patterns.size() + shard_channels.size();
    }
};

/// What a RESP2 client that listens gets for what has nothing to do with listening, as the text of an error; empty: it
/// may ask for that.
[[nodiscard]] std::string subscriber_mode_refusal(const command::CommandRow& row, std::size_t argc);

/// It subscribes to a name so long that it could end the link by which all subscribers of this user hear.
[[nodiscard]] bool has_long_name(const command::CommandRow& row, const resp::RequestView& request);

class ClientSubscriptions final : public upstream::Subscriber {
  public:
    explicit ClientSubscriptions(FeatureHost& host) : host_(host) {}
    ClientSubscriptions(const ClientSubscriptions&) = delete;
    ClientSubscriptions& operator=(const ClientSubscriptions&) = delete;
    ~ClientSubscriptions() { leave(); }

    /// SUBSCRIBE, UNSUBSCRIBE and their kin, outside of a transaction. False: must wait, since what is in flight
    /// travels elsewhere.
    bool take(const command::CommandRow& row, const resp::RequestView& request);
    /// `frame` of the node's answers `command`, a SUBSCRIBE or UNSUBSCRIBE that was part of a transaction. Appends what
    /// the client hears to `out`. True: it was the last such frame.
    bool take_confirmation(const QueuedCommands::Own& command, std::string_view frame, std::string& out);

    /// A SUBSCRIBE is unanswered whose answer decides, with RESP2, whether this command is allowed.
    [[nodiscard]] bool delays(const command::CommandRow& row) const noexcept {
        return asking_ > 0 && host_.state().protocol == resp::Protocol::resp2 &&
               !command::is_subscription(row.handling);
    }
    /// The messages of `head` come by the pinned link, and by no feed.
    [[nodiscard]] bool listens_on_link(const upstream::PubSubFrame& head) const;
    /// Where a PUBLISH of a client that listens travels: there its own message comes before the reply, as redis-server
    /// has it. Only the feed of its present user, who is the one to be judged. Null: where any other command does.
    [[nodiscard]] upstream::Link* feed_link() const noexcept;
    [[nodiscard]] const SubscribedNames& names() const noexcept { return names_; }

    /// The pinned link is gone: what was subscribed to there is subscribed to again as if no transaction had done it.
    void move_to_feed();
    /// No message comes any more. For a client that is going away, or that begins anew.
    void leave();

    void on_message(const upstream::MessagePtr& message) override { host_.send_message(message); }
    void on_message_dropped() override;
    void on_subscribed(upstream::SubscriptionFeed& feed, const upstream::SubscribeRequest& request) override;
    void on_subscribe_refused(const upstream::SubscribeRequest& request, std::string_view error) override;
    void on_subscribe_expired(const upstream::SubscribeRequest& request) override;
    void on_gap() override;
    void on_subscription_denied() override;
    [[nodiscard]] std::string_view password() const override { return host_.state().credentials->password; }

  private:
    /// How far the answer to a command in a transaction has come.
    struct Confirming {
        resp::RequestView request;  // remembers where it stands
        std::size_t expected = 0;   // frames
        std::size_t taken = 0;
    };

    [[nodiscard]] upstream::SubscriptionFeedPtr own_feed();
    void join(const upstream::SubscriptionFeedPtr& feed);
    void leave_feeds(upstream::SubscriptionKind kind, std::string_view name);
    void unsubscribe(const command::CommandRow& row, upstream::SubscriptionKind kind, const resp::RequestView& request);
    [[nodiscard]] std::string end(const command::CommandRow& row, upstream::SubscriptionKind kind,
                                  std::vector<std::string> names, std::vector<std::string>& on_link);
    void confirm(std::string& out, std::string_view word, std::string_view name, upstream::SubscriptionKind kind) const;
    void note_names() noexcept;

    FeatureHost& host_;
    std::vector<upstream::SubscriptionFeedPtr> feeds_;  // where there are some: one, or more after another AUTH
    SubscribedNames names_;
    SubscribedNames on_link_;   // those of them that a transaction made, on the pinned link
    std::uint32_t asking_ = 0;  // requests to feeds that are unanswered
    std::optional<Confirming> confirming_;
};

}  // namespace portal::session
