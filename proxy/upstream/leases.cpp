#include "upstream/leases.hpp"

#include <utility>

namespace portal::upstream {

void Leases::hold(const LinkPtr& link, ReplySink& holder) {
    link->set_holder(&holder);
    held_.emplace(link.get(), link);
    count_ += link->use() == Link::Use::leased ? 1U : 0U;
}

void Leases::connected(const Link& link) noexcept {
    if (link.use() == Link::Use::leased && connecting_ > 0) {
        --connecting_;
    }
}

bool Leases::remove(const Link& link) noexcept {
    if (held_.erase(&link) == 0) {
        return false;
    }
    if (link.use() == Link::Use::leased && count_ > 0) {
        --count_;
    }
    return true;
}

std::vector<LinkPtr> Leases::take_all() {
    std::vector<LinkPtr> taken;
    taken.reserve(held_.size());
    for (auto& [key, link] : std::exchange(held_, {})) {
        taken.push_back(std::move(link));
    }
    count_ = 0;
    return taken;
}

}  // namespace portal::upstream
