#include "upstream/idle_links.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::upstream {

namespace {

/// More are closed.
constexpr std::size_t kLimit = 16;

}  // namespace

LinkPtr IdleLinks::take(const LinkIdentityView& identity, std::uint64_t user, Before before) {
    if (before == Before::no_request) {
        return nullptr;
    }
    auto best = links_.end();
    for (auto each = links_.begin(); each != links_.end(); ++each) {
        if (!(*each)->identity().same_login(identity)) {
            continue;
        }
        const bool own = (*each)->fences().last_user() == user;
        if (own || (before == Before::anything && best == links_.end())) {
            best = each;
        }
        if (own) {
            break;
        }
    }
    if (best == links_.end()) {
        return nullptr;
    }
    LinkPtr link = std::move(*best);
    links_.erase(best);
    return link;
}

bool IdleLinks::remove(const Link& link) {
    return std::erase_if(links_, [&](const LinkPtr& each) { return each.get() == &link; }) > 0;
}

std::vector<LinkPtr> IdleLinks::take_all() noexcept {
    return std::exchange(links_, {});
}

std::vector<LinkPtr> IdleLinks::take_anonymous() {
    std::vector<LinkPtr> taken;
    std::erase_if(links_, [&](LinkPtr& each) {
        const bool anonymous = each->identity().username.empty();
        if (anonymous) {
            taken.push_back(std::move(each));
        }
        return anonymous;
    });
    return taken;
}

bool IdleLinks::keep(const LinkPtr& link) {
    const bool clean =
        link->state() == Link::State::ready && link->requests().empty() && link->carries().fit_for_reuse();
    if (!clean || links_.size() >= kLimit) {
        return false;
    }
    links_.push_back(link);
    return true;
}

}  // namespace portal::upstream
