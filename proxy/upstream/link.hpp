// One connection to the leader: connects, sets itself up, carries requests out and replies back. Requests are kept
// until they are answered, so that after a loss the ones never sent, and reads, can be sent again. Asio shell; one
// shard.
#pragma once

#include "net/connector.hpp"
#include "net/deadline.hpp"
#include "net/keepalive.hpp"
#include "net/loop.hpp"
#include "net/name_lookup.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "replication/node.hpp"
#include "resp/byte_buffer.hpp"
#include "resp/frame_scanner.hpp"
#include "resp/reply_piece.hpp"
#include "upstream/fence.hpp"
#include "upstream/link_setup.hpp"
#include "upstream/link_state.hpp"
#include "upstream/pending_queue.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::upstream {

class Link;
using LinkPtr = boost::intrusive_ptr<Link>;

/// How one node is reached over TLS.
struct NodeTls {
    std::shared_ptr<SSL_CTX> context;
    std::string server_name;  // a DNS name or an address; no certificate for another is accepted
};

/// How long a node may be silent on a link while a command waits for its answer. A link with commands is looked at a
/// few times within that, not at each command. Without a time, none is.
struct AnswerDeadlines {
    /// One look more than fits in, since the first may come right after the command was sent.
    static constexpr std::uint8_t kLooks = 5;

    void change(net::DeadlineQueue::Clock::duration time) noexcept {
        queue.change_duration(time / (kLooks - 1));
        used = time != net::DeadlineQueue::Clock::duration::zero();
    }
    net::DeadlineQueue queue{net::DeadlineQueue::Clock::duration::zero()};
    bool used = false;
};

/// What the links of one shard share. Outlives them.
struct LinkContext {
    net::Loop& loop;
    net::NameLookup& names;
    net::Turn& turn;
    net::Scratch& scratch;
    observe::ShardCounters& counters;
    net::DeadlineQueue& connect_deadlines;
    resp::ReplyLimits limits;
    std::string name;  // of the links, in the node's CLIENT LIST
    /// Until when clients' commands may be written, and answers to them be believed.
    const replication::ForwardPermit& permit;
    /// What was sent before forwarding was stopped may still be answered until then.
    net::Turn::Clock::time_point answers_until{};
    /// Links that have something to write and no permit; see LinkPool::resume_writing().
    std::vector<LinkPtr> withheld{};
    /// Links on which something that runs code was sent; see LinkPool::fence_quiet().
    std::vector<LinkPtr> loose{};
    NonceSource nonces{};
    std::string fence_frame{};  // room to write one; nothing stays in it
    /// By the node's name; the others are reached without TLS. Counts for links made from now on.
    std::map<std::string, NodeTls, std::less<>> tls{};
    /// The node that is routed to is meant to be a replica. Counts for links made from now on.
    bool may_follow = false;
    /// How many links may be leased at a time.
    std::size_t lease_limit = SIZE_MAX;
    /// Requests handed to any link and not answered yet, without those that block. Zero means that waiting for company
    /// only costs latency.
    std::size_t in_flight = 0;
    /// Those that block.
    std::size_t blocked = 0;
    /// When the leader last sent anything on any link.
    net::Turn::Clock::time_point heard_at{};
    net::Keepalive keepalive{};
    /// The next of a node's addresses is tried when one was silent for this long.
    net::Loop::Clock::duration next_address_after = net::Connector::kNextAfter;
    AnswerDeadlines answer_deadlines{};
};

/// Told when a link ends; the pool. `why` is one sentence.
class LinkOwner {
  public:
    virtual void on_link_ready(Link& link) = 0;
    virtual void on_link_ended(Link& link, std::string_view why) = 0;
    /// A large reply for the oldest request has begun to arrive, and nothing of it was delivered yet.
    virtual void on_large_reply(Link& link) = 0;
    /// On a link that was retired, a reply that nobody wants any more has been read over.
    virtual void on_reply_swallowed(Link& link) = 0;
    /// A link that was retired has answered everything.
    virtual void on_link_empty(Link& link) = 0;

  protected:
    ~LinkOwner() = default;
};

class Link final : public boost::intrusive_ref_counter<Link, boost::thread_unsafe_counter>,
                   public net::Flushable,
                   public net::StreamUser,
                   public net::Deadline {
  public:
    enum class State : std::uint8_t { connecting, setting_up, ready, ended };

    Link(LinkContext& context, LinkOwner& owner, LinkIdentity identity, replication::Node node);
    ~Link() override = default;

    /// What a link is used for.
    enum class Use : std::uint8_t {
        shared,     // by many clients: nothing that is sent there may leave anything behind
        leased,     // by one client, or by one object of the portal's for clients
        questions,  // by the portal itself; needs no permit to forward
        logins,     // nothing but logins; what it carries itself is of no account
    };
    void set_use(Use use) noexcept { use_ = use; }
    [[nodiscard]] Use use() const noexcept { return use_; }

    /// Begins to connect. Requests may be submitted at once; they are written when the link is ready.
    void start();

    /// Takes a copy of `command` (one whole frame) to be sent in this turn. `request.size` is filled in here. Where
    /// replies of another sink may still come, a fence goes first. On a link that has ended the request is lost at
    /// once.
    void submit(std::string_view command, PendingRequest request);

    /// Begins a request that is too large to be kept: stream_part() hands over its bytes. Nothing else may be pending,
    /// and nothing may be submitted until it is answered. Only the holder of a link may do this.
    void stream(PendingRequest request);
    /// The next bytes of that request, written at once as far as the socket takes them. `last`: it is whole now.
    void stream_part(std::string_view bytes, bool last);

    /// All that the node sends from now on goes to the holder's on_relayed(), and nothing answers a request any more. A
    /// request must be open as with stream().
    void relay() noexcept { relaying_ = true; }

    /// Nothing more will be submitted: when everything has been written, the node is told so, and does with what it has
    /// not answered yet what it does for any client that sends nothing more. The link ends when the node closes it, and
    /// serves nobody else.
    void finish_sending() noexcept;
    [[nodiscard]] bool finishes() const noexcept { return finishing_; }

    /// Takes nothing more from the node until resume_reading(): whoever gets the replies has too many unread.
    void pause_reading() noexcept { paused_ = true; }
    void resume_reading();

    /// There may be a permit again.
    void resume_writing();
    /// From time to time: what was sent last and runs code is fenced, though nothing has come behind it.
    void fence_quiet();

    /// Writes nothing until it is called with false.
    void hold_back(bool held) noexcept;

    /// No longer shared: the owner is told when everything is answered.
    void set_retired(bool retired) noexcept { retired_ = retired; }
    /// The sinks that must wait for their replies here, sorted; and the one whose reply is next (may be null).
    [[nodiscard]] std::vector<const ReplySink*> bound_sinks() const { return pending_.bound_sinks(sent_); }
    [[nodiscard]] ReplySinkPtr front_sink() { return pending_.empty() ? nullptr : pending_.front().sink; }
    /// Takes the requests of those sinks away from here. Replies to what was sent already are swallowed when they come.
    using Moved = std::pair<PendingRequest, std::string>;
    template <typename Moves>
    [[nodiscard]] std::vector<Moved> take_requests(Moves&& moves);

    /// Ends the link; what is pending is handed back by on_lost.
    void end(std::string_view why);
    /// The same; and what the node has not got yet, it will not get (net::Stream::abort()).
    void abandon(std::string_view why);

    /// Who holds this link for itself; null for shared links. For Lease, which clears it.
    void set_holder(ReplySink* holder) noexcept { holder_ = holder; }
    /// The next request of another sink than the one with this serial goes behind a fence.
    void set_last_user(std::uint64_t serial) noexcept { unfenced_ = serial; }
    [[nodiscard]] std::uint64_t last_user() const noexcept { return unfenced_; }
    /// What it carries beside its login.
    [[nodiscard]] const LinkState& carries() const noexcept { return carries_; }
    /// It serves nobody else after its holder.
    void taint() noexcept { carries_.taint(); }
    /// It is ready, everything is answered, and nothing of whoever used it is left on it.
    [[nodiscard]] bool fit_for_reuse() const noexcept {
        return state_ == State::ready && pending_.empty() && streaming_ == Streaming::nothing &&
               carries_.fit_for_reuse();
    }

    [[nodiscard]] State state() const noexcept { return state_; }
    /// It has been set up; stays true after its end.
    [[nodiscard]] bool was_ready() const noexcept { return was_ready_; }
    [[nodiscard]] const LinkIdentity& identity() const noexcept { return identity_; }
    [[nodiscard]] const replication::Node& node() const noexcept { return node_; }
    [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }
    /// The request that the node answers next; null when nothing is pending.
    [[nodiscard]] const PendingRequest* front() const noexcept {
        return pending_.empty() ? nullptr : &pending_.front();
    }
    /// Bytes that wait to be written.
    [[nodiscard]] std::size_t unsent() const noexcept { return output_.size() - sent_; }
    [[nodiscard]] const LinkSetup& setup() const noexcept { return setup_; }

    void flush() override;

  private:
    /// Of the request that is passed on as it comes.
    enum class Streaming : std::uint8_t {
        nothing,
        open,     // more of it comes
        whole,    // all of it is in output_, or written
        written,  // all of it; what is in output_ came behind it and is kept
    };

    std::size_t& counted(const PendingRequest& request) const noexcept {
        return request.blocks ? context_.blocked : context_.in_flight;
    }
    void expired() override;
    void await_answer() noexcept;
    void on_stream(bool readable, bool writable) override;
    void on_connected(int socket);
    void begin_setup();
    void write_some();
    void write_encrypted();
    void note_all_written();
    void wait_writable();
    void note_written(std::size_t size);
    void end_broken(std::string_view doing);
    void read_some();
    void on_readable();
    bool take_frames();
    bool take_part();
    bool take_head(const resp::ReplyHead& reply);
    bool take_rest(const resp::ReplyRest& rest);
    bool finish_front(PendingRequest request);
    bool take_fence(std::string_view reply);
    bool distrust(std::string_view why);
    [[nodiscard]] bool answers_later_fence(const resp::ReplyHead& reply) const;
    bool take_setup_frame(std::string_view frame);
    void relay_input();
    void refuse();
    void add_fence();
    void finish(std::string_view why, std::string_view refusal);
    void withhold();
    [[nodiscard]] bool fence_is_due(const PendingRequest& request) const noexcept;
    void note_loose(const PendingRequest& request);
    [[nodiscard]] bool within_transaction() const;
    /// Not in the permit's last moment: the answer, too, must come before it runs out.
    [[nodiscard]] bool may_write() const noexcept {
        constexpr std::chrono::milliseconds kToBeAnswered{20};
        return use_ == Use::questions || use_ == Use::logins ||
               context_.permit.valid(context_.turn.now() + kToBeAnswered);
    }
    [[nodiscard]] bool permitted() const noexcept {
        return use_ == Use::questions || use_ == Use::logins || context_.permit.valid(context_.turn.now());
    }

    LinkContext& context_;
    LinkOwner& owner_;
    LinkIdentity identity_;
    replication::Node node_;
    LinkSetup setup_;
    LinkState carries_;
    FenceStyle fence_style_ = FenceStyle::echo;
    Use use_ = Use::shared;
    State state_ = State::connecting;
    bool was_ready_ = false;
    bool reading_ = false;    // asked to be told when there is something to read
    bool paused_ = false;     // no further read is begun
    bool held_back_ = false;  // nothing is written
    bool withheld_ = false;   // stands in LinkContext::withheld
    bool retired_ = false;
    bool finishing_ = false;     // nothing more is submitted
    bool finished_ = false;      // and the node knows
    bool within_reply_ = false;  // the front request's reply has begun, and what comes next is the rest of it
    bool relaying_ = false;
    std::uint8_t silent_looks_ = 0;  // at which a command waited and the node had said nothing since the one before
    ReplySink* holder_ = nullptr;
    std::uint64_t unfenced_ = 0;  // whose requests may still be answered once too often; 0: nobody's
    bool loose_ = false;          // something that runs code has been sent since the last fence
    bool may_fence_ = true;       // unless in a transaction, a fence behind the last request would do no harm
    bool watched_ = false;        // stands in LinkContext::loose
    std::uint32_t fences_ = 0;    // that are not answered yet
    net::Turn::Clock::time_point fenced_at_{};
    net::Turn::Clock::time_point front_since_{};  // the front request is the oldest one since then

    std::unique_ptr<net::Connector> connector_;  // until it has connected
    std::unique_ptr<net::Stream> stream_;        // from then on
    PendingQueue pending_;
    resp::ByteBuffer output_;  // [sent, unanswered | unsent]
    std::size_t sent_ = 0;     // bytes of output_ written to the socket
    bool waiting_to_write_ = false;
    Streaming streaming_ = Streaming::nothing;  // while open or whole, output_ holds unsent bytes only
    resp::ByteBuffer input_;
    resp::ReplyScanner scanner_;
};

template <typename Moves>
std::vector<Link::Moved> Link::take_requests(Moves&& moves) {
    std::vector<Moved> moved;
    const resp::ByteBuffer before = std::exchange(output_, {});
    PendingQueue queue = std::exchange(pending_, {});
    queue.drain(before.view(), sent_, [&](PendingRequest& request, std::string_view command, bool sent) {
        if (request.sink && moves(*request.sink)) {
            moved.emplace_back(request, command);
            if (!sent) {
                --counted(request);
                return;
            }
            request.sink.reset();
        }
        [[maybe_unused]] const bool kept = output_.append(command);  // it had room before
        pending_.push(std::move(request));
    });
    return moved;
}

}  // namespace portal::upstream
