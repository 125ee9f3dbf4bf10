#include "upstream/large_replies.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

LargeReplies::Retired* LargeReplies::find(const Link& link) noexcept {
    const auto found = std::ranges::find_if(retired_, [&](const Retired& each) { return each.link.get() == &link; });
    return found == retired_.end() ? nullptr : &*found;
}

void LargeReplies::retire(LinkPtr link) {
    link->set_use(Link::Use::retired);
    retired_.push_back({std::move(link), nullptr});
}

/// False: it is of another kind.
bool LargeReplies::retire_shared(Link& link) {
    if (find(link) != nullptr) {
        return true;
    }
    LinkPtr taken = shared_.take(link);
    if (!taken) {
        return false;
    }
    retire(std::move(taken));
    return true;
}

LinkPtr LargeReplies::take(const Link& link) {
    Retired* found = find(link);
    if (found == nullptr) {
        return nullptr;
    }
    swallowed(link);
    LinkPtr taken = std::move(found->link);
    taken->set_use(Link::Use::shared);
    retired_.erase(retired_.begin() + (found - retired_.data()));
    return taken;
}

std::vector<LinkPtr> LargeReplies::take_all() {
    std::vector<LinkPtr> taken;
    for (Retired& each : std::exchange(retired_, {})) {
        taken.push_back(std::move(each.link));
    }
    return taken;
}

void LargeReplies::swallowed(const Link& link) {
    if (Retired* retired = find(link); retired != nullptr && retired->behind) {
        std::exchange(retired->behind, nullptr)->hold_back(false);
    }
}

void LargeReplies::begin(Link& link) {
    if (!retire_shared(link)) {
        return;
    }
    const LinkPtr alive(&link);
    const ReplySinkPtr receiver = link.requests().oldest()->sink;
    const std::vector<const ReplySink*> bound = link.requests().bound_sinks();
    const auto is_bound = [&](const ReplySink& sink) { return std::ranges::binary_search(bound, &sink); };
    std::vector<MovedRequest> others =
        link.take_requests([&](const ReplySink& sink) { return &sink != receiver.get() && !is_bound(sink); });
    if (!others.empty()) {
        move(std::move(others), places_.replacement(link));
    }
    const bool receiver_bound = is_bound(*receiver);
    if (bound.size() == (receiver_bound ? 1 : 0)) {
        hand_over(link, *receiver);
    } else if (Link* own = receiver_bound ? nullptr : receiver->own_link()) {
        ask_again(link, *receiver, *own);
    }
}

void LargeReplies::move(std::vector<MovedRequest> requests, Link& to) {
    for (MovedRequest& each : requests) {
        context_.counters.requests_moved.add();
        const ReplySinkPtr sink = each.request.sink;
        to.submit(each.command, std::move(each.request));
        sink->on_moved(to);
    }
}

void LargeReplies::hand_over(const Link& link, ReplySink& receiver) {
    LinkPtr taken = take(link);
    taken->fences().set_last_user(receiver.serial());
    Lease lease = places_.lease_of(std::move(taken), receiver);
    if (!receiver.adopt(lease)) {
        lease.reset();  // nobody wants the reply
    }
}

void LargeReplies::ask_again(Link& link, const ReplySink& receiver, Link& own) {
    std::vector<MovedRequest> again = link.take_requests([&](const ReplySink& sink) { return &sink == &receiver; });
    for (MovedRequest& each : again) {
        each.request.alone = true;  // it has been asked for once, and is not asked for a third time
    }
    move(std::move(again), own);
    own.hold_back(true);
    find(link)->behind = LinkPtr(&own);
}

}  // namespace portal::upstream
