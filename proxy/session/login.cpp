#include "session/login.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using observe::Closed;

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

upstream::LinkIdentity Login::identity() const {
    return {state().credentials->username, state().credentials->password, state().protocol, state().database,
            state().credentials->proven};
}

bool Login::must_log_in() const noexcept {
    return context().links.auth_required() && state().credentials->username.empty();
}

void Login::accept_hello(const HelloRequest& hello, std::string& answer) {
    if (hello.logs_in) {
        log_in(hello.username, hello.password, false);
    }
    state().protocol = hello.protocol;
    state().name = hello.name.value_or(state().name);
    write_hello(answer);
}

void Login::note_answer(const Row& row, std::string_view command, std::string_view bytes, std::string& replacement) {
    const resp::RequestView request(command);
    if (row.handling == Handling::hello && !resp::is_word(request.arg(0), "auth")) {  // on a link of its own
        if (bytes.front() == '*' || bytes.front() == '%') {
            accept_hello(read_hello(request, state().protocol), replacement);
        }
    } else if (bytes.starts_with("+OK")) {
        const bool with_name = request.argc() > 2;
        log_in(with_name ? request.arg(1) : "default", request.arg(with_name ? 2 : 1), !links().own());
        if (row.handling == Handling::hello) {
            state().protocol = wanted_protocol_;
            if (wanted_name_) {
                state().name = *wanted_name_;
            }
            write_hello(replacement);
        }
    }
    intake().end_reply_wait();
}

void Login::note_selected(std::string_view command) {
    const std::string_view index = resp::RequestView(command).arg(1);
    std::from_chars(index.data(), index.data() + index.size(), state().database);
}

void Login::refuse_before_login(const Row& row, const resp::RequestView& request) {
    if (row.handling == Handling::unknown) {
        replies().reply_error(unknown_command(request));
    } else if (row.arity != 0 && !command::arity_fits(row, request.argc())) {
        replies().reply_error(client_errors::wrong_arity(row));
    } else {
        replies().reply_error(client_errors::kNoAuth);
    }
}

bool Login::begin_auth(const Row& row, const resp::RequestView& request) {
    if (request.argc() > 3) {
        replies().reply_error(client_errors::kSyntax);
        return true;
    }
    if (!order().idle() && links().needs_own()) {
        intake().pause(Wait::drained);  // what comes before it is judged by the rights that the client had
        return false;
    }
    return ask_first(links().needs_own() ? &links().link_for(true) : nullptr, row, request.frame(),
                     upstream::Effect::lasting);
}

bool Login::begin_hello(const Row& row, const resp::RequestView& request) {
    HelloRequest hello = read_hello(request, state().protocol);
    if (!hello.error.empty()) {
        replies().reply_error(hello.error);
        return true;
    }
    if (hello.logs_in) {
        wanted_protocol_ = hello.protocol;
        wanted_name_ = std::move(hello.name);
        if (!order().idle() && links().needs_own()) {
            intake().pause(Wait::drained);
            return false;
        }
        if (links().needs_own()) {
            // What the client has begun there goes on as the new user and in the new protocol.
            return ask_first(&links().link_for(true), row, request.frame(), upstream::Effect::lasting);
        }
        std::string auth;
        resp::write_request(auth, "AUTH", hello.username, hello.password);
        return ask_first(nullptr, row, auth, upstream::Effect::lasting);
    }
    if (must_log_in()) {
        replies().reply_error(client_errors::kHelloNoAuth);
        return true;
    }
    if (!order().idle()) {  // replies to what was sent before are in the old protocol
        intake().pause(Wait::drained);
        return false;
    }
    if (links().own() && links().needs_own() && hello.protocol != state().protocol) {
        wanted_protocol_ = hello.protocol;
        wanted_name_ = std::move(hello.name);
        return ask_first(links().own().get(), row, request.frame(), upstream::Effect::lasting);
    }
    state().protocol = hello.protocol;
    if (hello.name) {
        state().name = *hello.name;
    }
    std::string out;
    write_hello(out);
    replies().reply(std::move(out));
    return true;
}

bool Login::begin_select(const Row& row, const resp::RequestView& request) {
    const auto index = resp::to_integer(request.arg(1));
    if (!index) {
        replies().reply_error(client_errors::kNotInteger);
        return true;
    }
    if (*index < 0 || *index > kDatabaseCeiling) {
        replies().reply_error(client_errors::kDatabaseRange);
        return true;
    }
    if (!context().forwarding()) {
        return ask_first(nullptr, row, request.frame(), upstream::Effect::lasting);
    }
    if (links().own() && !order().idle()) {  // what is on its way decides whether the pinned link stays
        intake().pause(Wait::drained);
        return false;
    }
    if (links().own() && links().needs_own()) {
        return ask_first(links().own().get(), row, request.frame(), upstream::Effect::lasting);
    }
    upstream::LinkIdentity wanted = identity();
    wanted.database = static_cast<std::uint32_t>(*index);
    // On the link for that database nothing changes; but the node tells whether there is such a database and whether
    // this user may select it.
    return ask_first(&context().links.shared(wanted), row, request.frame(), upstream::Effect::none);
}

/// Sends `frame` on `link` (null: the link for logins, or one of its own if it is large) and takes no further command
/// until it is answered. False: wait.
/// `effect`: on that link.
bool Login::ask_first(upstream::Link* link, const Row& row, std::string_view frame, upstream::Effect effect) {
    if (!context().forwarding()) {
        if (hold().refusing()) {
            replies().reply_error(std::string(client_errors::kNoLeader) + std::string(links().no_leader_reason()));
            return true;
        }
        hold().begin();
        return false;
    }
    if (link == nullptr && is_large(frame)) {
        if (!order().idle()) {
            intake().pause(Wait::drained);
            return false;
        }
        if (!links().has_link_for(route::Destination::pinned)) {
            if (hold().refusing()) {
                replies().reply_error(std::string(client_errors::kNoLeader) + std::string(links().no_leader_reason()));
                return true;
            }
            hold().begin();
            return false;
        }
        link = &links().link_for(true);
    } else if (link == nullptr) {
        link = &context().links.auth_link();
    }
    if (!order().may_use(link)) {
        intake().pause(Wait::drained);
        return false;
    }
    links().submit(*link, row, frame, effect);
    intake().pause(Wait::reply);
    return true;
}

void Login::write_hello(std::string& out) const {
    const upstream::ServerHello& hello = context().links.hello();
    resp::write_map_header(out, 7, state().protocol);
    resp::write_bulk(out, "server");
    resp::write_bulk(out, hello.server);
    resp::write_bulk(out, "version");
    resp::write_bulk(out, hello.version);
    resp::write_bulk(out, "proto");
    resp::write_integer(out, state().protocol == resp::Protocol::resp3 ? 3 : 2);
    resp::write_bulk(out, "id");
    resp::write_integer(out, static_cast<std::int64_t>(connection().origin().id));
    resp::write_bulk(out, "mode");
    resp::write_bulk(out, hello.mode);
    resp::write_bulk(out, "role");
    resp::write_bulk(out, context().reads_only ? "replica" : "master");
    resp::write_bulk(out, "modules");
    resp::write_array_header(out, 0);
}

void Login::log_in(std::string_view username, std::string_view password, bool proven) {
    state().credentials = std::make_shared<const command::Credentials>(
        command::Credentials{std::string(username), std::string(password), proven});
}

void Login::on_login_refused() {
    if (!connection().closed()) {
        connection().cut_off(Closed::login);
    }
}

void Login::on_login_required() {
    if (state().credentials->username.empty() && (links().needs_own() || links().own() || state().listens)) {
        on_login_refused();
    }
}

upstream::Link* Login::link_again(Lost& lost, const Row& row) {
    if ((links().needs_own() && links().own()) || is_large(lost.command)) {
        return links().has_link_for(route::Destination::pinned) ? &links().link_for(true) : nullptr;
    }
    const resp::RequestView request(lost.command);
    if (row.handling == Handling::hello && !resp::is_word(request.arg(0), "auth")) {
        const HelloRequest hello = read_hello(request, state().protocol);
        std::string login;
        resp::write_request(login, "AUTH", hello.username, hello.password);
        lost.command = std::move(login);
    }
    return &context().links.auth_link();
}

}  // namespace portal::session
