#include "demo/cluster_files.hpp"

#include "demo/child_process.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

namespace portal::demo {

namespace {

// redis.conf reads "..." with backslash escapes.
std::string quoted(const std::filesystem::path& path) {
    std::string text = "\"";
    for (const char c : path.string()) {
        if (c == '"' || c == '\\') {
            text += '\\';
        }
        text += c;
    }
    return text + '"';
}

bool is_number(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// YAML::Node is a handle and assignment writes through it, hence recursion instead of a walking variable.
void set_at(YAML::Node node, std::string_view path, const YAML::Node& value) {
    const auto dot = path.find('.');
    const std::string key(path.substr(0, dot));
    if (key.empty() || node.IsScalar() || (node.IsSequence() && !is_number(key))) {
        throw ClusterError("the path does not fit the configuration");
    }
    const bool last = dot == std::string_view::npos;
    if (node.IsSequence()) {
        const std::size_t index = std::stoul(key);
        if (last) {
            node[index] = value;
        } else {
            set_at(node[index], path.substr(dot + 1), value);
        }
    } else if (last) {
        node[key] = value;
    } else {
        set_at(node[key], path.substr(dot + 1), value);
    }
}

}  // namespace

std::string random_password() {
    std::array<unsigned char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw ClusterError("the kernel gives no random bytes for a password.");
    }
    std::string text;
    for (const unsigned char byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

void write_private_file(const std::filesystem::path& path, std::string_view text) {
    const std::string unfinished = path.string() + ".new";
    const int file = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = file >= 0;
    while (good && !text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        good = written > 0;
        text.remove_prefix(good ? static_cast<std::size_t>(written) : 0);
    }
    good = file >= 0 && ::close(file) == 0 && good;
    if (!good || ::rename(unfinished.c_str(), path.c_str()) != 0) {
        throw ClusterError("cannot write " + path.string() + ": " + std::strerror(errno) + ".");
    }
}

std::string shell_line(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) {
        const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 ||
                   std::string_view("/._-=+:@%,").find(static_cast<char>(c)) != std::string_view::npos;
        });
        std::string escaped = word;
        for (auto at = escaped.find('\''); at != std::string::npos; at = escaped.find('\'', at + 4)) {
            escaped.replace(at, 1, "'\\''");
        }
        line += (line.empty() ? "" : " ") + (plain ? word : "'" + escaped + "'");
    }
    return line;
}

std::string redis_conf(const NodeFiles& node, std::string_view password) {
    return fmt::format(
        "bind 127.0.0.1\n"
        "port {}\n"
        "daemonize no\n"
        "dir {}\n"
        "logfile {}\n"
        "pidfile {}\n"
        "requirepass {}\n"
        "masterauth {}\n"
        // Nobody listens on port 1: only a portal makes a leader, so a node that starts empty wipes nobody.
        "replicaof 127.0.0.1 1\n"
        "repl-ping-replica-period 1\n"
        "repl-diskless-sync-delay 0\n"
        "repl-timeout 10\n"
        "appendonly yes\n"
        "appendfsync everysec\n"
        "save \"\"\n"
        "shutdown-timeout 1\n",
        node.port, quoted(node.data), quoted(node.log), quoted(node.pid_file), password, password);
}

std::string portal_yaml(const PortalFiles& portal, const SharedFiles& shared, const std::vector<NodeFiles>& nodes,
                        const std::vector<std::string>& settings) {
    YAML::Node root;
    root["name"] = portal.name;
    YAML::Node listener;
    listener["address"] = fmt::format("127.0.0.1:{}", portal.port);
    listener["tls"]["certificate"] = shared.certificate.string();
    listener["tls"]["key"] = shared.key.string();
    root["listen"].push_back(listener);
    for (const NodeFiles& node : nodes) {
        YAML::Node entry;
        entry["name"] = node.name;
        entry["address"] = fmt::format("127.0.0.1:{}", node.port);
        root["nodes"].push_back(entry);
    }
    root["monitor"]["password_file"] = shared.password_file.string();
    root["arbiter"]["file"]["path"] = shared.arbiter_record.string();
    root["admin"]["address"] = fmt::format("127.0.0.1:{}", portal.admin_port);
    if (!portal.admin_socket.empty()) {
        root["admin"]["socket"] = portal.admin_socket.string();
    }

    for (const std::string& setting : settings) {
        const auto equals = setting.find('=');
        try {
            if (equals == std::string::npos) {
                throw ClusterError("it has no '='");
            }
            set_at(root, std::string_view(setting).substr(0, equals), YAML::Load(setting.substr(equals + 1)));
        } catch (const std::exception& problem) {
            throw ClusterError(
                fmt::format("--set {}: wants KEY=VALUE with a dotted path of the configuration as KEY, such as "
                            "monitor.down_after=500ms; {}.",
                            setting, problem.what()));
        }
    }
    return fmt::format("{}\n", YAML::Dump(root));
}

}  // namespace portal::demo
