// The requests that were handed to one link and are not answered yet, with their bytes, oldest first: replies are
// paired with the front. Pure: knows no socket. Entries keep their sink alive, so a session that left still swallows
// its replies.
#pragma once

#include "resp/byte_buffer.hpp"
#include "resp/reply_piece.hpp"
#include "upstream/link_state.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

namespace portal::upstream {

class Lease;
class Link;
class ReplySink;
using ReplySinkPtr = boost::intrusive_ptr<ReplySink>;

/// Whether a request is a fence (see link_fences.hpp), and what went before it.
enum class Fence : std::uint8_t {
    none,               // the request of a sink
    behind_loose_ends,  // what went before may be answered once too often
    behind_plain,
};

/// One request on its way. `tag` and the flags mean something to the sink only.
struct PendingRequest {
    ReplySinkPtr sink;
    std::uint64_t sequence = 0;  // the sink's slot
    std::size_t size = 0;        // bytes of the request, as far as the queue keeps them
    std::uint32_t tag = 0;
    std::int32_t replies_left = 1;    // the sink may want several frames for one request (SUBSCRIBE a b)
    Effect effect = Effect::lasting;  // on the link
    std::uint8_t losses = 0;          // links that were lost after it had been sent there
    bool no_fence = false;            // a command of the link's own next to this one would do harm to its sender
    bool inside = false;              // its sender believes to be in a transaction that is open
    bool free_text = false;  // runs code of others: may be answered with anything, more than once or not at all
    bool alone = false;      // sent again on a link where nobody else's requests are
    Fence fence = Fence::none;
    bool repeatable = false;  // a read: may be sent again after a loss
    bool muted = false;       // the client wants no reply
    bool unit = false;        // part of a transaction that travels in one piece
    bool silent = false;      // of such a part, when it is sent again: its reply was given already
    bool blocks = false;      // may wait inside the node for as long as it likes
    bool begun = false;       // a part of the reply was delivered already
    bool parts = false;       // a large reply may be delivered in parts
    bool streamed = false;    // too large to be kept: passed on as it came, see Link::stream()
    bool slow = false;        // travels in the slow lane, see LinkStanding
    bool opens = false;       // unless it is refused, node and sink speak as they like from its answer on
};

/// How a request came back from a link that was lost.
struct Loss {
    /// Some of it had been written to the socket; of a streamed request: all of it.
    bool sent = false;
    /// For how long the node had had nothing older to answer on that link; zero unless this was the oldest request.
    std::chrono::steady_clock::duration worked_on{};
    /// The link was given up because its node leads no more: what is lost with it has cost no link.
    bool leader_went = false;
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
    /// The node has begun to answer a request that `opens`: from now on on_relayed() gets all that it sends.
    virtual void on_opened() {}
    /// For the holder of a lease that relays: bytes from the node, whatever they are.
    virtual void on_relayed(std::string_view /*bytes*/) {}

  private:
    const std::uint64_t serial_;
};

/// What was taken from a link, to be sent on another.
struct MovedRequest {
    PendingRequest request;
    std::string command;
    bool sent = false;  // its reply still comes here, for nobody
};

/// A growing ring of PendingRequest, and the bytes that are to be written for them.
class PendingQueue {
  public:
    using Time = std::chrono::steady_clock::time_point;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] PendingRequest& front() noexcept { return ring_[head_]; }
    /// The request that the node answers next; null when nothing is pending.
    [[nodiscard]] const PendingRequest* oldest() const noexcept { return size_ == 0 ? nullptr : &front(); }
    [[nodiscard]] const PendingRequest& front() const noexcept { return ring_[head_]; }
    /// The front request's own bytes; the view lives until the queue is changed.
    [[nodiscard]] std::string_view front_command() const noexcept { return output_.view().substr(0, front().size); }

    /// Appends a request with a copy of `command`, whose size is filled in. False, and nothing has changed: there is no
    /// room for it.
    [[nodiscard]] bool push(std::string_view command, PendingRequest&& request, Time now) {
        if (!output_.append(command)) {
            return false;
        }
        request.size = command.size();
        append(std::move(request), now);
        return true;
    }
    /// The front request has been answered. False: the node had not got all of it yet.
    [[nodiscard]] bool pop(Time now) noexcept;

    /// Appends a request whose bytes come by add_part(), and are not kept once they are written. Nothing else may be
    /// pending before all of them are.
    void push_streamed(PendingRequest&& request, Time now);
    /// The front request, which is alone, becomes one of that kind: what is still to be said comes by add_part().
    /// False: not all of it has been written.
    [[nodiscard]] bool open_front() noexcept;
    /// False: there is no room.
    [[nodiscard]] bool add_part(std::string_view bytes, bool last);
    /// Such a request is pending.
    [[nodiscard]] bool streams() const noexcept { return streaming_ != Streaming::nothing; }
    /// And some of it is still to come by add_part().
    [[nodiscard]] bool lacks_parts() const noexcept { return streaming_ == Streaming::open; }
    /// Another request may follow: none is streamed, or all of it is written.
    [[nodiscard]] bool may_follow() const noexcept {
        return streaming_ == Streaming::nothing || streaming_ == Streaming::written;
    }

    /// Something of the front request has been written, so it may be answered.
    [[nodiscard]] bool awaits_reply() const noexcept { return size_ > 0 && (sent_ > 0 || streams()); }
    /// For how long the node has had nothing older to answer than the front request; zero if that is not with it.
    [[nodiscard]] std::chrono::steady_clock::duration worked_on(Time now) const noexcept {
        return awaits_reply() ? now - front_since_ : std::chrono::steady_clock::duration{};
    }
    /// Bytes that wait to be written.
    [[nodiscard]] std::size_t unsent() const noexcept { return output_.size() - sent_; }
    [[nodiscard]] std::string_view unsent_bytes() const noexcept { return output_.view().substr(sent_); }
    void note_sent(std::size_t size) noexcept {
        if (may_follow()) {
            sent_ += size;
            return;
        }
        output_.consume(size);
        if (streaming_ == Streaming::whole && output_.empty()) {
            streaming_ = Streaming::written;
        }
    }

    /// The sinks that cannot leave this link, sorted: some request of theirs was sent and must not be sent again.
    [[nodiscard]] std::vector<const ReplySink*> bound_sinks() const;

    /// True if holds(request, command) is true of any.
    template <typename Holds>
    [[nodiscard]] bool any(Holds&& holds) const {
        std::size_t offset = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const PendingRequest& each = at(i);
            if (holds(each, output_.view().substr(offset, each.size))) {
                return true;
            }
            offset += each.size;
        }
        return false;
    }

    /// Whether what follows may meet an open transaction, whatever its sender believes. `open`: the oldest one does.
    [[nodiscard]] bool end_within_transaction(bool open) const noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            open = at(i).effect == Effect::multi || (open && at(i).effect != Effect::exec);
        }
        return open;
    }

    /// Takes the requests of those sinks for which moves(sink) is true. What was sent already stays, without its sink:
    /// a reply to it still comes. Nothing may be streamed.
    template <typename Moves>
    [[nodiscard]] std::vector<MovedRequest> take(Moves&& moves);

    /// Empties the queue, calling each(request, command, loss) oldest first; the link is lost. `each` may push to other
    /// queues, not to this one.
    template <typename Each>
    void drain(Time now, Each&& each);

  private:
    /// Of the request that is passed on as it comes: `whole`, all of it is here; `written`, and has been written, so
    /// that what is in output_ came behind it and is kept.
    enum class Streaming : std::uint8_t { nothing, open, whole, written };

    [[nodiscard]] PendingRequest& at(std::size_t i) noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
    [[nodiscard]] const PendingRequest& at(std::size_t i) const noexcept {
        return ring_[(head_ + i) & (ring_.size() - 1)];
    }
    void append(PendingRequest&& request, Time now) {
        if (size_ == 0) {
            front_since_ = now;
        }
        if (size_ == ring_.size()) {
            grow();
        }
        at(size_++) = std::move(request);
    }
    void grow();
    void drop_front() noexcept {
        ring_[head_].sink.reset();
        head_ = (head_ + 1) & (ring_.size() - 1);
        --size_;
    }

    std::vector<PendingRequest> ring_;  // a power of two long
    std::size_t head_ = 0;
    std::size_t size_ = 0;
    resp::ByteBuffer output_;  // [sent, unanswered | unsent] commands, all in order; of a streamed one: [unsent]
    std::size_t sent_ = 0;     // bytes of output_
    Streaming streaming_ = Streaming::nothing;
    Time front_since_{};  // the front request is the oldest one since then
};

template <typename Moves>
std::vector<MovedRequest> PendingQueue::take(Moves&& moves) {
    std::vector<MovedRequest> moved;
    PendingQueue before = std::exchange(*this, PendingQueue());
    sent_ = before.sent_;  // whatever was sent stays
    const Time front_since = before.front_since_;
    before.drain(front_since, [&](PendingRequest& request, std::string_view command, const Loss& loss) {
        if (request.sink && moves(std::as_const(*request.sink))) {
            moved.push_back({request, std::string(command), loss.sent});
            if (!loss.sent) {
                return;
            }
            request.sink.reset();
        }
        [[maybe_unused]] const bool kept = push(command, std::move(request), front_since);  // it had room before
    });
    return moved;
}

template <typename Each>
void PendingQueue::drain(Time now, Each&& each) {
    const resp::ByteBuffer output = std::exchange(output_, {});
    const std::size_t sent = std::exchange(sent_, 0);
    const bool streamed_all = std::exchange(streaming_, Streaming::nothing) == Streaming::written;
    Loss loss{.worked_on = now - front_since_};
    for (std::size_t offset = 0; !empty();) {
        PendingRequest request = std::move(front());
        drop_front();
        loss.sent = request.streamed ? streamed_all : sent > offset;
        const std::string_view command = output.view().substr(offset, request.size);
        offset += request.size;
        each(request, command, loss);
        loss.worked_on = {};
    }
}

}  // namespace portal::upstream
