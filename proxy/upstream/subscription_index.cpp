#include "upstream/subscription_index.hpp"

#include <algorithm>

namespace portal::upstream {

void SubscriptionIndex::wait(SubscriptionKind kind, std::string_view name) {
    Names& all = names(kind);
    const auto found = all.find(name);
    ++(found != all.end() ? found : all.emplace(name, Entry{}).first)->second.waiting;
}

bool SubscriptionIndex::answered(SubscriptionKind kind, std::string_view name, bool accepted) {
    Names& all = names(kind);
    const auto found = all.find(name);
    if (found == all.end()) {
        return false;
    }
    if (found->second.waiting > 0) {
        --found->second.waiting;
    }
    found->second.active = found->second.active || accepted;
    return drop_if_unwanted(all, found);
}

void SubscriptionIndex::add(SubscriptionKind kind, std::string_view name, Subscriber& subscriber) {
    Names& all = names(kind);
    const auto found = all.find(name);
    Entry& entry = (found != all.end() ? found : all.emplace(name, Entry{}).first)->second;
    entry.subscribers.push_back(&subscriber);
    if (!entry.places.empty()) {
        entry.places.emplace(&subscriber, entry.subscribers.size() - 1);
    } else if (entry.subscribers.size() > kFew) {
        for (std::size_t i = 0; i < entry.subscribers.size(); ++i) {
            entry.places.emplace(entry.subscribers[i], i);
        }
    }
}

bool SubscriptionIndex::remove(SubscriptionKind kind, std::string_view name, Subscriber& subscriber) {
    Names& all = names(kind);
    const auto entry = all.find(name);
    if (entry == all.end()) {
        return false;
    }
    auto& [subscribers, places, waiting, active] = entry->second;
    std::size_t place = subscribers.size();
    if (places.empty()) {
        place = static_cast<std::size_t>(std::ranges::find(subscribers, &subscriber) - subscribers.begin());
    } else if (const auto found = places.find(&subscriber); found != places.end()) {
        place = found->second;
        places.erase(found);
    }
    if (place == subscribers.size()) {
        return false;
    }
    if (!places.empty() && place + 1 < subscribers.size()) {
        places[subscribers.back()] = place;
    }
    subscribers[place] = subscribers.back();
    subscribers.pop_back();
    return drop_if_unwanted(all, entry);
}

bool SubscriptionIndex::drop_if_unwanted(Names& all, Names::iterator entry) {
    if (!entry->second.subscribers.empty() || entry->second.waiting > 0) {
        return false;
    }
    const bool active = entry->second.active;
    all.erase(entry);
    return active;
}

bool SubscriptionIndex::active(SubscriptionKind kind, std::string_view name) const {
    const auto found = names(kind).find(name);
    return found != names(kind).end() && found->second.active;
}

const std::vector<Subscriber*>* SubscriptionIndex::subscribers(SubscriptionKind kind, std::string_view name) const {
    const auto found = names(kind).find(name);
    return found != names(kind).end() ? &found->second.subscribers : nullptr;
}

void SubscriptionIndex::lose() {
    for (Names& all : names_) {
        std::erase_if(all, [](const auto& each) { return each.second.subscribers.empty(); });
        for (auto& [name, entry] : all) {
            entry.active = false;
            entry.waiting = 0;
        }
    }
}

std::vector<std::string> SubscriptionIndex::wanted(SubscriptionKind kind) const {
    std::vector<std::string> wanted;
    for (const auto& [name, entry] : names(kind)) {
        if (!entry.subscribers.empty()) {
            wanted.push_back(name);
        }
    }
    return wanted;
}

std::size_t SubscriptionIndex::size() const noexcept {
    return names_[0].size() + names_[1].size() + names_[2].size();
}

}  // namespace portal::upstream
