// Session: the commands that the portal answers itself, because what they speak of is the portal's: login, protocol,
// database. The CLIENT command has a file of its own.
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;

namespace {

/// Databases up to this number are asked for at the node; it knows how many it really has.
constexpr std::int64_t kDatabaseCeiling = 65535;

/// As redis-server words it: at most 128 bytes of the name and of all arguments, each as far as a C string goes.
std::string unknown_command(const resp::RequestView& request) {
    constexpr std::size_t kShown = 128;
    const auto shown = [](std::string_view word, std::size_t most) {
        return word.substr(0, std::min(word.find('\0'), most));
    };
    std::string arguments;
    for (std::size_t i = 1; i < request.argc() && arguments.size() < kShown; ++i) {
        arguments += fmt::format("'{}' ", shown(request.arg(i), kShown - arguments.size()));
    }
    return fmt::format("ERR unknown command '{}', with args beginning with: {}", shown(request.arg(0), kShown),
                       arguments);
}

}  // namespace

/// Redis finds out whether it knows a command and its number of words before it asks who calls.
void Session::refuse_before_login(const Row& row, const resp::RequestView& request) {
    if (row.handling == Handling::unknown) {
        reply_error(unknown_command(request));
    } else if (row.arity != 0 && !command::arity_fits(row, request.argc())) {
        reply_error(client_errors::wrong_arity(row));
    } else {
        reply_error(client_errors::kNoAuth);
    }
}

void Session::reply(std::string bytes) {
    context_.counters.commands_local.add();
    if (executed_) {
        give_result(bytes);
        return;
    }
    order_.finish(order_.open(), muted_ ? std::string() : std::move(bytes), output_);
    context_.turn.mark(*this);
}

/// False: must wait, and is asked again.
bool Session::answer_locally(const Row& row, const resp::RequestView& request) {
    std::string out;
    const bool complete = command::arity_fits(row, request.argc());
    const bool aborts = row.handling == Handling::exec;  // with too many words, too
    if (transaction_.phase() == Transaction::Phase::broken && (complete || aborts) && answer_broken_transaction(row)) {
        return true;
    }
    if (!complete) {
        deny(resp::error(client_errors::wrong_arity(row)));
        return true;
    }
    switch (row.handling) {
        case Handling::auth:
            return begin_auth(row, request);
        case Handling::hello:
            return begin_hello(row, request);
        case Handling::select:
            return begin_select(row, request);
        case Handling::ping:  // of a RESP2 subscriber
            if (request.argc() > 2) {
                reply_error(client_errors::wrong_arity(row));
                return true;
            }
            resp::write_array_header(out, 2);
            resp::write_bulk(out, "pong");
            resp::write_bulk(out, request.argc() > 1 ? request.arg(1) : std::string_view());
            reply(std::move(out));
            return true;
        case Handling::quit:
            resp::write_simple(out, "OK");
            reply(std::move(out));
            ended_ = true;
            ending_ = observe::Closed::quit;
            return true;
        case Handling::reset:
            if (!order_.idle()) {
                pause(Wait::drained);
                return false;
            }
            if (pinned_) {
                pinned_->taint();
                pinned_.reset();
            }
            subscriptions_.reset();
            if (tracking_) {
                tracking_->stop();
            }
            transaction_ = {};
            state_.reset();
            selector_ = nullptr;
            muted_ = false;
            resp::write_simple(out, "RESET");
            reply(std::move(out));
            return true;
        default:
            return use_commands().answer(row, request);
    }
}

bool Session::begin_auth(const Row& row, const resp::RequestView& request) {
    if (request.argc() > 3) {
        reply_error(client_errors::kSyntax);
        return true;
    }
    if (!order_.idle() && needs_pinned()) {
        pause(Wait::drained);  // what comes before it is judged by the rights that the client had
        return false;
    }
    return ask_first(needs_pinned() ? &link_for(true) : nullptr, row, request.frame(), upstream::Effect::lasting);
}

bool Session::begin_hello(const Row& row, const resp::RequestView& request) {
    HelloRequest hello = read_hello(request, state_.protocol);
    if (!hello.error.empty()) {
        reply_error(hello.error);
        return true;
    }
    if (hello.logs_in) {
        wanted_protocol_ = hello.protocol;
        wanted_name_ = std::move(hello.name);
        if (!order_.idle() && needs_pinned()) {
            pause(Wait::drained);
            return false;
        }
        if (needs_pinned()) {
            // What the client has begun there goes on as the new user and in the new protocol.
            return ask_first(&link_for(true), row, request.frame(), upstream::Effect::lasting);
        }
        std::string auth;
        resp::write_request(auth, "AUTH", hello.username, hello.password);
        return ask_first(nullptr, row, auth, upstream::Effect::lasting);
    }
    if (must_log_in()) {
        reply_error(client_errors::kHelloNoAuth);
        return true;
    }
    if (!order_.idle()) {  // replies to what was sent before are in the old protocol
        pause(Wait::drained);
        return false;
    }
    if (pinned_ && needs_pinned() && hello.protocol != state_.protocol) {
        wanted_protocol_ = hello.protocol;
        wanted_name_ = std::move(hello.name);
        return ask_first(pinned_.get(), row, request.frame(), upstream::Effect::lasting);
    }
    state_.protocol = hello.protocol;
    if (hello.name) {
        state_.name = *hello.name;
    }
    std::string out;
    write_hello(out);
    reply(std::move(out));
    return true;
}

bool Session::begin_select(const Row& row, const resp::RequestView& request) {
    const auto index = resp::to_integer(request.arg(1));
    if (!index) {
        reply_error(client_errors::kNotInteger);
        return true;
    }
    if (*index < 0 || *index > kDatabaseCeiling) {
        reply_error(client_errors::kDatabaseRange);
        return true;
    }
    if (!context_.forwarding()) {
        return ask_first(nullptr, row, request.frame(), upstream::Effect::lasting);
    }
    if (pinned_ && !order_.idle()) {  // what is on its way decides whether the pinned link stays
        pause(Wait::drained);
        return false;
    }
    if (pinned_ && needs_pinned()) {
        return ask_first(pinned_.get(), row, request.frame(), upstream::Effect::lasting);
    }
    upstream::LinkIdentity wanted = identity();
    wanted.database = static_cast<std::uint32_t>(*index);
    wanted.selector = nullptr;
    // On the link for that database nothing changes; but the node tells whether there is such a database and whether
    // this user may select it.
    return ask_first(&context_.links.shared(wanted), row, request.frame(), upstream::Effect::none);
}

/// Sends `frame` on `link` (null: the link for logins, or one of its own if it is large) and takes no further command
/// until it is answered. False: wait.
/// `effect`: on that link.
bool Session::ask_first(upstream::Link* link, const Row& row, std::string_view frame, upstream::Effect effect) {
    if (!context_.forwarding()) {
        if (refusing_) {
            reply_error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
            return true;
        }
        hold();
        return false;
    }
    if (link == nullptr && is_large(frame)) {
        if (!order_.idle()) {
            pause(Wait::drained);
            return false;
        }
        if (!has_link_for(route::Destination::pinned)) {
            if (refusing_) {
                reply_error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
                return true;
            }
            hold();
            return false;
        }
        link = &link_for(true);
    } else if (link == nullptr) {
        link = &context_.links.auth_link();
    }
    if (!order_.may_use(link)) {
        pause(Wait::drained);
        return false;
    }
    submit(*link, row, frame, effect);
    pause(Wait::reply);
    return true;
}

/// A transaction whose leader was lost before its EXEC. False: the command is none of it.
bool Session::answer_broken_transaction(const Row& row) {
    std::optional<Fate> fate = transaction_.answer_broken(row, state_.protocol);
    if (!fate) {
        return false;
    }
    if (fate->kind == Fate::Kind::in_doubt) {
        tell_in_doubt(order_.open(), client_errors::kInDoubt, muted_);
    } else {
        reply(std::move(fate->bytes));
    }
    if (pinned_ && transaction_.end_watch()) {  // a WATCH since the loss is over, too
        submit_end("UNWATCH");
    }
    return true;
}

void Session::write_hello(std::string& out) const {
    const upstream::ServerHello& hello = context_.links.hello();
    resp::write_map_header(out, 7, state_.protocol);
    resp::write_bulk(out, "server");
    resp::write_bulk(out, hello.server);
    resp::write_bulk(out, "version");
    resp::write_bulk(out, hello.version);
    resp::write_bulk(out, "proto");
    resp::write_integer(out, state_.protocol == resp::Protocol::resp3 ? 3 : 2);
    resp::write_bulk(out, "id");
    resp::write_integer(out, static_cast<std::int64_t>(origin_.id));
    resp::write_bulk(out, "mode");
    resp::write_bulk(out, hello.mode);
    resp::write_bulk(out, "role");
    resp::write_bulk(out, context_.reads_only ? "replica" : "master");
    resp::write_bulk(out, "modules");
    resp::write_array_header(out, 0);
}

}  // namespace portal::session
