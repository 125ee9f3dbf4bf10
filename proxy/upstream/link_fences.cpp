#include "upstream/link_fences.hpp"

namespace portal::upstream {

namespace {

/// So much is kept while it is tried whether a refusal is to be believed.
constexpr std::size_t kMostTried = 1024 * 1024;

}  // namespace

bool LinkFences::refuses_everything(std::string_view reply) noexcept {
    return reply.starts_with("-BUSY") || reply.starts_with("-LOADING") || reply.starts_with("-MASTERDOWN") ||
           reply.starts_with("-NOPERM") || reply.starts_with("-NOAUTH");
}

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

LinkFences::Trial LinkFences::tried(std::string_view bytes, const PendingQueue& queue, const resp::ReplyLimits& limits,
                                    bool free) {
    if (trial_.empty()) {
        begins_trial_ = free && harmless_;
        return begins_trial_ ? Trial::begins : Trial::none;
    }
    const Trial trial = judge_trial(bytes, queue, limits);
    passed_ = trial == Trial::none;
    return trial;
}

/// As many replies as requests stand before it, and then its own.
LinkFences::Trial LinkFences::judge_trial(std::string_view bytes, const PendingQueue& queue,
                                          const resp::ReplyLimits& limits) const {
    std::int64_t before = 0;
    static_cast<void>(queue.any([&](const PendingRequest& each, std::string_view frame) {
        before += frame == trial_ ? 0 : each.replies_left;
        return frame == trial_;
    }));
    resp::ReplyScanner scanner(limits);
    for (std::size_t at = 0; at < bytes.size();) {
        const resp::ScanResult reply = scanner.scan(bytes.substr(at));
        if (reply.status == resp::ScanStatus::need_more) {
            break;
        }
        const std::string_view frame = bytes.substr(at, reply.size);
        if (reply.status == resp::ScanStatus::error || (before == 0 && !answers_fence(trial_, frame))) {
            return Trial::failed;
        }
        if (before == 0) {
            return Trial::none;
        }
        before -= scanner.type() == '>' ? 0 : 1;
        at += reply.size;
    }
    return bytes.size() > kMostTried ? Trial::failed : Trial::waits;
}

bool LinkFences::answered(Fence fence, std::string_view frame, const resp::ReplyHead& reply) noexcept {
    --open_;
    if (!reply.complete()) {
        return false;
    }
    const bool of_trial = passed_ && frame == trial_;
    if (of_trial) {
        trial_.clear();
        passed_ = false;
    }
    if (!of_trial && (fence == Fence::behind_plain || passed_) && refuses_everything(reply.bytes())) {
        if (!says_busy(reply.bytes())) {
            style_ = FenceStyle::unknown_command;  // which is answered always
        }
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
