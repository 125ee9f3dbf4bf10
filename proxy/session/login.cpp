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
    const command::Credentials& login = *state().credentials;
    return {login.username, login.password, state().protocol, state().database,
            login.proven,   selector_,      login.by_token};
}

void Login::accept_hello(const HelloRequest& hello, std::string& answer, IdentityPtr identity) {
    if (hello.logs_in) {
        log_in(hello.username, hello.password, false, std::move(identity));
    }
    speak(hello.protocol);
    state().name = hello.name.value_or(state().name);
    write_hello(answer);
}

void Login::note_answer(const Row& row, std::string_view command, std::string_view bytes, std::string& replacement) {
    const LoginChange change = read_login_answer(row, resp::RequestView(command), bytes, state().protocol);
    IdentityPtr identity = tokens().answered(change.accepted);
    if (change.hello) {
        accept_hello(*change.hello, replacement, std::move(identity));
    } else if (change.accepted) {
        log_in(change.username, change.password, !links().own(), std::move(identity));
        if (row.handling == Handling::hello && wanted_) {
            speak(wanted_->protocol);
            state().name = wanted_->name.value_or(state().name);
            write_hello(replacement);
        }
    }
    intake().end_reply_wait();
}

void Login::speak(resp::Protocol protocol) noexcept {
    state().protocol = protocol;
    if (protocol == resp::Protocol::resp2) {
        notices().forget();
    }
}

void Login::note_selected(std::string_view command) {
    const std::string_view index = resp::RequestView(command).arg(1);
    std::from_chars(index.data(), index.data() + index.size(), state().database);
    selector_.reset();
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

bool Login::begin(const Row& row, const resp::RequestView& request) {
    const LoginFacts facts{.protocol = state().protocol,
                           .must_log_in = must_log_in(),
                           .forwarding = context().forwarding(),
                           .idle = order().idle(),
                           .has_own = static_cast<bool>(links().own()),
                           .needs_own = links().needs_own()};
    if (row.handling == Handling::select) {
        return carry_out(row, begin_select(request, facts));
    }
    TokenLogin::Asked asked = tokens().judge(row, request);
    if (asked.refused) {
        replies().reply_error(client_errors::kWrongPass);
        return true;
    }
    tokens().expect(std::move(asked.identity));
    const resp::RequestView login(asked.frame.empty() ? request.frame() : std::string_view(asked.frame));
    return carry_out(row, row.handling == Handling::auth ? begin_auth(login, facts) : begin_hello(login, facts));
}

bool Login::carry_out(const Row& row, LoginStep step) {
    switch (step.kind) {
        case LoginStep::Kind::refuse:
            replies().reply_error(step.error);
            return true;
        case LoginStep::Kind::wait:
            intake().pause(Wait::drained);
            return false;
        case LoginStep::Kind::accept: {
            std::string answer;
            accept_hello(step.hello, answer, nullptr);
            replies().reply(std::move(answer));
            return true;
        }
        case LoginStep::Kind::ask:
            break;
    }
    if (row.handling == Handling::hello) {
        wanted_ = std::make_unique<Wanted>(Wanted{step.hello.protocol, std::move(step.hello.name)});
    }
    if (!context().forwarding()) {
        return refuse_or_hold();
    }
    upstream::Link* link = nullptr;
    if (step.where == LoginStep::Where::database) {
        link = &links().database_link(step.database);
    } else if (step.where == LoginStep::Where::logins && !is_large(step.frame)) {
        link = &links().login_link();
    } else if (step.where == LoginStep::Where::logins && !order().idle()) {  // it travels alone
        intake().pause(Wait::drained);
        return false;
    } else if (!links().has_link_for(route::Destination::pinned) || links().must_track_again()) {
        return refuse_or_hold();
    } else {
        link = &links().link_for(true);
    }
    if (!order().may_use(link)) {
        intake().pause(Wait::drained);
        return false;
    }
    links().submit(*link, row, step.frame, step.effect);
    intake().pause(Wait::reply);
    return true;
}

/// There is nobody to ask. False: waits.
bool Login::refuse_or_hold() {
    if (!hold().refusing()) {
        hold().begin();
        return false;
    }
    replies().reply_error(std::string(client_errors::kNoLeader) + std::string(links().no_leader_reason()));
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

void Login::log_in(std::string_view username, std::string_view password, bool proven, IdentityPtr identity) {
    if (state().database != 0 && selector_ == nullptr && state().credentials->username != username) {
        selector_ = std::make_shared<const upstream::Selector>(upstream::Selector{
            state().credentials->username, state().credentials->password, state().credentials->by_token});
    }
    state().credentials = std::make_shared<const command::Credentials>(
        command::Credentials{std::string(username), std::string(password), proven, identity != nullptr});
    tokens().use(std::move(identity));
}

void Login::renew_selector(const identity::Verifier& verifier) {
    if (selector_ == nullptr || !selector_->by_token) {
        return;
    }
    const auto password = verifier.password_of(selector_->username);
    if (password && *password != selector_->password) {
        selector_ = std::make_shared<const upstream::Selector>(
            upstream::Selector{selector_->username, std::string(*password), true});
    }
}

void Login::reset() noexcept {
    wanted_.reset();
    selector_.reset();
    tokens().use(nullptr);
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
        lost.command = auth_of(read_hello(request, state().protocol));
    }
    return &links().login_link();
}

}  // namespace portal::session
