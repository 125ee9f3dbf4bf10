#include "upstream/proof_link.hpp"

#include "observe/log.hpp"
#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

namespace {

constexpr auto kSource = "proven writes";
/// How long a round waits for the replicas. A round that was not confirmed makes new writes wait.
constexpr std::chrono::milliseconds kRound{250};
/// A leader that does not answer the questions of a round is asked again after this long.
constexpr std::chrono::seconds kAskAgain{1};
/// Characters of an unexpected answer that are logged.
constexpr std::size_t kAnswerLogged = 200;

/// How many have confirmed, as WAIT answers.
std::uint64_t replicas_in(std::string_view answer) {
    const auto count = resp::ReplyView::whole(answer).integer().value_or(0);
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

}  // namespace

ProofLink::ProofLink(const Parts& parts, Events events)
    : login_(parts.login),
      permit_(parts.permit),
      turn_(parts.turn),
      links_(parts.links),
      counters_(parts.counters),
      events_(std::move(events)),
      proof_(parts.strict) {
    resp::write_request(role_, "ROLE");
}

WriteProof::Place ProofLink::place(Ticket& ticket) {
    const WriteProof::Place place = proof_.place(permitted());
    if (place == WriteProof::Place::wait) {
        ticket = proof_.gathering();
        turn_.mark(*this);  // the round begins when all replies of this turn have come
    }
    return place;
}

void ProofLink::on_leader_ready() {
    login_known_ = true;
    connect();
}

void ProofLink::use_login(LinkIdentity login) {
    login_ = std::move(login);
    refused_until_ = {};
}

void ProofLink::connect() {
    if (link_ || !login_known_ || !links_.usable() || turn_.now() < refused_until_) {
        return;
    }
    link_ = links_.reserve(links_.auth_required() ? login_ : LinkIdentity{}, *this);
    proof_.link_opened();
    ask(role_, greeting);
}

void ProofLink::require(std::vector<replication::Confirmer> confirmers) {
    finishing_ = false;
    take_over(std::move(confirmers));
}

void ProofLink::finish(std::vector<replication::Confirmer> confirmers) {
    finishing_ = true;
    take_over(std::move(confirmers));
    turn_.mark(*this);
}

void ProofLink::take_over(std::vector<replication::Confirmer> confirmers) {
    if (confirmers == proof_.required()) {
        return;
    }
    std::string names;
    for (const replication::Confirmer& each : confirmers) {
        names += (names.empty() ? "" : " ") + each.name;
    }
    observe::log_debug(kSource, "replicas that confirm writes", {{"replicas", names}});
    proof_.require(std::move(confirmers));
    turn_.mark(*this);
}

void ProofLink::tick() {
    connect();
    if (proof_.round_due()) {
        turn_.mark(*this);
    }
    if (proof_.release_unrequired(permitted())) {
        release();
    }
    note_open();
}

/// At the end of the turn: the round covers all replies that have come.
void ProofLink::flush() {
    if (proof_.release_unrequired(permitted())) {
        release();
    }
    note_open();
    if (!link_ || !proof_.round_due() || !permitted()) {
        return;
    }
    const std::size_t replicas = proof_.begin(turn_.now());
    ask(role_, offset_before);
    wait_.clear();
    resp::write_request(wait_, "WAIT", std::to_string(replicas), std::to_string(kRound.count()));
    ask(wait_, wait);
    ask(role_, offsets_after);
}

void ProofLink::ask(std::string_view command, Question question) {
    PendingRequest pending;
    pending.sink = ReplySinkPtr(this);
    pending.tag = question;
    link_->submit(command, std::move(pending));
}

bool ProofLink::on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view /*command*/) {
    const std::string_view bytes = reply.bytes();
    if (!link_) {
        return true;
    }
    switch (static_cast<Question>(request.tag)) {
        case greeting:
            take_greeting(bytes);
            break;
        case offset_before:
            proof_.note_offset(parse_leader_role(bytes));
            break;
        case wait:
            proof_.note_waited(replicas_in(bytes));
            if (bytes.starts_with('-')) {
                complain(bytes);
            }
            break;
        case offsets_after:
            finish_round(bytes);
            break;
    }
    return true;
}

void ProofLink::take_greeting(std::string_view bytes) {
    if (!parse_leader_role(bytes)) {
        complain(bytes);
        refused_until_ = turn_.now() + kAskAgain;
        const LinkPtr link(link_.get());
        link->end("it does not confirm writes");  // tells on_pinned_lost
        return;
    }
    complained_ = false;
    proof_.link_ready();
    turn_.mark(*this);
}

void ProofLink::finish_round(std::string_view bytes) {
    const bool was_failing = proof_.failing();
    if (const auto took = proof_.finish(parse_leader_role(bytes), permitted(), turn_.now())) {
        counters_.proofs.add();
        counters_.proof_times.note(*took);
        release();
    } else if (proof_.failing()) {
        counters_.proofs_failed.add();
    }
    if (proof_.failing() != was_failing) {
        observe::log(was_failing ? observe::LogLevel::info : observe::LogLevel::warn, kSource,
                     was_failing ? "replicas confirm writes again" : "no replica has confirmed in time");
    }
    note_open();
    if (proof_.due_at_once()) {
        turn_.mark(*this);
    }
}

void ProofLink::release() {
    events_.proven(proof_.proven());
}

void ProofLink::note_open() {
    if (std::exchange(was_open_, proof_.open()) != proof_.open() && proof_.open()) {
        events_.opened();
    }
}

void ProofLink::complain(std::string_view answer) {
    if (!std::exchange(complained_, true)) {
        observe::log_error(kSource,
                           "the leader does not answer ROLE and WAIT, so no write can be confirmed; the "
                           "monitor's user needs both commands",
                           {{"answer", answer.substr(0, std::min(answer.find('\r'), kAnswerLogged))}});
    }
}

void ProofLink::on_lost(PendingRequest& /*request*/, std::string_view /*command*/, const Loss& /*loss*/) {}

void ProofLink::on_refused(PendingRequest& /*request*/, std::string_view /*command*/, std::string_view error) {
    complain(error);
    refused_until_ = turn_.now() + kAskAgain;
    on_pinned_lost();
}

bool ProofLink::take_push(const resp::ReplyHead& /*frame*/, const PendingRequest* /*front*/) {
    return false;
}

void ProofLink::on_pinned_lost() {
    if (!link_) {
        return;
    }
    link_.reset();
    events_.lost();
    proof_.link_lost();
    was_open_ = proof_.open();
}

}  // namespace portal::upstream
