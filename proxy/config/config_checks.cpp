#include "config/config_checks.hpp"

#include "config/acl_file.hpp"
#include "config/identity_checks.hpp"
#include "config/secret_files.hpp"
#include "config/value_rules.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <sys/un.h>
#include <utility>

namespace portal::config {

namespace {

constexpr std::size_t kMinTicketSecret = 32;  // bytes; what HKDF-SHA256 can make full use of

/// Complains about each value that came before, at the later place.
class Uniqueness {
  public:
    Uniqueness(Findings& findings, std::string_view advice) : findings_(findings), advice_(advice) {}

    void add(const std::string& path, const std::string& value) {
        if (value.empty() || findings_.failed(path)) {
            return;
        }
        const auto [first, fresh] = seen_.try_emplace(value, path);
        if (!fresh) {
            findings_.complain(path, "'" + value + "' is taken by " + first->second + " on line " +
                                         std::to_string(findings_.where(first->second).line) + "; " +
                                         std::string(advice_));
        }
    }

  private:
    Findings& findings_;
    std::string_view advice_;
    std::map<std::string, std::string> seen_;
};

std::string address_text(const Address& address) {
    return address.host.empty() ? std::string() : AddressRule{}.print(address);
}

void check_names_and_addresses(const Config& config, Findings& findings) {
    Uniqueness names(findings, "give each node a name of its own");
    Uniqueness addresses(findings, "each node has an address of its own");
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
        const std::string path = "nodes[" + std::to_string(i) + "]";
        names.add(path + ".name", config.nodes[i].name);
        addresses.add(path + ".address", address_text(config.nodes[i].address));
    }
    Uniqueness listening(findings, "two sockets cannot listen on one address");
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
        listening.add("listen[" + std::to_string(i) + "].address", address_text(config.listen[i].address));
    }
    listening.add("admin.address", address_text(config.admin.address));
}

/// Where to point: at the key that the file gives, the first one preferred.
std::string given(const Findings& findings, const std::string& first, const std::string& other) {
    return findings.has(first) || !findings.has(other) ? first : other;
}

void check_timings(const Monitor& monitor, Findings& findings) {
    const DurationRule print{};
    const auto usable = [&](const char* a, const char* b) { return !findings.failed(a) && !findings.failed(b); };
    if (usable("monitor.fence_after", "monitor.lease") && monitor.fence_after >= monitor.lease) {
        findings.complain(given(findings, "monitor.fence_after", "monitor.lease"),
                          "fence_after (" + print.print(monitor.fence_after) + ") must be shorter than lease (" +
                              print.print(monitor.lease) +
                              "), or a portal that was cut off still forwards when another one takes over");
    }
    const bool never_busy = monitor.busy_after > Milliseconds(0) && monitor.busy_after <= monitor.down_after;
    if (findings.has("monitor.busy_after") && usable("monitor.busy_after", "monitor.down_after") && never_busy) {
        findings.complain("monitor.busy_after",
                          "busy_after (" + print.print(monitor.busy_after) + ") must be 0 or longer than down_after (" +
                              print.print(monitor.down_after) + "), after which a node is looked at more closely");
    }
    if (usable("monitor.ping_interval", "monitor.down_after") && monitor.ping_interval > monitor.down_after) {
        findings.complain(given(findings, "monitor.ping_interval", "monitor.down_after"),
                          "ping_interval (" + print.print(monitor.ping_interval) + ") must not exceed down_after (" +
                              print.print(monitor.down_after) + "), or a node counts as dead before it was asked");
    }
}

void check_acl(const Acl& acl, Findings& findings) {
    if (acl.strict && acl.source == kAclOff && !findings.failed("acl.assert") && !findings.failed("acl.strict")) {
        findings.complain("acl.strict", "goes with users that the nodes are to have; acl.assert is off");
    }
}

void check_socket_path(Findings& findings, const std::string& path, const std::optional<std::string>& socket) {
    constexpr std::size_t kMost = sizeof(sockaddr_un{}.sun_path) - 1;
    if (socket && socket->size() > kMost && !findings.failed(path)) {
        findings.complain(path, "is longer than the " + std::to_string(kMost) +
                                    " bytes that the path of a socket may have; choose a shorter one");
    }
}

/// Both or neither. `one_given` and `other_given` are about two keys of the section `path`.
void check_pair(Findings& findings, const std::string& path, const std::pair<const char*, bool>& one,
                const std::pair<const char*, bool>& other) {
    if (one.second == other.second || findings.failed(path + "." + one.first) ||
        findings.failed(path + "." + other.first)) {
        return;
    }
    const char* present = one.second ? one.first : other.first;
    const char* absent = one.second ? other.first : one.first;
    findings.complain(path + "." + present, std::string("goes with ") + absent + "; give both or neither");
}

void check_pairs(const Config& config, Findings& findings) {
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
        if (const auto& tls = config.nodes[i].tls) {
            check_pair(findings, "nodes[" + std::to_string(i) + "].tls", {"certificate", tls->certificate.has_value()},
                       {"key", tls->key.has_value()});
        }
    }
    if (const auto* etcd = std::get_if<EtcdArbiter>(&config.arbiter)) {
        check_pair(findings, "arbiter.etcd", {"certificate", etcd->certificate.has_value()},
                   {"key", etcd->key.has_value()});
        check_pair(findings, "arbiter.etcd", {"username", etcd->username.has_value()},
                   {"password_file", etcd->password_file.has_value()});
    }
    check_socket_path(findings, "admin.socket", config.admin.socket);
    if (config.monitor.password && config.monitor.password_file) {
        findings.complain("monitor.password",
                          "stands beside password_file; keep one of the two, password_file for choice");
    }
}

void check_upkeep(const PortalFile& file, Findings& findings) {
    const auto& nodes = file.config.nodes;
    Uniqueness names(findings, "one agent stands beside each node");
    Uniqueness claims(findings, "each node has a volume of its own");
    std::size_t with_claim = 0;
    for (std::size_t i = 0; i < file.upkeep.agents.size(); ++i) {
        const auto& agent = file.upkeep.agents[i];
        const std::string path = "upkeep.agents[" + std::to_string(i) + "]";
        names.add(path + ".node", agent.node);
        claims.add(path + ".claim", agent.claim.value_or(""));
        with_claim += agent.claim ? 1U : 0U;
        const bool known =
            std::any_of(nodes.begin(), nodes.end(), [&agent](const Node& node) { return node.name == agent.node; });
        if (!known && !findings.failed(path + ".node")) {
            findings.complain(path + ".node",
                              "'" + agent.node + "' is no name of a node; use one of those under nodes");
        }
    }
    if (!file.upkeep.auto_expand) {
        return;
    }
    if (!std::holds_alternative<KubernetesArbiter>(file.config.arbiter) && !findings.failed("arbiter")) {
        findings.complain("upkeep.auto_expand", "needs arbiter.kubernetes: volumes grow through the Kubernetes API");
    }
    if (with_claim < nodes.size()) {
        findings.complain("upkeep.auto_expand",
                          "needs an agent with a claim for each node; give them under upkeep.agents");
    }
}

void read_into(std::optional<std::string>& target, const std::optional<std::string>& file, const std::string& path,
               Parsed<std::string> (*read)(const std::string&), Findings& findings) {
    if (!file || findings.failed(path)) {
        return;
    }
    auto content = read(*file);
    if (!content.value) {
        findings.complain(path, content.complaint);
        return;
    }
    target = std::move(content.value);
}

void check_token_file(const std::optional<std::string>& file, const std::string& path, Findings& findings) {
    std::optional<std::string> token;
    read_into(token, file, path, read_token, findings);
}

}  // namespace

void check_consistency(const PortalFile& file, Findings& findings) {
    const Config& config = file.config;
    check_names_and_addresses(config, findings);
    check_timings(config.monitor, findings);
    check_pairs(config, findings);
    check_upkeep(file, findings);
    check_acl(config.acl, findings);
    if (config.identity) {
        check_identity(*config.identity, findings);
    }
}

void check_agent(const AgentConfig& config, Findings& findings) {
    const AgentHandOver& hand_over = config.hand_over;
    check_socket_path(findings, "hand_over.socket", hand_over.socket);
    check_pair(findings, "hand_over", {"listen", hand_over.listen.has_value()},
               {"token_file", hand_over.token_file.has_value()});
    check_token_file(hand_over.token_file, "hand_over.token_file", findings);
}

void read_secrets(Config& config, Findings& findings) {
    read_into(config.monitor.password, config.monitor.password_file, "monitor.password_file", read_password, findings);
    if (auto* etcd = std::get_if<EtcdArbiter>(&config.arbiter)) {
        read_into(etcd->password, etcd->password_file, "arbiter.etcd.password_file", read_password, findings);
    }
    if (config.acl.names_file() && !findings.failed("acl.assert")) {
        auto read = read_acl_file(config.acl.source);
        if (read.value) {
            config.acl.users = *std::move(read.value);
        } else {
            findings.complain("acl.assert", read.complaint);
        }
    }
    check_token_file(config.admin.token_file, "admin.token_file", findings);
    if (config.identity) {
        read_identity_files(*config.identity, findings);
    }
    Tickets& tickets = config.tickets;
    read_into(tickets.secret, tickets.secret_file, "tickets.secret_file", read_secret_bytes, findings);
    if (tickets.secret && tickets.secret->size() < kMinTicketSecret) {
        findings.complain("tickets.secret_file", "holds fewer than " + std::to_string(kMinTicketSecret) +
                                                     " bytes; make one with: openssl rand -base64 48");
    }
}

}  // namespace portal::config
