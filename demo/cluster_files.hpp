// The files of a local cluster: redis.conf of each node, the YAML of each portal, the password and demo.json.
// All of mode 0600 and written under another name first, so a reader never sees half a file. Starts nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace portal::demo {

/// Where one member of the cluster keeps things. Made by LocalCluster, absolute paths.
struct NodeFiles {
    std::string name;
    std::uint16_t port = 0;
    std::filesystem::path config;
    std::filesystem::path data;
    std::filesystem::path log;
    std::filesystem::path pid_file;
};

struct PortalFiles {
    std::string name;
    std::uint16_t port = 0;
    std::uint16_t admin_port = 0;
    std::filesystem::path admin_socket;  // over which it takes changes; empty: none
    std::filesystem::path config;
    std::filesystem::path log;
};

/// What all members share.
struct SharedFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path password_file;
    std::filesystem::path arbiter_record;
};

/// 32 hexadecimal digits from the kernel's random source.
std::string random_password();

/// Replaces `path` in one step. Throws ClusterError.
void write_private_file(const std::filesystem::path& path, std::string_view text);

/// One line that a shell takes apart into these words again, to be pasted.
std::string shell_line(const std::vector<std::string>& words);

/// redis.conf of a node that follows nobody reachable: it becomes a leader only when a portal says so.
std::string redis_conf(const NodeFiles& node, std::string_view password);

/// YAML of a portal. Each setting is KEY=VALUE: KEY a dotted path (a number counts elements of a list, as in
/// listen.0.tls), VALUE any YAML. Throws ClusterError on a setting that fits nowhere; the names of keys are checked by
/// the portal.
std::string portal_yaml(const PortalFiles& portal, const SharedFiles& shared, const std::vector<NodeFiles>& nodes,
                        const std::vector<std::string>& settings);

}  // namespace portal::demo
