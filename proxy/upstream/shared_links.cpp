#include "upstream/shared_links.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

Link* SharedLinks::search(const LinkIdentityView& identity) {
    const auto found = links_.find(identity);
    if (found == links_.end()) {
        return nullptr;
    }
    const auto entry =
        std::ranges::find_if(found->second, [&](const Entry& each) { return serves(*each.link, identity); });
    if (entry == found->second.end()) {
        return nullptr;
    }
    last_ = &*entry;
    last_->used = true;
    return last_->link.get();
}

void SharedLinks::add(LinkPtr link) {
    last_ = nullptr;
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
    last_ = nullptr;
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
    last_ = nullptr;
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
    return take_if([](Entry& each) { return !std::exchange(each.used, false) && each.link->pending() == 0; });
}

}  // namespace portal::upstream
