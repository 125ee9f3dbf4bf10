#include "upstream/link_setup.hpp"

#include <charconv>

namespace portal::upstream {

namespace {

/// The bulk string that follows the bulk string `key` in a flat map or array reply; empty when there is none.
std::string_view value_after(std::string_view frame, std::string_view key) {
    const std::string needle = "\r\n" + std::string(key) + "\r\n$";
    const std::size_t at = frame.find(needle);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = frame.substr(at + needle.size());
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
    const auto start = static_cast<std::size_t>(end - rest.data()) + 2;
    if (error != std::errc{} || size > 64 || start + size > rest.size()) {
        return {};
    }
    return rest.substr(start, size);
}

}  // namespace

LinkSetup::LinkSetup(const LinkIdentity& identity, std::string_view name, bool may_follow)
    : select_(identity.database != 0), resp3_(identity.protocol == resp::Protocol::resp3), may_follow_(may_follow) {
    if (!identity.username.empty()) {
        awaiting_ = Awaiting::auth;
        resp::write_request(request_, "AUTH", identity.username, identity.password);
    }
    if (name.empty()) {
        resp::write_request(request_, "HELLO", resp3_ ? "3" : "2");
    } else {
        resp::write_request(request_, "HELLO", resp3_ ? "3" : "2", "SETNAME", name);
    }
    if (select_) {
        resp::write_request(request_, "SELECT", std::to_string(identity.database));
    }
}

LinkSetup::Step LinkSetup::on_reply(std::string_view frame) {
    const bool failed = frame.starts_with('-');
    switch (awaiting_) {
        case Awaiting::auth:
            if (failed) {
                error_ = frame;
                return Step::refused;
            }
            awaiting_ = Awaiting::hello;
            return Step::more;
        case Awaiting::hello:
            auth_required_ = frame.starts_with("-NOAUTH");
            if (failed && resp3_ && !auth_required_) {
                error_ = frame;
                return Step::refused;
            }
            if (!failed) {
                read_hello(frame);
            }
            if (follows_) {
                return Step::refused;
            }
            awaiting_ = select_ ? Awaiting::select : Awaiting::nothing;
            return select_ ? Step::more : Step::ready;
        case Awaiting::select:
            awaiting_ = Awaiting::nothing;
            if (failed) {
                error_ = frame;
                return Step::refused;
            }
            return Step::ready;
        case Awaiting::nothing:
            break;
    }
    error_ = "-ERR the node answered more than it was asked\r\n";
    return Step::refused;
}

void LinkSetup::read_hello(std::string_view frame) {
    const auto take = [&](std::string& into, std::string_view key) {
        if (const std::string_view found = value_after(frame, key); !found.empty()) {
            into = found;
        }
    };
    take(hello_.server, "server");
    take(hello_.version, "version");
    take(hello_.mode, "mode");
    // A node that restarted comes back as a replica, with whatever data it finds.
    const std::string_view role = value_after(frame, "role");
    follows_ = !may_follow_ && (role == "replica" || role == "slave");
    constexpr std::string_view kId = "\r\nid\r\n:";
    if (const std::size_t at = frame.find(kId); at != std::string_view::npos) {
        std::from_chars(frame.data() + at + kId.size(), frame.data() + frame.size(), connection_id_);
    }
}

}  // namespace portal::upstream
