#include "session/token_login.hpp"

#include "conversation/client_errors.hpp"
#include "observe/log.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;

namespace {

constexpr auto kSource = "identity";
/// Whoever has not gone after its last answer by then (it is blocked, or reads nothing) is cut off.
constexpr std::chrono::milliseconds kPatience{500};

/// The request with the user and the password that the node is asked for.
std::string rewritten(const command::CommandRow& row, const HelloRequest& hello, const resp::RequestView& request,
                      const identity::Verdict& verdict) {
    std::string frame;
    if (row.handling == Handling::auth) {
        resp::write_request(frame, "AUTH", verdict.user, verdict.password);
    } else if (hello.name) {
        resp::write_request(frame, "HELLO", request.arg(1), "AUTH", verdict.user, verdict.password, "SETNAME",
                            *hello.name);
    } else {
        resp::write_request(frame, "HELLO", request.arg(1), "AUTH", verdict.user, verdict.password);
    }
    return frame;
}

}  // namespace

TokenLogin::Asked TokenLogin::judge(const Row& row, const resp::RequestView& request) {
    if (context().identities.verdicts.verifier() == nullptr) {
        return {};
    }
    HelloRequest hello;
    std::string_view secret;
    if (row.handling == Handling::auth && request.argc() >= 2 && request.argc() <= 3) {
        secret = request.arg(request.argc() - 1);
    } else if (row.handling == Handling::hello) {
        hello = read_hello(request, state().protocol);
        secret = hello.error.empty() && hello.logs_in ? std::string_view(hello.password) : std::string_view();
    }
    identity::Verdict verdict = context().identities.verdicts.judge(secret, std::chrono::system_clock::now());
    switch (verdict.kind) {
        case identity::Verdict::Kind::not_ours:
            break;
        case identity::Verdict::Kind::refused:
            note_refused(verdict);
            return {.refused = true, .frame = {}, .identity = {}};
        case identity::Verdict::Kind::accepted:
            return {.refused = false,
                    .frame = rewritten(row, hello, request, verdict),
                    .identity = std::move(verdict.identity)};
    }
    return {};
}

void TokenLogin::note_refused(const identity::Verdict& verdict) const {
    context().identities.issuers[slot_of(verdict.issuer)].refused.add();
    observe::log_repeated(observe::LogLevel::warn, kSource, "a login by token was refused",
                          {"client", connection().origin().remote.address().to_string()},
                          {{"why", "the token " + std::string(identity::sentence_of(verdict.refusal))},
                           {"issuer", verdict.issuer},
                           {"user", verdict.user}});
}

TokenLogin::Held& TokenLogin::held() {
    if (held_ == nullptr) {
        held_ = std::make_unique<Held>();
    }
    return *held_;
}

void TokenLogin::expect(IdentityPtr identity) {
    if (identity != nullptr || held_ != nullptr) {
        held().expected = std::move(identity);
    }
}

IdentityPtr TokenLogin::answered(bool accepted) {
    IdentityPtr identity = held_ == nullptr ? nullptr : std::exchange(held_->expected, nullptr);
    if (identity != nullptr && !accepted) {
        context().identities.issuers[slot_of(identity->issuer)].refused.add();
        const auto& verifier = context().identities.verdicts.verifier();
        const std::string user = verifier != nullptr ? verifier->judge_again(identity).user : std::string();
        observe::log_repeated(observe::LogLevel::warn, kSource,
                              "a token is good, but Redis does not let the portal log in as its user: it is missing, "
                              "off, or lacks the password in identity.users",
                              {"user", user}, {{"issuer", identity->issuer}});
        return nullptr;
    }
    return identity;
}

void TokenLogin::use(IdentityPtr identity) {
    if (identity == nullptr && held_ == nullptr) {
        return;
    }
    Held& held = this->held();
    if (held.identity != nullptr) {
        context().identities.issuers[slot_of(held.identity->issuer)].sessions.subtract();
    }
    held.identity = std::move(identity);
    session_.RegistryHook<TokenTag>::unlink();
    if (held.identity == nullptr) {
        return;
    }
    observe::IssuerCounters& issuer = context().identities.issuers[slot_of(held.identity->issuer)];
    issuer.accepted.add();
    issuer.sessions.add();
    context().registry.by_token.push_back(session_);
    const auto left = held.identity->good_until - std::chrono::system_clock::now();
    held.good_until = context().turn.now() + std::chrono::duration_cast<Time::duration>(left);
    judge_again();  // a reload may have come between
    if (held.good_until <= context().turn.now()) {
        end(client_errors::kTokenEnded);
    }
}

bool TokenLogin::queued_is_over(const QueuedCommands& queued) const {
    const auto now = std::chrono::system_clock::now();
    for (const QueuedCommands::Own& each : queued.own()) {
        const bool logs_in = each.row->handling == Handling::auth || each.row->handling == Handling::hello;
        if (!logs_in || each.kept == nullptr) {
            continue;
        }
        const IdentityPtr& identity = static_cast<const KeptIdentity&>(*each.kept).identity;
        const identity::Verdict verdict = verdict_of(identity);
        const resp::RequestView asked(each.frame);  // as rewritten() has made it
        const std::string_view user = asked.arg(each.row->handling == Handling::auth ? 1 : 3);
        if (now >= identity->accepted_until || verdict.kind != identity::Verdict::Kind::accepted ||
            verdict.user != user) {
            context().identities.issuers[slot_of(identity->issuer)].refused.add();
            observe::log_repeated(
                observe::LogLevel::warn, kSource, "a login by token was refused",
                {"client", connection().origin().remote.address().to_string()},
                {{"why", "the token has ended, or is accepted no more for that user, since it was queued"},
                 {"issuer", identity->issuer}});
            return true;
        }
    }
    return false;
}

identity::Verdict TokenLogin::verdict_of(const IdentityPtr& identity) const {
    const auto& verifier = context().identities.verdicts.verifier();
    identity::Verdict verdict;
    if (verifier != nullptr) {
        verdict = verifier->judge_again(identity);
    }
    return verdict;
}

void TokenLogin::check() {
    const Time now = context().turn.now();
    const Held& held = this->held();
    const bool renewing =
        held.expected != nullptr && now < held.good_until + kPatience;  // the node is asked for its next login
    if (!held.ending_since && (now < held.good_until || renewing)) {
        return;
    }
    end(client_errors::kTokenEnded);
    if (held_ != nullptr && now - held_->ending_since.value_or(now) >= kPatience) {
        connection().cut_off(Closed::token);
    }
}

void TokenLogin::judge_again() {
    if (held_ == nullptr || held_->identity == nullptr || held_->ending_since) {
        return;
    }
    const identity::Verdict verdict = verdict_of(held_->identity);
    const command::Credentials& present = *state().credentials;
    if (verdict.kind != identity::Verdict::Kind::accepted || verdict.user != present.username) {
        end(client_errors::kTokenRevoked);
    } else if (verdict.password != present.password) {
        state().credentials = std::make_shared<const command::Credentials>(
            command::Credentials{present.username, verdict.password, present.proven, true});
    }
}

/// What is on its way is still answered. The error then tells the client why there is nothing more.
void TokenLogin::end(std::string_view error) {
    if (held().ending_since || connection().closed()) {
        return;
    }
    held().ending_since = context().turn.now();
    if (connection().ended() || relay().active()) {
        return;  // an error would stand among what somebody else says: cut off
    }
    if (exec().busy()) {  // likewise, but what stands behind EXEC must not be taken
        connection().end(Closed::token);
        mark();
        return;
    }
    large().give_up();
    replies().reply_error(error);
    connection().end(Closed::token);
    mark();
}

void TokenLogin::leave() noexcept {
    if (held_ != nullptr && held_->identity != nullptr) {
        context().identities.issuers[slot_of(held_->identity->issuer)].sessions.subtract();
    }
    held_.reset();
    session_.RegistryHook<TokenTag>::unlink();
}

std::size_t TokenLogin::slot_of(std::string_view issuer) const noexcept {
    const auto& names = context().identities.issuer_names;
    const auto found = names == nullptr ? 0 : std::ranges::find(*names, issuer) - names->begin() + 1;
    return names != nullptr && static_cast<std::size_t>(found) <= names->size() ? static_cast<std::size_t>(found) : 0;
}

}  // namespace portal::session
