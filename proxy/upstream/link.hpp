// One connection to the leader: connects, sets itself up, carries requests out and replies back. Requests are kept
// until they are answered, so that after a loss the ones never sent, and reads, can be sent again. What needs no socket
// is decided elsewhere: LinkSetup, LinkState, LinkFences, LinkReader, PendingQueue. Shell; one shard.
#pragma once

#include "net/deadline.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "upstream/link_connection.hpp"
#include "upstream/link_context.hpp"
#include "upstream/link_fences.hpp"
#include "upstream/link_reader.hpp"
#include "upstream/link_standing.hpp"
#include "upstream/pending_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

namespace portal::upstream {

/// Told when a link ends; the pool. `why` is one sentence.
class LinkOwner {
  public:
    virtual void on_link_ready(Link& link) = 0;
    /// It is set up, but another process may answer there: verify() is to be called until it is ready.
    virtual void on_link_doubtful(Link& link) = 0;
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
                   public LinkStanding,
                   public net::Flushable,
                   public net::StreamUser,
                   public net::Deadline {
  public:
    using LinkStanding::node;  // the lists in which a link stands have a member of that name, too

    Link(LinkContext& context, LinkOwner& owner, LinkIdentity identity, replication::Node node);

    /// Begins to connect. Requests may be submitted at once; they are written when the link is ready.
    void start();

    /// Takes a copy of `command` (one whole frame) to be sent in this turn. `request.size` is filled in here. Where
    /// replies of another sink may still come, a fence goes first. On a link that has ended the request is lost at
    /// once.
    void submit(std::string_view command, PendingRequest&& request);

    /// Begins a request that is too large to be kept: stream_part() hands over its bytes. Nothing else may be pending,
    /// and nothing may be submitted until it is answered. Only the holder of a link may do this.
    void stream(PendingRequest&& request);
    /// The next bytes of that request, written at once as far as the socket takes them. `last`: it is whole now.
    void stream_part(std::string_view bytes, bool last);

    /// All that the node sends from now on goes to the holder's on_relayed(), and nothing answers a request any more. A
    /// request must be open as with stream().
    void relay() noexcept { relaying_ = true; }

    /// Nothing more will be submitted: when everything has been written, the node is told so, and does with what it has
    /// not answered yet what it does for any client that sends nothing more. The link ends when the node closes it, and
    /// serves nobody else.
    void finish_sending() noexcept;

    /// Takes nothing more from the node until resume_reading(): whoever gets the replies has too many unread.
    void pause_reading() noexcept { connection_.pause(); }
    void resume_reading();

    /// There may be a permit again.
    void resume_writing();
    /// It is ready if it is known by now which process answers. False: it is not.
    bool verify();
    /// From time to time: what was sent last and runs code is fenced, though nothing has come behind it.
    void fence_quiet();

    /// Writes nothing until it is called with false.
    void hold_back(bool held) noexcept;

    /// Takes the requests of those sinks away, see PendingQueue::take().
    template <typename Moves>
    [[nodiscard]] std::vector<MovedRequest> take_requests(Moves&& moves);

    /// Ends the link; what is pending is handed back by on_lost.
    void end(std::string_view why);
    /// The same; and what the node has not got yet, it will not get (net::Stream::abort()).
    void abandon(std::string_view why);

    /// Who holds this link for itself; null for shared links. For Lease, which clears it.
    void set_holder(ReplySink* holder) noexcept { holder_ = holder; }
    [[nodiscard]] LinkFences& fences() noexcept { return fences_; }

    [[nodiscard]] const PendingQueue& requests() const noexcept { return requests_; }

    void flush() override;

  private:
    void expired() override;
    void await_answer() noexcept;
    void on_stream(bool readable, bool writable) override;
    void on_connected(int socket);
    void begin_setup();
    bool take_setup_frame(std::string_view frame);
    void become_ready();
    void add_fence();
    [[nodiscard]] bool may_fence() const;
    void write_some();
    void receive();
    void take_replies();
    [[nodiscard]] bool may_open() noexcept;
    bool open_up();
    bool take_piece(const LinkReader::Piece& piece);
    bool take_head(const resp::ReplyHead& reply);
    bool take_rest(const resp::ReplyRest& rest);
    /// False: the link has ended, or more has to come first.
    bool take_fence(const resp::ReplyHead& reply);
    bool finish_front(const PendingRequest& request);
    bool distrust(std::string_view why);
    void finish(std::string_view why, std::string_view refusal);

    LinkContext& context_;
    LinkOwner& owner_;
    LinkConnection connection_;
    PendingQueue requests_;
    LinkReader reader_;
    LinkFences fences_;
    ReplySink* holder_ = nullptr;
    bool held_back_ = false;  // nothing is written
    bool withheld_ = false;   // stands in LinkContext::withheld
    bool finished_ = false;   // the node knows that nothing more is sent
    bool relaying_ = false;
    std::uint8_t silent_looks_ = 0;  // at which a command waited and the node had said nothing since the one before
};

template <typename Moves>
std::vector<MovedRequest> Link::take_requests(Moves&& moves) {
    std::vector<MovedRequest> moved = requests_.take(std::forward<Moves>(moves));
    for (const MovedRequest& each : moved) {
        context_.counted(each.request) -= each.sent ? 0U : 1U;
    }
    return moved;
}

}  // namespace portal::upstream
