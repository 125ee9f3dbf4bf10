// Link: fences between requests, and their answers. What is due, and what an answer proves, says LinkFences.
#include "upstream/link.hpp"

namespace portal::upstream {

void Link::add_fence() {
    fences_.write(context_.fence_frame, context_.nonces, state_ == State::ready && !context_.busy());
    const auto now = context_.turn.now();
    if (requests_.push(context_.fence_frame, fences_.request(), now)) {  // else there is none for what comes behind it
        fences_.began(now);
        ++context_.in_flight;
        context_.counters.fences.add();
    }
}

/// A fence may go now: it meets no transaction, and nothing that is passed on as it comes.
bool Link::may_fence() const {
    return state_ == State::ready && requests_.may_follow() &&
           !requests_.end_within_transaction(carries_.in_transaction());
}

void Link::fence_quiet() {
    const bool pending = state_ != State::ended && !finishing_ && !requests_.empty();
    switch (fences_.look(pending, may_fence())) {
        case LinkFences::Look::done:
            break;
        case LinkFences::Look::later:
            context_.loose.emplace_back(this);
            break;
        case LinkFences::Look::fence:
            add_fence();
            context_.turn.mark(*this);
            break;
    }
}

bool Link::take_fence(const resp::ReplyHead& reply) {
    const PendingRequest& fence = requests_.front();
    if (fences_.doubts(fence.fence, reply.bytes())) {
        switch (fences_.tried(reader_.input().view(), requests_, context_.limits, may_fence() && !finishing_)) {
            case LinkFences::Trial::begins:
                add_fence();
                context_.turn.mark(*this);
                return false;
            case LinkFences::Trial::waits:
                return false;
            case LinkFences::Trial::failed:
            case LinkFences::Trial::none:
                break;
        }
    }
    if (!fences_.answered(fence.fence, requests_.front_command(), reply)) {
        context_.counters.fences_broken.add();
        return distrust("the node has answered more or fewer times than it was asked");
    }
    const bool goes_on = finish_front(fence);
    if (goes_on && holder_ != nullptr && requests_.empty()) {
        holder_->on_streamed();  // it may wait to begin
    }
    return goes_on;
}

}  // namespace portal::upstream
