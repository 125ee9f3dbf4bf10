#include "sentinel/users_keeper.hpp"

#include "observe/log.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "users";
/// Commands of clients that are kept for a moment without a leader; what is beyond is lost with it.
constexpr std::size_t kMostExecuted = 1000;
/// Of thousands of users.
constexpr std::size_t kLongestList = 64U << 20U;
/// How long a failover waits for a node to say what users it has.
constexpr Milliseconds kPrepareTime{500};

std::string run_id_in(std::string_view info) {
    static constexpr std::string_view kKey = "run_id:";
    const auto at = info.find(kKey);
    return at == std::string_view::npos
               ? std::string()
               : std::string(info.substr(at + kKey.size(), info.find_first_of("\r\n", at) - at - kKey.size()));
}

}  // namespace

void UsersKeeper::want(UsersWanted wanted) {
    if (wanted == wanted_) {
        return;
    }
    wanted_ = std::move(wanted);
    ++version_;
    memory_.forget();
    ask_again();
}

void UsersKeeper::executed(std::vector<std::string> command) {
    if (idle()) {
        return;
    }
    if (executed_.size() < kMostExecuted) {
        executed_.push_back(std::move(command));
    }
    rest_->wake();
}

asio::awaitable<void> UsersKeeper::turn(GroupSight sight) {
    auto commands = std::exchange(executed_, {});
    acts_ = sight.acts;
    if (!sight.acts) {
        memory_.forget();  // others change what this portal does not see
        if (commands.empty()) {
            places_.clear();
        }
    }
    if (!sight.group) {
        if (sight.acts) {
            executed_ = std::move(commands);  // for the node that is promoted
        }
        co_return;
    }
    if (by_leader() && !commands.empty()) {
        auto group = *sight.group;
        co_await repeat(std::move(group), std::move(commands));
    }
    if (sight.acts && !stopped_) {
        const std::uint64_t before = count_.set + count_.deleted;
        co_await round(*std::move(sight.group));
        // A client's newer change may have been undone just now.
        looks_again_ = !looks_again_ && before != count_.set + count_.deleted;
        if (looks_again_) {
            rest_->wake();
        }
    }
}

/// Whatever becomes of it: the next round makes good what differs.
asio::awaitable<void> UsersKeeper::repeat(NodeGroup group, std::vector<std::vector<std::string>> commands) {
    const std::string login = login_->username.value_or("default");
    for (const auto& node : group.replicas) {
        Place& place = place_of(node);
        if (Clock::now() < place.not_before) {
            continue;
        }
        const TimePoint deadline = Clock::now() + timing_.deadline;
        for (const auto& command : commands) {
            const auto words = repeatable(command, login);
            const Reply connected = co_await connect(place, deadline);
            if (!words || !connected.good()) {
                continue;
            }
            Reply reply = co_await place.link->request(*words, deadline);
            if (!reply.good() && !reply.is_error && !stopped_) {  // it was closed since it was last in use
                const Reply again = co_await connect(place, deadline);
                if (again.good()) {
                    reply = co_await place.link->request(*words, deadline);
                }
            }
            if (reply.is_error && is_refusal(reply.text)) {
                note_refusal(place, reply.text);
                break;
            }
        }
    }
}

void UsersKeeper::note_refusal(Place& place, const std::string& error) {
    refuse(place);
    const std::string& node = place.node.name;
    if (!error.starts_with("NOPERM")) {
        if (without_acl_.insert(node).second) {
            observe::log_info(kSource, "a node knows no users (ACL), so none are kept equal there", {{"node", node}});
        }
        return;
    }
    ++count_.refused;
    place.mind.denied = error;
    observe::log(wanted_.asked_for ? observe::LogLevel::warn : observe::LogLevel::info, kSource,
                 "a node does not let the monitor keep its users equal", {{"node", node}, {"error", error}});
}

/// Once for each connection. Each question has its time: a node that clients keep busy would never come to the last
/// one.
asio::awaitable<void> UsersKeeper::ask_about_process(Place& place) {
    const auto deadline = [this] { return Clock::now() + timing_.deadline; };
    if (place.mind.run_id.empty()) {
        std::vector<std::string> info{"INFO", "server"};
        const Reply reply = co_await place.link->request(std::move(info), deadline());
        place.mind.run_id = reply.good() ? run_id_in(reply.text) : std::string();
    }
    if (!place.mind.masteruser) {
        std::vector<std::string> get{"CONFIG", "GET", "masteruser"};
        const Reply user = co_await place.link->request(std::move(get), deadline());
        place.mind.masteruser = user.elements.size() == 2 ? user.elements[1] : std::string();
        get = {"CONFIG", "GET", "aclfile"};
        const Reply file = co_await place.link->request(std::move(get), deadline());
        place.mind.has_file = file.elements.size() == 2 && !file.elements[1].empty();
    }
}

asio::awaitable<UsersKeeper::Reading> UsersKeeper::read(Place& place, TimePoint deadline) {
    const Reply connected = co_await connect(place, deadline);
    if (!connected.good()) {
        co_return Reading{std::nullopt, connected.is_error && is_refused_login(connected.text)};
    }
    place.link->allow_replies(kLongestList);
    std::vector<std::string> list{"ACL", "LIST"};
    const Reply reply = co_await place.link->request(std::move(list), deadline);
    if (reply.is_error && is_refusal(reply.text)) {
        note_refusal(place, reply.text);
        co_return Reading{std::nullopt, true};
    }
    auto users = reply.good() ? users_in(reply.elements) : Users{};
    if (users.empty()) {
        co_return Reading{};  // every server with ACL has the user "default"
    }
    co_await ask_about_process(place);
    place.mind.denied.clear();
    co_return Reading{std::move(users), false};
}

UsersMemory::Leader UsersKeeper::as_leader(const Place& place) {
    return {place.node.name, place.mind.run_id, place.mind.has_file};
}

Users UsersKeeper::target(const Place& leading, const Users& leader) {
    Users wanted = by_leader() ? memory_.target(as_leader(leading), leader) : wanted_.file;
    if (wanted != aim_) {
        ++version_;
        aim_ = wanted;
    }
    return wanted;
}

Names UsersKeeper::refused_of(const Place& place, const Users& wanted) {
    Names refused;
    for (const auto& [name, why] : place.mind.refusals(wanted)) {
        refused.insert(name);
    }
    return refused;
}

void UsersKeeper::replica_looked_at(const Place& place, const Users& has) {
    if (const Users* last = memory_.last(); last != nullptr) {
        memory_.note_present(place.node.name, place.mind.run_id, has, refused_of(place, *last));
    }
}

void UsersKeeper::leader_told(const Place& leading, const Users& target) {
    memory_.note_leader(as_leader(leading), target, refused_of(leading, target));
}

void UsersKeeper::replica_read(const Place& place, const Users& has) {
    const std::size_t before = memory_.unclear().size();
    memory_.note_replica(place.node.name, has, place.mind.run_id);
    if (by_leader() && memory_.unclear().size() > before) {
        observe::log_warn(kSource, "a replica has users that the leader lacks; they are left there",
                          {{"node", place.node.name}, {"users", memory_.unclear().size() - before}});
    }
}

UsersSpared UsersKeeper::spared() const {
    UsersSpared spared{login_->username.value_or("default"), {}};
    for (const auto& [name, place] : places_) {
        if (place.mind.masteruser && !place.mind.masteruser->empty()) {
            spared.needed.insert(*place.mind.masteruser);
        }
    }
    if (by_leader()) {
        for (const auto& [user, node] : memory_.unclear()) {
            spared.needed.insert(user);
        }
    }
    return spared;
}

/// Of one change of one user.
asio::awaitable<UsersKeeper::Told> UsersKeeper::ask(Place& place, std::vector<std::string> command, std::string user) {
    const bool deletes = command[1] == "DELUSER";
    const Reply reply = co_await place.link->request(std::move(command), Clock::now() + timing_.deadline);
    if (reply.good()) {
        ++(deletes ? count_.deleted : count_.set);
        observe::log_info(kSource, deletes ? "a user was deleted at a node" : "a user was set at a node",
                          {{"node", place.node.name}, {"user", shown_name(user)}});
        co_return Told::yes;
    }
    if (!reply.is_error || reply.text.starts_with("BUSY") || reply.text.starts_with("LOADING")) {
        co_return Told::broken;
    }
    if (is_refusal(reply.text)) {
        note_refusal(place, reply.text);
        co_return Told::broken;
    }
    ++count_.refused;
    why_refused_ = harmless(reply.text);
    observe::log_warn(kSource, "a node refuses a user",
                      {{"node", place.node.name}, {"user", shown_name(user)}, {"error", why_refused_}});
    co_return Told::refused;
}

asio::awaitable<bool> UsersKeeper::tell(Place& place, Users has, const Users& target, bool leads) {
    const UsersSpared left_alone = spared();
    const std::uint64_t version = version_;
    const bool adds_only = leads && by_leader();
    auto due = place.mind.to_set(target, has, left_alone);
    if (adds_only) {
        std::erase_if(due, [&](const auto& each) { return has.contains(each.first); });
    }
    std::vector<std::pair<std::string, std::string>> set;
    for (const auto& [name, rules] : due) {
        if (by_leader() && !unambiguous(rules)) {
            ++count_.refused;
            place.mind.refused(name, rules, "a rule of it holds a blank or a line's end, so it is not passed on");
            observe::log_warn(kSource, "a user is not passed on: ACL LIST does not show where its rules end",
                              {{"node", place.node.name}, {"user", shown_name(name)}});
            continue;
        }
        auto command = set_user(name, rules);
        const Told told = co_await ask(place, std::move(command), name);
        if (told == Told::broken) {
            co_return false;
        }
        if (told == Told::refused) {
            place.mind.refused(name, rules, why_refused_);
        } else {
            set.emplace_back(name, rules);
        }
    }
    // The leader's word is taken for what it is; a file may have a mistake.
    const bool may_delete = !adds_only && (by_leader() || place.mind.refusals(target).empty());
    for (const auto& name : may_delete ? place.mind.to_delete(target, has, left_alone) : std::vector<std::string>{}) {
        std::vector<std::string> command{"ACL", "DELUSER", name};
        const Told told = co_await ask(place, std::move(command), name);
        if (told == Told::broken) {
            co_return false;
        }
        if (told == Told::refused) {
            place.mind.refused_to_delete(name, why_refused_);
        }
    }
    if (!set.empty()) {
        std::vector<std::string> list{"ACL", "LIST"};
        const Reply reply = co_await place.link->request(std::move(list), Clock::now() + timing_.deadline);
        if (!reply.good()) {
            co_return false;
        }
        const Users now = users_in(reply.elements);
        for (const auto& [name, rules] : set) {
            const auto found = now.find(name);
            place.mind.set(name, rules, found == now.end() ? std::string_view() : found->second);
        }
    }
    place.mind.version = version;
    co_return true;
}

asio::awaitable<std::string> UsersKeeper::prepare(config::Node node, std::string run_id) {
    const auto self = shared_from_this();
    if (idle()) {
        co_return std::string();
    }
    const auto known = places_.find(node.name);
    const bool current = known != places_.end() && known->second.mind.version == version_ &&
                         known->second.mind.run_id == run_id && executed_.empty();
    const Users* last = by_leader() ? memory_.last() : &wanted_.file;
    if (current || (last == nullptr && !wanted_.strict)) {
        co_return std::string();  // it may even have newer ones, of another portal's client
    }
    std::optional<Users> wanted;
    if (last != nullptr) {
        wanted = *last;
    }
    Place place = made(std::move(node));
    const TimePoint deadline = Clock::now() + std::min(timing_.deadline, kPrepareTime);
    auto has = co_await read(place, deadline);
    if (has.seen && wanted) {
        (void)co_await tell(place, *std::move(has.seen), *wanted, false);
        const std::string login = login_->username.value_or("default");
        auto commands = std::exchange(executed_, {});
        for (auto& command : commands) {
            if (auto words = repeatable(std::move(command), login)) {
                (void)co_await place.link->request(*std::move(words), deadline);
            }
        }
    }
    place.link->close();
    co_return wanted_.strict ? refusal_of(place) : std::string();
}

std::string UsersKeeper::refusal_of(const Place& place) const {
    if (!place.mind.denied.empty()) {
        return "does not let the monitor keep its users equal: " + place.mind.denied +
               " (give the monitor's user +acl|list, +acl|setuser and +acl|deluser)";
    }
    const auto refusals = place.mind.refusals(aim_);
    return refusals.empty()
               ? std::string()
               : "refuses the user " + shown_name(refusals.begin()->first) + ": " + refusals.begin()->second;
}

std::string UsersKeeper::why_barred(const std::string& node) const {
    const auto place = places_.find(node);
    if (!wanted_.strict || idle() || place == places_.end()) {
        return {};
    }
    const std::string why = refusal_of(place->second);
    return why.empty() ? why : node + " " + why;
}

std::vector<std::string> UsersKeeper::concerns() const {
    std::vector<std::string> sentences;
    if (idle()) {
        return sentences;
    }
    for (const auto& [name, place] : places_) {
        const std::string why = refusal_of(place);
        if (!why.empty() && (wanted_.asked_for || place.mind.denied.empty())) {
            sentences.push_back(name + " " + why);
        }
    }
    if (!by_leader() || !wanted_.asked_for) {
        return sentences;
    }
    for (const auto& [user, node] : memory_.unclear()) {
        sentences.push_back(
            node + " has the user " + shown_name(user) +
            ", which the leader lacks and would lack as well when others lead: ACL SETUSER it there, or "
            "ACL DELUSER it on " +
            node);
    }
    return sentences;
}

boost::json::object UsersKeeper::status() const {
    boost::json::object nodes;
    for (const auto& [name, place] : acts_ && !idle() ? places_ : std::map<std::string, Place>{}) {
        nodes[name] = place.mind.version == version_ && refusal_of(place).empty();
    }
    return {{"set", count_.set}, {"deleted", count_.deleted}, {"refused", count_.refused}, {"equal", std::move(nodes)}};
}

}  // namespace portal::sentinel
