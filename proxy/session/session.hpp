// One client: the data path in order, from bytes read to bytes written. Frames requests, finds their rows, routes them
// to a link or answers them, puts replies in order, and carries the client through the loss of a leader. Shell around
// pure parts (scanner, state, router, sequencer). One shard; kept alive by the registry and pending requests.
#pragma once

#include "command/classifier.hpp"
#include "command/session_state.hpp"
#include "conversation/hello_request.hpp"
#include "conversation/order.hpp"
#include "conversation/parked_replies.hpp"
#include "conversation/queued_commands.hpp"
#include "conversation/recovery.hpp"
#include "conversation/transaction.hpp"
#include "conversation/whole_transaction.hpp"
#include "net/deadline.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "resp/byte_buffer.hpp"
#include "resp/frame_scanner.hpp"
#include "route/router.hpp"
#include "session/client_commands.hpp"
#include "session/client_line.hpp"
#include "session/client_origin.hpp"
#include "session/client_output.hpp"
#include "session/client_subscriptions.hpp"
#include "session/client_tracking.hpp"
#include "session/deadlines.hpp"
#include "session/feature_host.hpp"
#include "session/registry_hook.hpp"
#include "session/session_context.hpp"
#include "session/session_waits.hpp"
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
                      public FeatureHost,
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
    void retry() override;
    /// Whose links it uses.
    [[nodiscard]] upstream::LinkIdentity identity() const override;
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
    [[nodiscard]] std::uint64_t id() const noexcept override { return origin_.id; }
    [[nodiscard]] ClientLine describe() const override;
    /// The node's id of the connection on which this client is blocked at the node; 0 when it is not. The connection is
    /// not used for another client afterwards, so that the id stays this client's.
    [[nodiscard]] std::uint64_t blocked_connection() noexcept;
    /// CLIENT PAUSE has ended.
    void end_pause();
    /// For a client that redirects to this one: `keys` have changed, an array or null as RESP.
    void take_invalidation(std::string_view keys);
    /// Null when it has never used CLIENT TRACKING.
    [[nodiscard]] ClientTracking* tracking() noexcept { return tracking_.get(); }

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

  private:
    using Slot = ReplySequencer::Slot;
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
    [[nodiscard]] bool wait_is_over() const noexcept;
    bool settle_drained();
    void close_if_done();
    void pause(Wait wait) override;

    // --- what its features ask of it
    [[nodiscard]] SessionContext& context() noexcept override { return context_; }
    [[nodiscard]] command::SessionState& state() noexcept override { return state_; }
    [[nodiscard]] bool muted() const noexcept override { return muted_; }
    void mute(bool on) noexcept override { muted_ = on; }
    [[nodiscard]] bool within_exec() const noexcept override { return executed_ != nullptr; }
    void await_answer() override;
    void finish_awaited(Slot slot, std::string bytes) override;
    void finish_killed(Slot slot, std::string bytes) override;
    void confirm(std::string bytes) override;
    [[nodiscard]] Slot open_slot() noexcept override { return executed_ ? executed_->slot : order_.open(); }
    [[nodiscard]] bool in_flight_elsewhere(const upstream::Link* link) const noexcept override;
    void count_sent(std::size_t size) noexcept override;
    void note_sent(const upstream::Link* link) override;
    void finish_slot(Slot slot, std::size_t size, std::string bytes) override;
    [[nodiscard]] upstream::Link* pinned_link() const noexcept override { return pinned_.get(); }
    void cut_off(observe::Closed reason) override;
    void deny(std::string error) override;
    [[nodiscard]] bool closed() const noexcept override { return closed_; }
    [[nodiscard]] Wait wait() const noexcept override { return wait_; }
    void end_reply_wait() noexcept override;
    [[nodiscard]] bool refusing() const noexcept override { return refusing_; }
    [[nodiscard]] upstream::Link& fresh_link() override;
    void mark() override { context_.turn.mark(*this); }
    ClientSubscriptions& use_subscriptions();
    ClientTracking& use_tracking();
    ClientCommands& use_commands();
    [[nodiscard]] bool must_track_again() const noexcept { return state_.tracking && !pinned_; }
    [[nodiscard]] std::string translated_push(std::string_view frame) const;

    // --- session_output.cpp: to the socket
    void send_output();
    void send_messages();
    void send_message(const upstream::MessagePtr& message) override;
    void send_push(std::string_view frame) override;
    [[nodiscard]] std::size_t unread() const noexcept;
    void note_written(net::Stream::Status status);
    void on_writable();
    void note_duration();

    // --- session_streaming.cpp: requests and replies that are passed on as they come
    std::size_t take_part(std::string_view rest);
    void take_last_part(std::string_view bytes);
    bool begin_large(std::string_view head);
    bool begin_stream(const Row& row, const resp::RequestView& request);
    void stream(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool has_large_key(const Row& row, const resp::RequestView& request) const noexcept;
    void note_large_key(const Row& row, const resp::RequestView& request);
    void pass_on(std::string_view bytes, bool last);
    void give_up_large();

    // --- session_relay.cpp: a client in the debugger of scripts
    bool begin_relay(const Row& row, std::string_view frame);
    void relay_request(const Row& row, const resp::RequestView& request);
    void end_relay(const upstream::PendingRequest& request);

    // --- session_requests.cpp: from one request to the link that carries it
    bool take_request(std::string_view frame, std::string_view rest);
    std::size_t take_unit(std::string_view rest);
    void begin_request();
    bool refuse(const Row& row, const resp::RequestView& request);
    void refuse_without_leader(const Row& row) override;
    void end_request();
    bool dispatch(const Row& row, const resp::RequestView& request, std::string_view rest);
    void look_for_unit(std::string_view rest);
    [[nodiscard]] route::Destination destination_of(const Row& row, const resp::RequestView& request) const;
    bool forward(const Row& row, const resp::RequestView& request, route::Destination destination);
    upstream::Link& link_that_carries(const Row& row, bool large, route::Destination destination);
    [[nodiscard]] std::optional<bool> forward_in_its_way(const Row& row, const resp::RequestView& request);
    bool note_forwarded(const Row& row, const resp::RequestView& request);
    bool forward_wait(const Row& row, const resp::RequestView& request);

    // --- session_links.cpp: the links that carry them
    [[nodiscard]] bool has_link_for(route::Destination destination) const;
    upstream::Link& shared_link();
    upstream::Link& link_for(bool pinned) override;
    upstream::Link& lease_fresh(upstream::LinkPool::Before before);
    [[nodiscard]] upstream::PendingRequest open_request(const Row& row);
    bool submit(upstream::Link& link, const Row& row, std::string_view frame) override;
    bool submit(upstream::Link& link, const Row& row, std::string_view frame, upstream::Effect effect);
    void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) override;
    void submit_end(std::string_view name);
    [[nodiscard]] bool link_agrees() const noexcept;
    /// What the link of its own carries; null: it has none.
    [[nodiscard]] Transaction::Link own_state() const noexcept { return pinned_ ? &pinned_->carries() : nullptr; }
    [[nodiscard]] bool needs_pinned() const noexcept override {
        return transaction_.needs_link() || state_.needs_link();
    }
    [[nodiscard]] route::Client route_client() const noexcept {
        return {transaction_.phase(), needs_pinned(), state_.resp2_subscriber()};
    }
    void release_pinned_if_free();
    [[nodiscard]] bool must_log_in() const noexcept;
    [[nodiscard]] std::string_view no_leader_reason() const noexcept override;

    // --- session_replies.cpp: what replies change
    void note_reply(const Row& row, bool accepted, std::string_view bytes, std::string_view command);
    void note_login(std::string_view command, const Row& row, std::string_view bytes, std::string& replacement);
    void accept_hello(const HelloRequest& hello, std::string& answer);
    bool take_own(upstream::PendingRequest& request, std::string_view bytes, std::string_view command);
    void hand_over(upstream::PendingRequest& request, bool complete, std::string_view bytes, std::string_view command,
                   bool acknowledges);
    void pass_head(upstream::PendingRequest& request, const Row& row, std::string_view bytes, std::string_view command);
    void finish_reply(const upstream::PendingRequest& request, std::string_view bytes, bool unproven);
    void send_what_came();
    bool take_message_on_link(std::string_view frame);
    void note_selected(std::string_view command);
    bool keep_output_bounded();

    // --- local_replies.cpp: commands that the portal answers
    bool answer_locally(const Row& row, const resp::RequestView& request);
    bool begin_auth(const Row& row, const resp::RequestView& request);
    bool begin_hello(const Row& row, const resp::RequestView& request);
    bool begin_select(const Row& row, const resp::RequestView& request);
    bool ask_first(upstream::Link* link, const Row& row, std::string_view frame, upstream::Effect effect);
    bool answer_broken_transaction(const Row& row);
    void write_hello(std::string& out) const;
    void log_in(std::string_view username, std::string_view password, bool proven);
    void refuse_before_login(const Row& row, const resp::RequestView& request);
    void reply(std::string bytes) override;

    // --- session_description.cpp: its line in CLIENT LIST
    [[nodiscard]] std::string client_flags() const;
    [[nodiscard]] bool blocked_at_node() const noexcept;

    /// CLIENT PAUSE concerns this command.
    [[nodiscard]] bool pauses(const Row& row) const noexcept {
        return session::pauses(context_.pause.mode, row, transaction_.active() && transaction_.queued().writes());
    }

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
    bool take_behind(upstream::PendingRequest& request, const Row& row, std::string_view bytes, bool complete,
                     std::string_view command);
    void keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal, bool sent);
    void give_up_refused();
    bool still_refused(const Lost& lost);
    [[nodiscard]] bool is_script_at_its_word(const Lost& lost) const noexcept;
    bool apply(const Verdict& verdict, upstream::PendingRequest& request, std::string_view& bytes,
               std::string_view command);
    std::string rearmed(const Row& row, const std::string& command);

    // --- session_proof.cpp: proven writes
    [[nodiscard]] bool awaits_proof(const upstream::PendingRequest& request, const Row& row,
                                    const resp::ReplyHead& reply, bool queued) const noexcept;
    bool park(const upstream::PendingRequest& request, std::string_view bytes);
    void deliver(Slot slot, std::string_view bytes);
    void pop_parked();
    void drop_parked();
    void keep_part(Slot slot, std::string_view bytes);
    void deliver_part();
    [[nodiscard]] bool must_await_proof(const Row& row) const noexcept;
    bool await_proof(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool must_stay_held() const;

    // --- session_loss.cpp: a lost link, in doubt
    void settle_losses();
    void carry_out(const Lost& lost, Fate fate);
    void carry_out(std::vector<Recovery::Settled> settled);
    void tell_in_doubt(Slot slot, std::string_view text, bool muted);
    void refuse_to_repeat(const Lost& lost);
    void note_queued(const Row& row, std::string_view bytes, std::string_view command);
    void keep_copy(Slot slot, std::string_view refusal, bool unit);
    void end_transaction();

    // --- session_hold.cpp: the wait for a leader, and what is sent again
    [[nodiscard]] bool must_run_before_transaction() const;
    void resend();
    [[nodiscard]] upstream::Link* link_again(Lost& lost, const Row& row, bool held);
    [[nodiscard]] upstream::Link* login_link_again(Lost& lost, const Row& row);
    void send_again(upstream::Link& link, Lost& lost, const Row& row);
    void hold() override;
    void account_held();
    void leave_hold();
    void end_hold_if_due();
    void refuse_held(std::string_view text);

    SessionContext& context_;
    net::Stream stream_;
    Origin origin_;
    command::SessionState state_;
    upstream::SelectorPtr selector_;  // null: the present login has selected the database, or nobody has

    std::unique_ptr<std::string> proxy_header_;  // what came of the header that is still to come first
    resp::RequestScanner scanner_;
    resp::ByteBuffer input_;  // what was read and not taken yet
    Order order_;
    ClientOutput output_;
    std::unique_ptr<ClientSubscriptions> subscriptions_;  // made when it subscribes first
    std::unique_ptr<ClientTracking> tracking_;            // made at the first CLIENT TRACKING
    std::unique_ptr<ClientCommands> commands_;            // made at the first other CLIENT command

    upstream::Lease pinned_;
    Transaction transaction_;
    WholeTransaction unit_;
    std::unique_ptr<Executed> executed_;                      // while the answer to its EXEC is put together
    std::string exec_reply_;                                  // what has come of that answer
    std::string exec_end_;                                    // what tells that it ends; empty: it is one frame
    std::optional<replication::Epoch> write_epoch_;           // under which the last write was sent; see forward_wait
    resp::Protocol wanted_protocol_ = resp::Protocol::resp2;  // of the HELLO that awaits its AUTH
    std::optional<std::string> wanted_name_;

    const Row* last_row_ = nullptr;  // of the last command
    std::optional<Timed> timed_;
    net::Turn::Clock::time_point connected_at_{}, heard_at_{}, pipelined_at_{};
    net::Turn::Clock::time_point active_at_{};   // when something went either way; exact to kActivity
    net::Turn::Clock::time_point stalled_at_{};  // since when the socket takes nothing, if it does not
    Deadlines::Due deadline_;                    // for which it stands in a queue, if it does

    ParkedReplies parked_;
    Recovery recovery_;
    std::optional<net::Turn::Clock::time_point> hold_began_;  // unless nothing has waited for a leader since
    net::Turn::Clock::time_point left_hold_at_{};
    std::size_t held_size_ = 0;
    Wait wait_ = Wait::nothing;
    Large large_ = Large::nothing;
    bool muted_ = false;    // the command at hand gets no reply
    bool writing_ = false;  // a wait for the socket to take more is pending
    bool established_ = false;
    bool refused_ = false;       // over the limit of sessions
    bool refusing_ = false;      // the hold has ended: what waits is answered NOLEADER
    bool relaying_ = false;      // all bytes pass between the client and the pinned link, both ways
    bool eof_ = false;           // the client has closed its side; what it sent before is still answered
    bool leaving_ = false;       // the portal lets its clients go
    bool ended_ = false;         // no more input is taken: QUIT, a protocol error, drain
    bool awaits_proof_ = false;  // held until writes are confirmed, not for a leader
    bool hold_full_ = false;     // hold.bytes is used up
    bool cut_off_ = false;       // to be closed in this turn
    bool closed_ = false;
    observe::Closed ending_ = observe::Closed::client;
};

using SessionPtr = boost::intrusive_ptr<Session>;

}  // namespace portal::session
