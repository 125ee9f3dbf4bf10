#include "session/scripts.hpp"

#include "command/classifier.hpp"
#include "resp/frame_scanner.hpp"
#include "resp/reply_view.hpp"
#include "session/session_context.hpp"

#include <memory>
#include <utility>

namespace portal::session {

using command::ScriptUse;
using Kind = ScriptCache::Kind;
using Proof = ScriptCache::Proof;

namespace {

/// Scripts that wait to be handed to other shards; those that would be dropped there anyway are not.
constexpr std::size_t kMostFresh = 2 * ScriptCache::kMostEvaluated;

bool is_forbidden(const resp::ReplyHead& reply) {
    return reply.is_error() && (reply.bytes().starts_with("-NOPERM") || reply.bytes().starts_with("-NOAUTH"));
}

}  // namespace

void Scripts::note_answer(const Row& row, std::string_view command, const resp::ReplyHead& reply,
                          const command::CredentialsPtr& by) {
    if (!cache_.enabled() || command.empty()) {  // of a large request nothing is there any more
        return;
    }
    const resp::RequestView request(command);
    if (request.argc() < 2) {
        return;
    }
    switch (row.scripts) {
        case ScriptUse::none:
            return;
        case ScriptUse::text:
            // A script that ran may end in any error; the node knows whether it did. One that was not allowed to run
            // must not take the place of others.
            if (!is_forbidden(reply)) {
                accept(request.arg(1), Kind::evaluated, reply.is_error() ? Proof::owed : Proof::given, by);
            }
            break;
        case ScriptUse::digest:
            if (!reply.is_error()) {
                cache_.note_known(request.arg(1));
            }
            break;
        case ScriptUse::load:
            if (const auto digest = resp::ReplyView::whole(reply.bytes()).text(); digest && request.argc() == 3) {
                accept(request.arg(2), Kind::kept, Proof::given, by, digest->empty() ? "none" : *digest);
            }
            break;
        case ScriptUse::exists:
            note_exists(request, reply.bytes());
            break;
        case ScriptUse::flush:
            if (!reply.is_error()) {
                doubt_everywhere();
            }
            break;
    }
    count();
}

void Scripts::note_exists(const resp::RequestView& request, std::string_view bytes) {
    resp::ReplyView::Elements answers = resp::ReplyView::whole(bytes).elements();
    if (answers.left() + 2 != request.argc()) {
        return;
    }
    for (std::size_t i = 2; i < request.argc(); ++i) {
        const std::string digest = lower_digest(request.arg(i));
        if (answers.next().integer() == 1 && digest == request.arg(i)) {
            cache_.note_known(digest);
        }
    }
}

void Scripts::note_executed(std::string_view frames, const command::CredentialsPtr& by) {
    resp::RequestScanner scanner(context_.limits.logged_in);
    while (cache_.enabled() && !frames.empty()) {
        const resp::ScanResult each = scanner.scan(frames);
        if (each.status != resp::ScanStatus::complete) {
            break;  // cannot be: the frames were whole when they were sent
        }
        const resp::RequestView request(frames.substr(0, each.size));
        frames.remove_prefix(each.size);
        const ScriptUse use = command::classify(request).scripts;
        if (use == ScriptUse::text && request.argc() > 2) {
            accept(request.arg(1), Kind::evaluated, Proof::owed, by);
        } else if (use == ScriptUse::load && request.argc() == 3) {
            accept(request.arg(2), Kind::kept, Proof::owed, by);
        } else if (use == ScriptUse::flush) {
            doubt_everywhere();
        }
    }
    count();
}

void Scripts::accept(std::string_view body, Kind kind, Proof proof, const command::CredentialsPtr& by,
                     std::string_view digest) {
    if (ScriptPtr script = cache_.accept(body, kind, proof, by, digest);
        script && context_.peers.shards() > 1 && fresh_.size() < kMostFresh) {
        fresh_.push_back({std::move(script), kind});
    }
    if (cache_.has_doubtful()) {
        ask_loader();
    }
}

bool Scripts::waits(const Row& row, const resp::RequestView& request) const {
    switch (row.scripts) {
        case ScriptUse::digest:
            return gate_ == Gate::closed || (request.argc() > 1 && awaited_.contains(lower_digest(request.arg(1))));
        case ScriptUse::exists:
            return gate_ == Gate::closed;
        default:
            return false;
    }
}

void Scripts::limit(std::size_t bytes) {
    cache_.limit(bytes);
    count();
}

void Scripts::begin_leader() {
    cache_.drop_doubtful();
    set_gate(cache_.empty() ? Gate::open : Gate::closed);
    count();
}

void Scripts::set_gate(Gate gate, std::set<std::string, std::less<>> awaited) {
    gate_ = gate;
    awaited_ = std::move(awaited);
}

void Scripts::count() const {
    context_.counters.scripts_known.set(cache_.proven());
    context_.counters.script_bytes.set(cache_.bytes());
}

// ------------------------------------------------------------------------------------------------ the other shards

void Scripts::share() {
    if (fresh_.empty()) {
        return;
    }
    auto delivery = std::make_shared<Delivery>();
    delivery->epoch = context_.topology->epoch;
    delivery->node = context_.topology->leader ? context_.topology->leader->name : std::string();
    std::vector<Shared> unproven;
    for (Shared& each : fresh_) {
        if (cache_.is_proven(each.script->digest)) {
            delivery->scripts.push_back(std::move(each));
        } else if (cache_.contains(each.script->digest)) {
            unproven.push_back(std::move(each));
        }
    }
    fresh_ = std::move(unproven);
    if (delivery->scripts.empty()) {
        return;
    }
    context_.peers.post_to_others(context_.shard, [delivery](SessionContext& there) { there.scripts.take(*delivery); });
}

void Scripts::take(const Delivery& delivery) {
    bool any_new = false;
    for (const Shared& each : delivery.scripts) {
        any_new = (cache_.enabled() && cache_.accept(each.script, each.kind)) || any_new;
    }
    // Here another node is routed to, or another one by now.
    if (any_new && context_.topology->leader &&
        (delivery.epoch != context_.topology->epoch || delivery.node != context_.topology->leader->name)) {
        lacking_ = true;
        ask_loader();
    }
    count();
}

void Scripts::doubt_everywhere() {
    context_.peers.post_to_others(context_.shard, [](SessionContext& there) { there.scripts.doubt(); });
    doubt();
}

void Scripts::ask_loader() const {
    if (work_) {
        work_();
    }
}

void Scripts::doubt() {
    cache_.doubt();
    if (cache_.has_doubtful()) {
        ask_loader();
    }
}

}  // namespace portal::session
