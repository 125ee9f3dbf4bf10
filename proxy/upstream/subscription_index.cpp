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
    note_surplus(kind, found->first, found->second);
    return drop_if_unwanted(kind, found);
}

void SubscriptionIndex::add(SubscriptionKind kind, std::string_view name, Subscriber& subscriber) {
    Names& all = names(kind);
    const auto found = all.find(name);
    Entry& entry = (found != all.end() ? found : all.emplace(name, Entry{}).first)->second;
    entry.subscribers.push_back(&subscriber);
    note_surplus(kind, name, entry);
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
    auto& [subscribers, places, waiting, active, surplus] = entry->second;
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
    note_surplus(kind, name, entry->second);
    return drop_if_unwanted(kind, entry);
}

/// The node counts one for a name that it has.
void SubscriptionIndex::note_surplus(SubscriptionKind kind, std::string_view name, Entry& entry) {
    const std::size_t before = entry.surplus;
    entry.surplus = entry.active && !entry.subscribers.empty() ? entry.subscribers.size() - 1 : 0;
    if (watch_ != nullptr && entry.surplus != before) {
        watch_->on_surplus(kind, name, static_cast<std::int64_t>(entry.surplus) - static_cast<std::int64_t>(before));
    }
}

bool SubscriptionIndex::drop_if_unwanted(SubscriptionKind kind, Names::iterator entry) {
    if (!entry->second.subscribers.empty() || entry->second.waiting > 0) {
        return false;
    }
    const bool active = entry->second.active;
    names(kind).erase(entry);
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

SubscriptionIndex::Listening SubscriptionIndex::listening() const {
    Listening all;
    for (const Names& names : names_) {
        for (const auto& [name, entry] : names) {
            if (entry.active && !entry.subscribers.empty()) {
                ++all.names;
                all.subscribers.insert(entry.subscribers.begin(), entry.subscribers.end());
            }
        }
    }
    return all;
}

void SubscriptionIndex::lose() {
    for (std::size_t kind = 0; kind < names_.size(); ++kind) {
        std::erase_if(names_[kind], [](const auto& each) { return each.second.subscribers.empty(); });
        for (auto& [name, entry] : names_[kind]) {
            entry.active = false;
            entry.waiting = 0;
            note_surplus(static_cast<SubscriptionKind>(kind), name, entry);
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
