#include "conversation/login_rules.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"

#include <utility>

namespace portal::conversation {

namespace {

using Kind = LoginStep::Kind;
using Where = LoginStep::Where;

/// Databases up to this number are asked for at the node; it knows how many it really has.
constexpr std::int64_t kDatabaseCeiling = 65535;

LoginStep refused(std::string_view error) {
    return {.kind = Kind::refuse, .error = std::string(error)};
}

}  // namespace

LoginStep begin_auth(const resp::RequestView& request, const LoginFacts& facts) {
    if (request.argc() > 3) {
        return refused(client_errors::kSyntax);
    }
    if (!facts.idle && facts.needs_own) {
        return {.kind = Kind::wait};
    }
    return {.where = facts.needs_own ? Where::own : Where::logins, .frame = std::string(request.frame())};
}

LoginStep begin_hello(const resp::RequestView& request, const LoginFacts& facts) {
    HelloRequest hello = read_hello(request, facts.protocol);
    if (!hello.error.empty()) {
        return refused(hello.error);
    }
    if (!hello.logs_in && facts.must_log_in) {
        return refused(client_errors::kHelloNoAuth);
    }
    // Without a login: replies to what was sent before are in the old protocol.
    if (!facts.idle && (!hello.logs_in || facts.needs_own)) {
        return {.kind = Kind::wait};
    }
    LoginStep step;
    if (hello.logs_in && !facts.needs_own) {
        step.frame = auth_of(hello);
    } else if (hello.logs_in || (facts.has_own && facts.needs_own && hello.protocol != facts.protocol)) {
        step.where = Where::own;
        step.frame = request.frame();
    } else {
        step.kind = Kind::accept;
    }
    step.hello = std::move(hello);
    return step;
}

LoginStep begin_select(const resp::RequestView& request, const LoginFacts& facts) {
    const auto index = resp::to_integer(request.arg(1));
    if (!index) {
        return refused(client_errors::kNotInteger);
    }
    if (*index < 0 || *index > kDatabaseCeiling) {
        return refused(client_errors::kDatabaseRange);
    }
    if (facts.forwarding && facts.has_own && !facts.idle) {  // what is on its way decides whether that link stays
        return {.kind = Kind::wait};
    }
    LoginStep step{.frame = std::string(request.frame()), .database = static_cast<std::uint32_t>(*index)};
    if (facts.has_own && facts.needs_own) {
        step.where = Where::own;
    } else {
        step.where = Where::database;
        step.effect = upstream::Effect::none;
    }
    return step;
}

std::string auth_of(const HelloRequest& hello) {
    std::string frame;
    resp::write_request(frame, "AUTH", hello.username, hello.password);
    return frame;
}

LoginChange read_login_answer(const command::CommandRow& row, const resp::RequestView& command, std::string_view bytes,
                              resp::Protocol present) {
    LoginChange change;
    if (row.handling == command::Handling::hello && !resp::is_word(command.arg(0), "auth")) {
        change.accepted = bytes.starts_with('*') || bytes.starts_with('%');
        if (change.accepted) {
            change.hello = read_hello(command, present);
        }
        return change;
    }
    change.accepted = bytes.starts_with("+OK");
    const bool named = command.argc() > 2;
    change.username = named ? command.arg(1) : "default";
    change.password = command.arg(named ? 2 : 1);
    return change;
}

}  // namespace portal::conversation
