// One client: the data path in order, from bytes read to bytes written. Frames requests, finds their rows, routes them
// to a link or answers them, puts replies in order, and carries the client through the loss of a leader. Shell around
// pure parts (scanner, state, router, sequencer). One shard; kept alive by the registry and pending requests.
#pragma once

#include "command/classifier.hpp"
#include "command/session_state.hpp"
#include "command/tracking.hpp"
#include "net/deadline.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "resp/byte_buffer.hpp"
#include "resp/frame_scanner.hpp"
#include "route/router.hpp"
#include "session/client_line.hpp"
#include "session/client_origin.hpp"
#include "session/deadlines.hpp"
#include "session/hello_request.hpp"
#include "session/outgoing_messages.hpp"
#include "session/parked_replies.hpp"
#include "session/queued_commands.hpp"
#include "session/registry_hook.hpp"
#include "session/reply_sequencer.hpp"
#include "session/reply_window.hpp"
#include "session/session_context.hpp"
#include "session/session_waits.hpp"
#include "session/tracking_relay.hpp"
#include "session/transaction_copy.hpp"
#include "upstream/link_pool.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::session {

class Session final : public upstream::ReplySink,
                      public upstream::Subscriber,
                      public TrackingRelay::Holder,
                      public net::Flushable,
                      public net::Deadline,
                      public net::StreamUser,
                      public RegistryHook<AllTag>,
                      public RegistryHook<HeldTag>,
                      public RegistryHook<ParkedTag> {
  public:
    using Origin = ClientOrigin;

    /// The socket of `origin` is its own from here on; `tls` is null for a plain listener.
    Session(SessionContext& context, Origin origin, std::shared_ptr<SSL_CTX> tls);
    ~Session() override;

    /// Enters the registry and begins to read. `refused`: the client is only told that there are too many.
    void start(bool refused);
    void close(observe::Closed reason);

    /// The leader came, went or changed, or a link became ready: whoever waits tries again.
    void retry();
    /// Whose links it uses.
    [[nodiscard]] upstream::LinkIdentity identity() const;
    /// Redis accepts its user or password no more: it is closed, unanswered, as Redis closes it.
    void on_login_refused();
    /// Clients must log in from now on: closed if it has not, and is in the midst of something.
    void on_login_required();
    /// Closes at the next command boundary.
    void drain();
    /// The context goes on by another configuration.
    void on_configured();

    // --- session_proof.cpp: replies to writes that wait for a proof
    /// Those up to this ticket are proven.
    void release_proven(upstream::Ticket proven);
    /// None of them can be proven any more.
    void lose_parked();
    /// Those that have waited since then have waited too long.
    void expire_parked(net::Turn::Clock::time_point since);

    // --- what other clients ask for
    [[nodiscard]] std::uint64_t id() const noexcept { return origin_.id; }
    [[nodiscard]] ClientLine describe() const;
    /// The node's id of the connection on which this client is blocked at the node; 0 when it is not. The connection is
    /// not used for another client afterwards, so that the id stays this client's.
    [[nodiscard]] std::uint64_t blocked_connection() noexcept;
    /// CLIENT PAUSE has ended.
    void end_pause();
    /// For a client that redirects to this one: `keys` have changed, an array or null as RESP.
    void take_invalidation(std::string_view keys);
    /// Client `target`, to which this one redirects, is gone.
    void on_redirect_broken(std::uint64_t target);
    void on_relay_ready() override;
    void on_relay_lost(TrackingRelay& relay) override;

    void flush() override;

    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;
    void on_streamed() override;
    void on_relayed(std::string_view bytes) override;
    void on_moved(const upstream::Link& link) override;
    bool adopt(upstream::Lease& lease) override;
    upstream::Link* own_link() override;

    void on_message(const upstream::MessagePtr& message) override;
    void on_message_dropped() override;
    void on_subscribed(upstream::SubscriptionFeed& feed, const upstream::SubscribeRequest& request) override;
    void on_subscribe_refused(const upstream::SubscribeRequest& request, std::string_view error) override;
    void on_subscribe_expired(const upstream::SubscribeRequest& request) override;
    void on_subscription_denied() override;
    [[nodiscard]] std::string_view password() const override { return state_.credentials->password; }

  private:
    using Slot = ReplySequencer::Slot;
    /// The slot of requests that the session sends for itself.
    static constexpr Slot kNoSlot = ~Slot{0};
    /// A client that is busy all the time moves its deadline only so often, which is as exact as a shard's tick.
    static constexpr std::chrono::milliseconds kActivity{50};
    using Row = command::CommandRow;

    /// The command that is timed, of each client one at a time: cheap, and every one of a client that does not
    /// pipeline.
    struct Timed {
        Slot slot = 0;
        observe::CommandClass what = observe::CommandClass::read;
        net::Turn::Clock::time_point since;  // when its last bytes were read
    };

    // --- session_connection.cpp: from accept to close
    void expired() override;
    [[nodiscard]] Deadlines::Due due_deadline() const noexcept;
    void arm_deadline();
    /// Something was read, or something happened to this client in this turn.
    void note_activity() {
        if (context_.turn.now() - active_at_ >= kActivity) {
            active_at_ = context_.turn.now();
            arm_deadline();
        }
    }
    [[nodiscard]] bool is_busy() const noexcept;
    bool take_proxy_header();
    void leave_if_done();
    void on_established();
    void on_client_end(net::Stream::Status status);
    void settle_end();
    void end_block();

    // --- session.cpp: the data path
    [[nodiscard]] bool reads_on() const noexcept;
    void wait_readable();
    void on_stream(bool readable, bool writable) override;
    void on_readable();
    void take_input(std::string_view fresh);
    std::size_t take_requests(std::string_view bytes);
    void protocol_error(resp::Error error);
    void resume_if_due();
    void pause(Wait wait);

    // --- session_output.cpp: to the socket
    void send_output();
    [[nodiscard]] std::size_t unsent_output() const noexcept { return output_.size() - output_sent_; }
    void trim_output();
    void note_written(net::Stream::Status status);
    void on_writable();
    void note_duration();

    // --- session_streaming.cpp: requests and replies that are passed on as they come
    std::size_t take_part(std::string_view rest);
    void take_last_part(std::string_view bytes);
    bool begin_large(std::string_view head);
    void stream(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool has_large_key(const Row& row, const resp::RequestView& request) const noexcept;
    void note_large_key(const Row& row, const resp::RequestView& request);
    void pass_on(std::string_view bytes, bool last);
    void give_up_large();
    void end_large_reply();
    void settle_streamed(const Lost& lost, const Row& row);

    // --- session_relay.cpp: a client in the debugger of scripts
    bool begin_relay(const Row& row, std::string_view frame);
    void relay_request(const Row& row, const resp::RequestView& request);
    void end_relay(const upstream::PendingRequest& request);

    // --- session_requests.cpp: from one request to the link that carries it
    bool take_request(std::string_view frame, std::string_view rest);
    std::size_t take_unit(std::string_view rest);
    void begin_request();
    bool refuse(const Row& row, const resp::RequestView& request);
    void refuse_without_leader(const Row& row);
    void end_request();
    bool forward(const Row& row, const resp::RequestView& request, route::Destination destination);
    bool forward_wait(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool has_link_for(route::Destination destination) const;
    upstream::Link& shared_link();
    upstream::Link& link_for(bool pinned);
    upstream::Link& lease_fresh(upstream::LinkPool::Before before);
    [[nodiscard]] upstream::PendingRequest open_request(const Row& row);
    bool submit(upstream::Link& link, const Row& row, std::string_view frame);
    bool submit(upstream::Link& link, const Row& row, std::string_view frame, upstream::Effect effect);
    void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies);
    void submit_end(std::string_view name);
    [[nodiscard]] bool link_agrees() const noexcept;
    void release_pinned_if_free();
    [[nodiscard]] bool must_log_in() const noexcept;
    [[nodiscard]] std::string_view no_leader_reason() const noexcept;

    // --- session_pubsub.cpp: subscriptions and messages
    bool refuse_in_subscriber_mode(const Row& row, const resp::RequestView& request);
    bool refuse_long_name(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool awaits_subscriber_mode(const Row& row) const noexcept;
    bool take_subscription(const Row& row, const resp::RequestView& request);
    void unsubscribe(const Row& row, upstream::SubscriptionKind kind, const resp::RequestView& request);
    [[nodiscard]] std::string confirm_unsubscribed(const Row& row, upstream::SubscriptionKind kind,
                                                   std::vector<std::string> names, std::vector<std::string>& on_link);
    void take_confirmation(const QueuedCommands::Own& command, std::string_view frame);
    void move_to_feed();
    [[nodiscard]] bool listens_on_link(const upstream::PubSubFrame& head) const;
    void confirm(std::string& out, std::string_view word, std::string_view name, upstream::SubscriptionKind kind) const;
    [[nodiscard]] upstream::Link* feed_link() const noexcept;
    [[nodiscard]] bool has_messages() const noexcept { return messages_ && !messages_->empty(); }
    [[nodiscard]] std::size_t unread() const noexcept;
    void send_messages();
    void wait_behind_reply(const upstream::MessagePtr& message);
    void leave_feeds();

    // --- session_replies.cpp: what replies change
    void note_reply(const Row& row, bool accepted, std::string_view bytes, std::string_view command);
    void note_login(std::string_view command, const Row& row, std::string_view bytes, std::string& replacement);
    void accept_hello(const HelloRequest& hello, std::string& answer);
    bool take_own(upstream::PendingRequest& request, std::string_view bytes, std::string_view command);
    void pass_head(upstream::PendingRequest& request, const Row& row, std::string_view bytes, std::string_view command);
    void finish_reply(const upstream::PendingRequest& request, std::string_view bytes, bool unproven);
    void send_what_came();
    void note_selected(std::string_view command);
    bool keep_output_bounded();

    // --- local_replies.cpp: commands that the portal answers
    bool answer_locally(const Row& row, const resp::RequestView& request);
    bool begin_auth(const Row& row, const resp::RequestView& request);
    bool begin_hello(const Row& row, const resp::RequestView& request);
    bool begin_select(const Row& row, const resp::RequestView& request);
    bool ask_first(upstream::Link* link, const Row& row, std::string_view frame, upstream::Effect effect);
    bool answer_broken_transaction(const Row& row, std::string& out);
    void tell_in_doubt(std::string& out);
    void write_hello(std::string& out) const;
    void log_in(std::string_view username, std::string_view password, bool proven);
    void refuse_before_login(const Row& row, const resp::RequestView& request);
    void reply(std::string bytes);
    void reply_error(std::string_view text);

    // --- client_commands.cpp: the CLIENT command
    bool answer_client(const Row& row, const resp::RequestView& request);
    void answer_permitted(const Row& row, const resp::RequestView& request, std::string_view verdict);
    bool permitted(const Row& row, const resp::RequestView& request, std::string& verdict);
    std::string answer_own(const Row& row, const resp::RequestView& request);
    std::string set_reply_mode(const resp::RequestView& request);
    std::string set_library(const resp::RequestView& request);

    // --- all_clients.cpp: CLIENT LIST, KILL and UNBLOCK
    void list_clients(const resp::RequestView& request);
    void kill_clients(const resp::RequestView& request, std::string_view verdict);
    void unblock_client(const Row& row, const resp::RequestView& request);
    [[nodiscard]] Slot await_shards();
    void finish_shards(Slot slot, std::string bytes);
    [[nodiscard]] bool blocked_at_node() const noexcept;

    // --- session_description.cpp: its line in CLIENT LIST
    [[nodiscard]] std::string client_flags() const;

    // --- client_pause.cpp: CLIENT PAUSE
    void pause_clients(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool pauses(const Row& row) const noexcept;

    // --- client_tracking.cpp: CLIENT TRACKING
    bool forward_tracking(const Row& row, const resp::RequestView& request);
    [[nodiscard]] static std::string redirected(const resp::RequestView& request, const TrackingRelay* relay);
    void find_target(std::uint64_t target);
    void note_tracking(std::string_view bytes, std::string_view command);
    void accept_tracking(const resp::RequestView& request, std::string_view bytes, TrackingRelayPtr relay);
    void translate_redirect(const Row& row, std::string_view bytes, std::string& replacement) const;
    [[nodiscard]] std::string translated_push(std::string_view frame) const;
    void send_push(std::string_view frame);
    [[nodiscard]] TrackingRelayPtr take_redirect();
    [[nodiscard]] bool has_redirect() const noexcept;
    bool await_redirect(const Row& row, std::uint64_t target);
    void stop_tracking();
    void flush_tracked();
    [[nodiscard]] bool must_track_again() const noexcept;
    bool track_again();

    // --- session_transactions.cpp: the portal's part in a transaction
    bool queue(const Row& row, const resp::RequestView& request);
    bool submit_exec(const Row& row, const resp::RequestView& request);
    bool take_exec(upstream::PendingRequest& request, std::string_view bytes);
    void give_result(std::string_view bytes);
    void go_on_executed();
    void take_result(std::string_view frame);
    void do_part(QueuedCommands::Own& command, std::string_view frame);
    void finish_part(std::string_view bytes);

    // --- session_refusals.cpp: answers of a node that does not lead
    bool take_back(upstream::PendingRequest& request, const Row& row, std::string_view& bytes, bool complete,
                   std::string_view command);
    void keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal, bool sent);
    void give_up_refused();
    bool still_refused(const Lost& lost);
    [[nodiscard]] bool may_lie(const Lost& lost) const noexcept;
    std::string rearmed(const Row& row, const std::string& command);

    // --- session_proof.cpp: proven writes
    [[nodiscard]] bool awaits_proof(const upstream::PendingRequest& request, const Row& row,
                                    const resp::ReplyHead& reply, bool queued) const noexcept;
    bool park(const upstream::PendingRequest& request, std::string_view bytes);
    void deliver(Slot slot, std::string_view bytes);
    void pop_parked();
    void unproven(Slot slot, std::string_view text);
    void drop_parked();
    void keep_part(std::string_view bytes);
    void deliver_part();
    [[nodiscard]] bool must_await_proof(const Row& row) const noexcept;
    bool await_proof(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool must_stay_held() const;

    // --- session_loss.cpp: a lost link, in doubt
    void keep(Lost lost);
    void settle_losses();
    void answer_in_doubt(const Lost& lost);
    [[nodiscard]] bool must_not_repeat(const Lost& lost, const Row& row) const;
    void refuse_to_repeat(const Lost& lost, const Row& row);

    // --- unfinished_transactions.cpp: those whose link is lost, or whose node leads no more
    [[nodiscard]] bool is_inside(const upstream::PendingRequest& request) const noexcept;
    [[nodiscard]] static bool opens_transaction(const Lost& lost);
    void follow_unit(upstream::PendingRequest& request, const Row& row, bool begins) noexcept;
    [[nodiscard]] bool copy_stands() const noexcept;
    [[nodiscard]] bool can_send_again(const LostRequests& came_back) const;
    [[nodiscard]] bool refuses_exec(std::string_view bytes) const noexcept;
    void begin_transaction();
    void forget_transaction();
    void note_transaction();
    void note_watch(bool unwatches);
    [[nodiscard]] bool node_queues() const noexcept;
    [[nodiscard]] bool node_watches() const noexcept;
    void end_transaction();
    void break_transaction();
    void give_up_transaction(const LostRequests& refused);
    void note_queued(const Row& row, std::string_view bytes, std::string_view command);
    void keep_copy(Slot slot, std::string_view refusal, bool unit);
    bool take_back_unit(upstream::PendingRequest& request, const Row& row, std::string_view& bytes,
                        std::string_view command);
    bool take_back_pinned(upstream::PendingRequest& request, const Row& row, std::string_view& bytes,
                          std::string_view command);
    void settle_unit(std::span<Lost> unit);
    bool settle_pinned(Lost& lost, const Row& row);

    // --- session_hold.cpp: the wait for a leader, and what is sent again
    void resend();
    void hold();
    void account_held();
    void leave_hold();
    void refuse_held(std::string_view text);

    SessionContext& context_;
    net::Stream stream_;
    Origin origin_;
    command::SessionState state_;

    std::unique_ptr<std::string> proxy_header_;  // what came of the header that is still to come first
    resp::RequestScanner scanner_;
    resp::ByteBuffer input_;  // what was read and not taken yet
    ReplySequencer replies_;
    std::string output_;                                // plaintext for the client, in order
    std::size_t output_sent_ = 0;                       // bytes of output_ that the stream has taken
    std::unique_ptr<OutgoingMessages> messages_;        // among the bytes of output_; made for the first one
    std::unique_ptr<MessagesBehind> behind_;            // made when one comes within a large reply
    std::vector<upstream::SubscriptionFeedPtr> feeds_;  // where it has subscriptions: one, or more after another AUTH

    upstream::Lease pinned_;
    const upstream::Link* last_link_ = nullptr;  // where the unanswered requests are; compared, never used
    std::uint32_t in_flight_ = 0;                // requests on links
    std::size_t in_flight_bytes_ = 0;
    ReplyWindow window_;                    // how many of them there may be
    std::uint32_t subscribing_ = 0;         // those of them that are SUBSCRIBE and the like
    std::uint32_t unit_left_ = 0;           // commands of a whole transaction still to be sent on the shared link
    std::uint8_t transaction_repeats_ = 0;  // how often the open one was sent again
    std::uint32_t target_question_ = 0;     // counts the questions for clients that CLIENT TRACKING names
    std::uint8_t lost_questions_ = 0;       // of the session's own, one after the other
    QueuedCommands queued_;                 // of the transaction that is open
    bool denied_in_transaction_ = false;    // one of them was refused by the portal
    bool unit_begun_ = false;               // the transaction that travels whole and is being answered
    std::unique_ptr<Executed> executed_;    // while the answer to its EXEC is put together
    std::string exec_reply_;                // what has come of that answer
    std::string exec_end_;                  // what tells that it ends; empty: it is one frame
    std::optional<replication::Epoch> write_epoch_;           // under which the last write was sent; see forward_wait
    resp::Protocol wanted_protocol_ = resp::Protocol::resp2;  // of the HELLO that awaits its AUTH
    std::optional<std::string> wanted_name_;

    const Row* last_row_ = nullptr;  // of the last command
    std::optional<Timed> timed_;
    net::Turn::Clock::time_point connected_at_{}, heard_at_{}, pipelined_at_{};
    net::Turn::Clock::time_point active_at_{};     // when something went either way; exact to kActivity
    net::Turn::Clock::time_point stalled_at_{};    // since when the socket takes nothing, if it does not
    Deadlines::Due deadline_;                      // for which it stands in a queue, if it does
    std::optional<std::string> verdict_;           // what the node says of the CLIENT command at hand; see permitted()
    std::unique_ptr<command::Tracking> tracking_;  // while CLIENT TRACKING is on
    TrackingRelayPtr relay_;                       // to the client that it redirects to
    std::unique_ptr<Redirect> redirect_;           // of the CLIENT TRACKING at hand; null: not known yet

    ParkedReplies parked_;
    std::string part_;    // of a large reply whose turn has not come
    Slot part_slot_ = 0;  // and its slot

    LostRequests lost_;
    TransactionCopy copy_;       // of the transaction that is open, or that travels in one piece and is being answered
    Slot transaction_slot_ = 0;  // of the MULTI of the open transaction
    std::optional<Slot> blocked_slot_;              // of the newest command that may block outside of a transaction
    net::Turn::Clock::time_point blocked_since_{};  // since when the oldest such command has waited
    std::optional<net::Turn::Clock::time_point> hold_began_;  // unless nothing has waited for a leader since
    net::Turn::Clock::time_point left_hold_at_{};
    std::size_t held_size_ = 0;
    Wait wait_ = Wait::nothing;
    Large large_ = Large::nothing;
    bool tracking_armed_ = false;  // the node tracks on the pinned link
    bool caching_yes_ = false;     // CLIENT CACHING YES was used
    bool reply_begun_ = false;     // what goes to the client ends within a reply
    bool settle_ = false;          // lost_ holds new entries
    bool muted_ = false;           // the command at hand gets no reply
    bool writing_ = false;         // a wait for the socket to take more is pending
    bool established_ = false;
    bool refused_ = false;   // over the limit of sessions
    bool refusing_ = false;  // the hold has ended: what waits is answered NOLEADER
    bool relaying_ = false;  // all bytes pass between the client and the pinned link, both ways
    bool eof_ = false;       // the client has closed its side; what it sent before is still answered
    bool leaving_ = false;   // the portal lets its clients go
    bool ended_ = false;     // no more input is taken: QUIT, a protocol error, drain
    bool pinned_lost_ = false;
    bool awaits_proof_ = false;  // held until writes are confirmed, not for a leader
    bool hold_full_ = false;     // hold.bytes is used up
    bool cut_off_ = false;       // to be closed in this turn
    bool closed_ = false;
    observe::Closed ending_ = observe::Closed::client;
};

using SessionPtr = boost::intrusive_ptr<Session>;

}  // namespace portal::session
