// The requests that were handed to one link and are not answered yet, oldest first: replies are paired with the front.
// Pure: knows no socket. Entries keep their sink alive, so a session that left still swallows its replies.
#pragma once

#include "resp/reply_piece.hpp"
#include "upstream/link_state.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

namespace portal::upstream {

class Lease;
class Link;
class ReplySink;
using ReplySinkPtr = boost::intrusive_ptr<ReplySink>;

/// One request on its way. `tag` and the flags mean something to the sink only.
struct PendingRequest {
    ReplySinkPtr sink;
    std::uint64_t sequence = 0;  // the sink's slot
    std::size_t size = 0;        // bytes of the request in the link's output
    std::uint32_t tag = 0;
    std::int32_t replies_left = 1;    // the sink may want several frames for one request (SUBSCRIBE a b)
    Effect effect = Effect::lasting;  // on the link
    std::uint8_t losses = 0;          // links that were lost after it had been sent there
    bool no_fence = false;            // a command of the link's own next to this one would do harm to its sender
    bool inside = false;              // its sender believes to be in a transaction that is open
    bool free_text = false;   // runs code of others: may be answered with anything, more than once or not at all
    bool alone = false;       // sent again on a link where nobody else's requests are
    bool fence = false;       // the link's own, see fence.hpp
    bool repeatable = false;  // a read: may be sent again after a loss
    bool muted = false;       // the client wants no reply
    bool unit = false;        // part of a transaction that travels in one piece
    bool silent = false;      // of such a part, when it is sent again: its reply was given already
    bool blocks = false;      // may wait inside the node for as long as it likes
    bool begun = false;       // a part of the reply was delivered already
    bool parts = false;       // a large reply may be delivered in parts
    bool streamed = false;    // too large to be kept: passed on as it came, see Link::stream()
};

/// How a request came back from a link that was lost.
struct Loss {
    /// Some of it had been written to the socket; of a streamed request: all of it.
    bool sent = false;
    /// For how long the node had had nothing older to answer on that link; zero unless this was the oldest request.
    std::chrono::steady_clock::duration worked_on{};
};

/// Who gets the replies: a session, or something of the pool's own. Used on one shard only.
class ReplySink : public boost::intrusive_ref_counter<ReplySink, boost::thread_unsafe_counter> {
  public:
    ReplySink();
    ReplySink(const ReplySink&) = delete;
    ReplySink& operator=(const ReplySink&) = delete;
    virtual ~ReplySink() = default;

    /// Never given to another sink of the shard, also when this one is gone.
    [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }

    /// The reply to `request`, or its beginning (only if the request allowed that with `parts`). `command` is the
    /// request's own frame. The views live for the call. True when the request has had all its frames.
    virtual bool on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) = 0;
    /// What follows a reply that was not complete.
    virtual void on_rest(PendingRequest& /*request*/, const resp::ReplyRest& /*rest*/, std::string_view /*command*/) {}

    /// The link is lost. `command` is the request's frame; of a streamed request nothing is there any more.
    virtual void on_lost(PendingRequest& request, std::string_view command, const Loss& loss) = 0;

    /// The link could not be set up: the node refused the login or the database, with `error` (a whole error frame).
    virtual void on_refused(PendingRequest& request, std::string_view command, std::string_view error) = 0;

    /// For the holder of a lease: `frame` (complete) came while `front` (may be null) waits. True if it is a message
    /// that answers no request, and was taken.
    virtual bool take_push(const resp::ReplyHead& frame, const PendingRequest* front) = 0;

    /// For the holder of a lease: its link is gone, after all on_lost and on_refused calls.
    virtual void on_pinned_lost() = 0;

    /// Its requests now wait on `link`: behind a large reply for somebody else they would have waited too long.
    virtual void on_moved(const Link& /*link*/) {}
    /// A large reply has begun on a shared link on which nobody else waits any more. True: the sink has taken `lease`,
    /// and holds the link from now on.
    virtual bool adopt(Lease& /*lease*/) { return false; }
    /// A large reply has begun, and others wait behind it. A link held by this sink, to be asked again on, or null.
    virtual Link* own_link() { return nullptr; }

    /// For the holder of a lease: all that was handed over of a streamed request has been written, or one may begin.
    virtual void on_streamed() {}
    /// For the holder of a lease that relays: bytes from the node, whatever they are.
    virtual void on_relayed(std::string_view /*bytes*/) {}

  private:
    const std::uint64_t serial_;
};

/// A growing ring of PendingRequest.
class PendingQueue {
  public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] PendingRequest& front() noexcept { return ring_[head_]; }
    [[nodiscard]] const PendingRequest& front() const noexcept { return ring_[head_]; }

    /// The sinks that cannot leave this link, sorted: some request of theirs was sent and must not be sent again.
    [[nodiscard]] std::vector<const ReplySink*> bound_sinks(std::size_t sent_bytes) const;

    void push(PendingRequest&& request);
    void pop() noexcept;

    /// True if holds(request, offset) is true of any; `offset` is where its frame begins in the link's output.
    template <typename Holds>
    [[nodiscard]] bool any(Holds&& holds) const {
        std::size_t offset = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const PendingRequest& each = ring_[(head_ + i) & (ring_.size() - 1)];
            if (holds(each, offset)) {
                return true;
            }
            offset += each.size;
        }
        return false;
    }

    /// Empties the queue, calling each(request, command, sent) oldest first. `output` holds the frames of all requests
    /// in order, of which the first `sent_bytes` have been written. `each` may push to other queues, not to this one.
    template <typename Each>
    void drain(std::string_view output, std::size_t sent_bytes, Each&& each) {
        std::size_t offset = 0;
        while (!empty()) {
            PendingRequest request = std::move(front());
            pop();
            const std::string_view command = output.substr(offset, request.size);
            const bool sent = sent_bytes > offset;
            offset += request.size;
            each(request, command, sent);
        }
    }

  private:
    std::vector<PendingRequest> ring_;  // a power of two long
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

}  // namespace portal::upstream
