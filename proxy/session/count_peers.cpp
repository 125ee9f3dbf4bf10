#include "session/count_peers.hpp"

#include <algorithm>

namespace portal::session {

CountPeers::Peer& CountPeers::peer(const PortalId& id) {
    if (const auto found = peers_.find(id); found != peers_.end()) {
        return found->second;
    }
    if (peers_.size() >= kMostHeard) {
        const auto oldest = std::ranges::min_element(peers_, {}, [](const auto& each) { return each.second.heard; });
        forget(oldest->first, oldest->second);
        peers_.erase(oldest);
    }
    return peers_[id];
}

void CountPeers::take(CountMessage&& message, Time now) {
    if (message.sender == own_) {
        return;
    }
    Peer& from = peer(message.sender);
    if (message.sequence <= from.last) {
        return;  // said before
    }
    const bool missed = message.sequence != from.last + 1;
    from.last = message.sequence;
    from.heard = now;
    answer_due_ = answer_due_ || message.asks;
    if (std::ranges::find(message.heard, own_) == message.heard.end()) {
        ask_due_ = true;  // it does not know this process
        answer_due_ = true;
        from.synced = false;
        return;
    }
    from.believed = now;
    if (message.whole) {
        from.synced = true;
    } else if (missed || !from.synced) {
        from.synced = false;
        ask_due_ = true;
        return;
    }
    if (message.whole || !message.changes.empty()) {
        from.counts = true;
        events_.changed(message.sender, message.whole, message.changes);
    }
}

void CountPeers::connected() {
    for (auto& [id, peer] : peers_) {
        peer.synced = false;
    }
    ask_due_ = answer_due_ = true;
    asked_ = answered_ = {};
}

void CountPeers::tick(Time now) {
    for (auto& [id, peer] : peers_) {
        if (peer.counts && now - peer.believed > kForget) {
            forget(id, peer);
        }
    }
}

void CountPeers::forget(const PortalId& id, Peer& peer) {
    if (std::exchange(peer.counts, false) && events_.gone(id)) {
        peer.synced = false;  // what it says next does not say what it has
    }
}

bool CountPeers::take_answer_due(Time now) {
    if (!answer_due_ || now - answered_ < kAnswerEvery) {
        return false;
    }
    answer_due_ = false;
    answered_ = now;
    return true;
}

bool CountPeers::take_ask_due(Time now) {
    if (!ask_is_due(now)) {
        return false;
    }
    ask_due_ = false;
    asked_ = now;
    return true;
}

std::vector<PortalId> CountPeers::heard() const {
    std::vector<PortalId> out;
    for (const auto& [id, peer] : peers_) {
        out.push_back(id);
    }
    return out;
}

}  // namespace portal::session
