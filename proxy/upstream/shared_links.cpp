#include "upstream/shared_links.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

Link* SharedLinks::search(const LinkIdentityView& identity, Link::Lane lane) {
    const auto found = links_.find(identity);
    if (found == links_.end()) {
        return nullptr;
    }
    const auto entry = std::ranges::find_if(
        found->second, [&](const Entry& each) { return each.link->lane() == lane && serves(*each.link, identity); });
    if (entry == found->second.end()) {
        return nullptr;
    }
    last_[static_cast<std::size_t>(lane)] = &*entry;
    entry->used = true;
    return entry->link.get();
}

void SharedLinks::add(LinkPtr link) {
    last_ = {};
    ++size_;
    std::vector<Entry>& entries = links_[link->identity()];
    entries.push_back({std::move(link), true});
}

LinkPtr SharedLinks::take(const Link& link) {
    const auto found = links_.find(link.identity());
    if (found == links_.end()) {
        return nullptr;
    }
    const auto entry = std::ranges::find_if(found->second, [&](const Entry& each) { return each.link.get() == &link; });
    if (entry == found->second.end()) {
        return nullptr;
    }
    last_ = {};
    --size_;
    LinkPtr taken = std::move(entry->link);
    found->second.erase(entry);
    if (found->second.empty()) {
        links_.erase(found);
    }
    return taken;
}

template <typename Takes>
std::vector<LinkPtr> SharedLinks::take_if(Takes&& takes) {
    std::vector<LinkPtr> taken;
    for (auto each = links_.begin(); each != links_.end();) {
        std::erase_if(each->second, [&](Entry& entry) {
            if (!takes(entry)) {
                return false;
            }
            taken.push_back(std::move(entry.link));
            return true;
        });
        each = each->second.empty() ? links_.erase(each) : std::next(each);
    }
    last_ = {};
    size_ -= taken.size();
    return taken;
}

std::vector<LinkPtr> SharedLinks::take_all() {
    return take_if([](const Entry&) { return true; });
}

std::vector<LinkPtr> SharedLinks::take_of(std::string_view username) {
    return take_if([&](const Entry& each) { return each.link->identity().username == username; });
}

std::vector<LinkPtr> SharedLinks::take_unused() {
    return take_if([](Entry& each) { return !std::exchange(each.used, false) && each.link->requests().empty(); });
}

std::vector<LinkPtr> SharedLinks::take_slow(PendingQueue::Time now, std::chrono::steady_clock::duration patience) {
    return take_if([&](const Entry& each) {
        return each.link->lane() == Link::Lane::slow && each.link->requests().worked_on(now) > patience;
    });
}

}  // namespace portal::upstream
