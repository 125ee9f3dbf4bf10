#include "node.hpp"

#include <algorithm>

namespace portal::simulation {
using replication::NodeReport;
using replication::Role;

namespace {

/// How far back a leader can continue a replica without a full copy.
constexpr std::uint64_t kBacklog = 400;

}  // namespace

std::string Node::fresh(const char* what) {
    return std::string(what) + std::to_string(chance_.number() % 1000000000U);
}

void Node::begin() {
    run_id_ = fresh("run");
    role_ = Role::replica;
    leader_ = "nobody";
    lose_link();
    replicas_.clear();
    ++roles_;
    writes_paused_until = Time{0};
    if (replid_.empty()) {
        replid_ = fresh("history");
    }
}

void Node::crash() {
    running_ = false;
    paused = acknowledges = false;
    waiting.clear();
}

void Node::restart(Restart how, bool remembers) {
    running_ = true;
    up_since_ = moment;
    std::size_t keep = log_.size();
    if (how == Restart::empty) {
        keep = 0;
        remembers = false;
    } else if (how == Restart::rewound) {
        keep -= std::min<std::size_t>(keep, 1 + chance_.below(40));
    }
    damaged_ = damaged_ || keep < log_.size();
    dropped_.insert(dropped_.end(), log_.begin() + static_cast<std::ptrdiff_t>(keep), log_.end());
    if (remembers) {
        offset_ -= log_.size() - keep;
        former_offset_ = std::min<std::int64_t>(former_offset_, static_cast<std::int64_t>(offset_));
    } else {
        replid_.clear();
        former_replid_.clear();
        former_offset_ = -1;
        offset_ = 0;
    }
    log_.resize(keep);
    keys_ = static_cast<std::size_t>(std::count_if(log_.begin(), log_.end(), [](WriteId id) { return id != 0; }));
    begin();
}

std::size_t Node::keys() const {
    return keys_;
}
bool Node::holds(WriteId id) const {
    // Newest first: that is where anybody looks.
    return std::find(log_.rbegin(), log_.rend(), id) != log_.rend();
}

void Node::append(WriteId id) {
    log_.push_back(id);
    ++offset_;
    keys_ += id != 0 ? 1U : 0U;
}

bool Node::write(WriteId id) {
    if (role_ != Role::leader || moment < writes_paused_until) {
        return false;
    }
    append(id);
    return true;
}

void Node::ping(Time now) {
    // As Redis: only with a replica to hear it.
    if (role_ == Role::leader && !replicas_.empty() && now >= ping_at_ && now >= writes_paused_until) {
        append(0);
        ping_at_ = now + seconds(1);
    }
}

void Node::ask_replicas(Time now) {
    if (role_ != Role::leader || replicas_.empty() || now < writes_paused_until) {
        return;
    }
    append(0);
    for (auto& [name, listed] : replicas_) {
        listed.asked = true;
    }
}

void Node::lose_link() {
    link_up_ = false;
    synced_at_ = Time{-1};
}

void Node::replicaof(const std::string& leader) {
    if (role_ == Role::replica && leader_ == leader) {
        return;
    }
    if (role_ == Role::leader) {
        ++roles_;
        replicas_.clear();
    }
    role_ = Role::replica;
    leader_ = leader;
    lose_link();
}

void Node::lead() {
    if (role_ == Role::leader) {
        return;
    }
    former_replid_ = replid_;
    former_offset_ = static_cast<std::int64_t>(offset_);
    replid_ = fresh("history");
    role_ = Role::leader;
    leader_.clear();
    lose_link();
    replicas_.clear();
    ++roles_;
}

NodeReport Node::info(Time now) const {
    NodeReport report;
    report.role = role_;
    report.run_id = run_id_;
    report.version = "7.0.15";
    report.replid = replid_;
    report.former_replid = former_replid_;
    report.former_offset = former_offset_;
    report.offset = offset_;
    report.keys = keys_;
    if (role_ == Role::replica) {
        report.leader = {leader_, 6379};
        report.link_up = link_up_ && synced_at_ < Time{0};
        report.sync_in_progress = synced_at_ >= Time{0};
        report.leader_heard_seconds_ago =
            report.link_up ? std::chrono::duration_cast<seconds>(now - heard_).count() : -1;
    }
    for (const auto& [name, listed] : replicas_) {
        const auto lag =
            listed.acknowledged < Time{0} ? -1 : std::chrono::duration_cast<seconds>(now - listed.acknowledged).count();
        report.replicas.push_back({{name, 6379}, listed.state, listed.offset, lag});
    }
    return report;
}

std::string Node::describe(Time now) const {
    const auto report = info(now);
    std::string text = name_ + (running_ ? paused ? " paused" : "" : " dead") +
                       (role_ == Role::leader ? " leads" : " follows " + leader_) +
                       (report.link_up ? ", link up" : ", link down") + ", offset " + std::to_string(offset_) + ", " +
                       std::to_string(keys_) + " keys, history " + replid_ + "/" + former_replid_;
    for (const auto& replica : report.replicas) {
        text += "; " + replica.endpoint.host + " " + replica.state + " " + std::to_string(replica.offset) + " lag " +
                std::to_string(replica.lag);
    }
    return text;
}

/// PSYNC. True when the leader goes on from this replica's offset; else a full copy has begun.
bool Node::shake_hands(Node& leader) {
    const bool same = replid_ == leader.replid_ && offset_ <= leader.offset_;
    const bool former = replid_ == leader.former_replid_ && static_cast<std::int64_t>(offset_) <= leader.former_offset_;
    return (same || former) && leader.offset_ - offset_ <= std::min<std::uint64_t>(kBacklog, leader.log_.size());
}

void Node::follow(Node* leader, bool hears, bool is_heard, Time now) {
    if (role_ != Role::replica || leader == nullptr || leader == this) {
        lose_link();
        return;
    }
    if (!leader->running_) {
        if (hears) {
            lose_link();
        }
        return;
    }
    if (!hears || !is_heard || leader->paused) {
        return;
    }
    const bool other_process = link_run_id_ != leader->run_id_ || link_roles_ != leader->roles_;
    if (other_process) {
        lose_link();
    }
    if (!link_up_) {
        // A replica serves others only while its own link is up.
        if (leader->role_ == Role::replica && !(leader->link_up_ && leader->synced_at_ < Time{0})) {
            return;
        }
        link_up_ = true;
        link_run_id_ = leader->run_id_;
        link_roles_ = leader->roles_;
        heard_ = now;
        acknowledge_at_ = now;
        const bool goes_on = shake_hands(*leader);
        synced_at_ = goes_on ? Time{-1} : now + chance_.between(milliseconds(30), milliseconds(600));
        leader->replicas_[name_] = {run_id_, goes_on ? "online" : "wait_bgsave", 0, Time{-1}, false};
    }
    if (synced_at_ >= Time{0}) {
        if (now < synced_at_) {
            return;
        }
        synced_at_ = Time{-1};
        log_ = leader->log_;
        keys_ = leader->keys_;
        offset_ = leader->offset_;
        heard_ = now;
    }
    const auto missing = static_cast<std::ptrdiff_t>(leader->offset_ - offset_);
    if (missing > 0) {
        std::for_each(leader->log_.end() - missing, leader->log_.end(), [this](WriteId id) { append(id); });
        heard_ = now;
    }
    damaged_ = leader->damaged_;
    dropped_.clear();
    replid_ = leader->replid_;
    former_replid_ = leader->former_replid_;
    former_offset_ = leader->former_offset_;
    auto& listed = leader->replicas_[name_];
    listed.state = "online";
    if (now >= acknowledge_at_ || listed.asked) {
        listed.asked = false;
        listed.offset = offset_;
        listed.acknowledged = now;
        acknowledge_at_ = now + seconds(1);
    }
}

}  // namespace portal::simulation
