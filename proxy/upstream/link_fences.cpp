#include "upstream/link_fences.hpp"

namespace portal::upstream {

namespace {

/// What a node says that answers nothing else now, or not to this user any more.
bool refuses_everything(std::string_view reply) noexcept {
    return reply.starts_with("-BUSY") || reply.starts_with("-LOADING") || reply.starts_with("-MASTERDOWN") ||
           reply.starts_with("-NOPERM") || reply.starts_with("-NOAUTH");
}

}  // namespace

PendingRequest LinkFences::request() const noexcept {
    PendingRequest request;
    request.effect = Effect::none;
    request.fence = user_ != 0 ? Fence::behind_loose_ends : Fence::behind_plain;
    return request;
}

void LinkFences::began(Time now) noexcept {
    user_ = 0;
    loose_ = false;
    fenced_at_ = now;
    ++open_;
}

bool LinkFences::answered(Fence fence, std::string_view frame, const resp::ReplyHead& reply) noexcept {
    --open_;
    if (!reply.complete()) {
        return false;
    }
    if (fence == Fence::behind_plain && refuses_everything(reply.bytes())) {
        style_ = FenceStyle::unknown_command;  // which is answered always
        return true;
    }
    return answers_fence(frame, reply.bytes());
}

bool LinkFences::answers_one_of(std::string_view reply, const PendingQueue& queue) {
    return queue.any([&](const PendingRequest& each, std::string_view frame) {
        return each.fence != Fence::none && answers_fence(frame, reply);
    });
}

}  // namespace portal::upstream
