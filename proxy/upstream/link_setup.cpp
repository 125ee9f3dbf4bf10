#include "upstream/link_setup.hpp"

#include "resp/reply_view.hpp"

#include <algorithm>

namespace portal::upstream {

namespace {

/// What a node says of itself and is longer than this is not repeated to clients.
constexpr std::size_t kLongestWord = 64;
/// Characters of an answer that are repeated to people.
constexpr std::size_t kAnswerShown = 200;
constexpr std::string_view kProbe = "redis-portal";

/// The node speaks of who asks, not of itself.
bool speaks_of_login(std::string_view error) {
    return error.starts_with("-WRONGPASS") || error.starts_with("-NOAUTH") || error.starts_with("-NOPERM") ||
           error.starts_with("-ERR invalid password") || error.starts_with("-ERR AUTH <password> called") ||
           error.starts_with("-ERR Client sent AUTH, but no password is set");
}

bool speaks_of_database(std::string_view error) {
    return error.starts_with("-ERR DB index") || error.starts_with("-ERR invalid DB") ||
           error.starts_with("-ERR SELECT");
}

}  // namespace

LinkSetup::LinkSetup(const LinkIdentity& identity, std::string_view name, bool may_follow)
    : select_(identity.database != 0),
      login_(!identity.username.empty()),
      resp3_(identity.protocol == resp::Protocol::resp3),
      may_follow_(may_follow) {
    if (login_) {
        awaiting_ = Awaiting::auth;
    }
    if (select_ && identity.selector != nullptr) {
        awaiting_ = Awaiting::first_select;
        if (!identity.selector->username.empty()) {
            awaiting_ = Awaiting::selector;
            resp::write_request(request_, "AUTH", identity.selector->username, identity.selector->password);
        }
        resp::write_request(request_, "SELECT", std::to_string(identity.database));
    }
    if (login_) {
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
    resp::write_request(request_, "ECHO", kProbe);
}

LinkSetup::Step LinkSetup::on_reply(std::string_view frame) {
    switch (awaiting_) {
        case Awaiting::selector:
        case Awaiting::first_select:
            if (frame.starts_with('-') && !speaks_of_login(frame)) {
                return speaks_of_database(frame) ? refuse(frame) : give_up(frame);
            }
            // Refused: the login of the link may have the right itself.
            if (awaiting_ == Awaiting::selector) {
                awaiting_ = Awaiting::first_select;
            } else {
                selected_ = frame == "+OK\r\n";
                awaiting_ = login_ ? Awaiting::auth : Awaiting::hello;
            }
            return Step::more;
        case Awaiting::auth:
            return on_auth(frame);
        case Awaiting::hello:
            return on_hello(frame);
        case Awaiting::select:
            return on_select(frame);
        case Awaiting::echo:
            awaiting_ = Awaiting::nothing;
            // Who is busy refuses it to everybody, for a while.
            fence_style_ = frame.starts_with('-') && !says_busy(frame) ? FenceStyle::unknown_command : FenceStyle::echo;
            return Step::ready;
        case Awaiting::nothing:
            break;
    }
    return give_up("the node answered more than it was asked\r\n");
}

/// Only what speaks of the login is about the login. A node that is full, or ends, says so before it has read any.
LinkSetup::Step LinkSetup::on_auth(std::string_view frame) {
    if (speaks_of_login(frame)) {
        return refuse(frame);
    }
    if (frame != "+OK\r\n") {
        return give_up(frame);
    }
    awaiting_ = Awaiting::hello;
    return Step::more;
}

/// RESP2 needs no HELLO: nodes before Redis 6 lack it, and a user may be without it.
LinkSetup::Step LinkSetup::on_hello(std::string_view frame) {
    auth_required_ = frame.starts_with("-NOAUTH");
    if (!frame.starts_with('-')) {
        read_hello(frame);
        if (follows_) {
            return Step::unusable;
        }
    } else if (auth_required_) {
        if (resp3_) {
            return refuse(frame);  // it would speak RESP2, to whoever may use it later
        }
    } else {
        if (!frame.starts_with("-NOPERM") && !frame.starts_with("-ERR unknown command") &&
            !frame.starts_with("-NOPROTO")) {
            return give_up(frame);
        }
        if (resp3_) {
            return refuse(frame);
        }
    }
    awaiting_ = select_ ? Awaiting::select : Awaiting::echo;
    return Step::more;
}

/// Without a login the database is not selected either. The link would carry on in database 0 once none is wanted.
LinkSetup::Step LinkSetup::on_select(std::string_view frame) {
    const bool kept = selected_ && frame.starts_with("-NOPERM");
    // Where the node is busy, whoever wants that database is told what Redis would tell it.
    if (says_busy(frame) || frame.starts_with("-NOAUTH") || (frame.starts_with("-NOPERM") && !kept) ||
        speaks_of_database(frame)) {
        return refuse(frame);
    }
    if (frame.starts_with('-') && !kept) {
        return give_up(frame);
    }
    awaiting_ = Awaiting::echo;
    return Step::more;
}

LinkSetup::Step LinkSetup::refuse(std::string_view frame) {
    error_ = frame;
    return Step::refused;
}

LinkSetup::Step LinkSetup::give_up(std::string_view frame) {
    const std::string_view said = frame.substr(frame.starts_with('-') ? 1 : 0);
    reason_ = said.substr(0, std::min(said.find('\r'), kAnswerShown));
    return Step::unusable;
}

void LinkSetup::read_hello(std::string_view frame) {
    const auto answer = resp::ReplyView::whole(frame);
    const auto take = [&](std::string& into, std::string_view key) {
        const auto found = answer.value_of(key).text();
        if (found && !found->empty() && found->size() <= kLongestWord) {
            into = *found;
        }
    };
    take(hello_.server, "server");
    take(hello_.version, "version");
    take(hello_.mode, "mode");
    // A node that restarted comes back as a replica, with whatever data it finds.
    const auto role = answer.value_of("role").text();
    follows_ = !may_follow_ && (role == "replica" || role == "slave");
    const auto id = answer.value_of("id").integer().value_or(0);
    connection_id_ = id > 0 ? static_cast<std::uint64_t>(id) : 0;
}

}  // namespace portal::upstream
