// The fences of one link: where one is due, so that nobody's replies are taken for another's, and whether the node has
// answered each of them in its place. Says what to send and judges what has come. Pure: is given the time.
#pragma once

#include "resp/frame_scanner.hpp"
#include "resp/reply_piece.hpp"
#include "upstream/fence.hpp"
#include "upstream/link_standing.hpp"
#include "upstream/pending_queue.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace portal::upstream {

class LinkFences {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Use = LinkStanding::Use;

    /// A busy shared link is fenced at least this often.
    static constexpr std::chrono::milliseconds kEvery{100};
    /// No answer to a fence is longer.
    static constexpr std::size_t kLongestAnswer = 4096;

    explicit LinkFences(Time now) noexcept : fenced_at_(now) {}

    /// The link is ready, and its user is asked in this way. An unknown command stays one: it is answered always.
    void set_style(FenceStyle style) noexcept {
        if (style_ == FenceStyle::echo) {
            style_ = style;
        }
    }

    /// A fence must go before `request`. Never between the commands of one transaction. Whoever holds a link alone is
    /// fenced from those before and after, and from replies to its own scripts unless what it has begun there forbids
    /// that. Each login is fenced: the answer to the one before must let nobody else in.
    [[nodiscard]] bool due_before(const PendingRequest& request, Use use, Time now) const noexcept {
        if (use == Use::questions || (request.unit && request.effect != Effect::multi)) {
            return false;
        }
        if (use == Use::logins) {
            return request.effect == Effect::lasting;
        }
        if (use == Use::leased) {
            return bars(request.sink->serial()) || (loose_ && !request.no_fence && !request.inside);
        }
        return user_ != 0 || now - fenced_at_ >= kEvery;
    }
    /// `request` is sent. True: it may be answered too seldom, so once nothing has come behind it for a while look() is
    /// to be called.
    [[nodiscard]] bool sent(const PendingRequest& request, Use use) noexcept {
        if (request.effect == Effect::lasting) {
            style_ = FenceStyle::unknown_command;  // it may log in a user that may not ECHO
        }
        harmless_ = !request.no_fence;
        if (request.free_text || use == Use::leased) {
            user_ = request.sink->serial();
        }
        if (!request.free_text) {
            return false;
        }
        loose_ = true;
        const bool watched = watched_;
        watched_ = true;
        return !watched;
    }
    enum class Look : std::uint8_t {
        done,   // there is nothing to be watched any more
        later,  // a fence would do harm now: look() is to be called again
        fence,  // one is to be sent
    };
    /// The while has passed, and nothing has come behind what may be answered too seldom: without a fence its sender
    /// would wait for ever. `pending`: the link has something unanswered; `free`: it is in a state in which a fence may
    /// go, and in no transaction.
    [[nodiscard]] Look look(bool pending, bool free) noexcept {
        watched_ = loose_ && pending;
        if (!watched_) {
            return Look::done;
        }
        if (!free || !harmless_) {
            return Look::later;
        }
        watched_ = false;
        return Look::fence;
    }

    /// Writes the next fence into `frame`. `may_echo`: not before the link is ready, since nobody knows what its user
    /// may do, nor while the node is busy.
    void write(std::string& frame, NonceSource& nonces, bool may_echo) {
        write_fence(frame, may_echo && !begins_trial_ ? style_ : FenceStyle::unknown_command, nonces);
        if (std::exchange(begins_trial_, false)) {
            trial_ = frame;
        }
    }
    /// Its request, for the queue.
    [[nodiscard]] PendingRequest request() const noexcept;
    /// It stands in the queue.
    void began(Time now) noexcept;

    /// `reply` has come for a fence, the front request, whose own bytes are `frame`. False: it is not its answer, so
    /// the node has answered more or fewer times than it was asked. Where nothing came before that may have been
    /// answered wrongly, a node that refuses every command is believed.
    [[nodiscard]] bool answered(Fence fence, std::string_view frame, const resp::ReplyHead& reply) noexcept;
    /// A busy node refuses a fence, too, and so does any node once the user may not ECHO any more; where code of others
    /// was run that proves nothing. So nothing more is taken from the link until one that it cannot refuse is answered,
    /// in its place.
    enum class Trial : std::uint8_t {
        none,    // what has come is judged as it stands
        begins,  // the next fence is to be sent now
        waits,   // its answer has not come
        failed,  // it was not answered in its place
    };
    /// `reply` answers a fence of that kind in such words; tried() says what to make of it.
    [[nodiscard]] bool doubts(Fence fence, std::string_view reply) const noexcept {
        return fence == Fence::behind_loose_ends && refuses_everything(reply) && !passed_;
    }
    /// `bytes` have come, beginning with that answer. `free`: as with look().
    [[nodiscard]] Trial tried(std::string_view bytes, const PendingQueue& queue, const resp::ReplyLimits& limits,
                              bool free);
    /// `reply` has come for another request, and answers a fence behind it: the node has left out answers.
    [[nodiscard]] bool overtaken(const resp::ReplyHead& reply, const PendingQueue& queue) const {
        return open_ > 0 && may_answer_fence(reply.bytes()) && answers_one_of(reply.bytes(), queue);
    }

    /// The next request of another sink than the one with this serial goes behind a fence; 0: that of any.
    void set_last_user(std::uint64_t serial) noexcept { user_ = serial; }
    [[nodiscard]] std::uint64_t last_user() const noexcept { return user_; }
    /// Replies to somebody else than that sink may still come.
    [[nodiscard]] bool bars(std::uint64_t serial) const noexcept { return user_ != 0 && user_ != serial; }

  private:
    /// What a node says that answers nothing else now, or not to this user any more.
    [[nodiscard]] static bool refuses_everything(std::string_view reply) noexcept;
    [[nodiscard]] Trial judge_trial(std::string_view bytes, const PendingQueue& queue,
                                    const resp::ReplyLimits& limits) const;
    [[nodiscard]] static bool answers_one_of(std::string_view reply, const PendingQueue& queue);

    std::uint64_t user_ = 0;  // whose requests may still be answered once too often; 0: nobody's
    Time fenced_at_;
    std::uint32_t open_ = 0;  // fences that are not answered yet
    FenceStyle style_ = FenceStyle::echo;
    std::string trial_;  // the fence that shows whether a refusal is to be believed; empty: none is on its way
    bool begins_trial_ = false;
    bool passed_ = false;   // it does
    bool loose_ = false;    // something that runs code has been sent since the last fence
    bool harmless_ = true;  // unless in a transaction, a fence behind the last request would be
    bool watched_ = false;  // look() is to be called
};

}  // namespace portal::upstream
