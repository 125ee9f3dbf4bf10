#include "session/script_loader.hpp"

#include "observe/log.hpp"
#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

namespace {

constexpr auto kSource = "scripts";
/// Asked for at a time, and loaded at a time.
constexpr std::size_t kBatch = 64;
/// Links that may be lost in one attempt to load.
constexpr int kMostAttempts = 3;
/// Logins that are tried where the portal's own may not load.
constexpr int kMostLogins = 8;
/// So long a text that is not here is waited for: the other portal may have it, and loads it now.
constexpr std::chrono::milliseconds kOthers{500};
/// How often the leader is asked whether somebody has flushed its scripts.
constexpr std::chrono::seconds kPoll{1};
/// A link that nothing was asked on is given back.
constexpr std::chrono::seconds kIdle{10};
/// Of an unexpected answer the first word is logged: what follows may be a piece of a script.
std::string_view first_word(std::string_view answer) {
    constexpr std::size_t kLongest = 32;
    return answer.substr(0, std::min(answer.find_first_of(" \r\n"), kLongest));
}

/// The node serves nobody for now, and says so.
bool says_later(std::string_view answer) {
    return answer.starts_with("-LOADING") || answer.starts_with("-BUSY");
}

}  // namespace

ScriptLoader::ScriptLoader(SessionContext& context, std::function<void()> opened)
    : context_(context), opened_(std::move(opened)) {
    context_.scripts.on_work([this] { context_.turn.mark(*this); });
}

void ScriptLoader::on_leader() {
    stop();
    leader_ready_ = false;
    attempts_ = 0;
    polls_ = true;
    context_.scripts.begin_leader();
    all_due_ = closed_ = !context_.scripts.all_may_pass();
    began_at_ = polled_at_ = now();
}

void ScriptLoader::on_leader_ready() {
    leader_ready_ = true;
    begin();
}

bool ScriptLoader::may_begin() const {
    return !busy_ && leader_ready_ && context_.topology->leader && context_.links.usable();
}

/// At the end of a turn in which something has become doubtful.
void ScriptLoader::flush() {
    begin();
}

void ScriptLoader::begin() {
    if (!may_begin()) {
        return;
    }
    all_due_ = context_.scripts.take_lacking() || all_due_;
    if (!all_due_ && !polls_) {
        cache().drop_doubtful();  // this node does not tell the portal what it knows
        context_.scripts.count();
        return;
    }
    std::vector<Known> work = all_due_ ? cache().all() : cache().doubtful();
    if (closed_ && !absent_.empty()) {  // all others are there
        std::erase_if(work, [this](const Known& each) { return !absent_.contains(each.digest); });
    }
    if (all_due_ && work.size() > 1) {
        // Each shard begins elsewhere; what one has loaded, the next is told to be there.
        const std::size_t first = work.size() * context_.shard / context_.peers.shards();
        std::rotate(work.begin(), work.begin() + static_cast<std::ptrdiff_t>(first), work.end());
    }
    if (!work.empty()) {
        begin_pass(std::move(work));
    } else if (std::exchange(all_due_, false)) {
        end_pass();
    }
}

void ScriptLoader::begin_pass(std::vector<Known> work) {
    busy_ = true;
    work_ = std::move(work);
    at_ = batch_ = 0;
    logins_ = 0;
    refused_.clear();
    absent_.clear();
    heard_at_ = now();
    if (!link_ || !own_link_ || link_->state() == upstream::Link::State::ended) {
        connect(context_.own_login());
    }
    ask_next();
}

void ScriptLoader::connect(upstream::LinkIdentity identity) {
    link_.reset();
    own_link_ = logins_ == 0;
    link_ = context_.links.reserve(identity, *this);
}

void ScriptLoader::ask(std::string_view frame, Question question) {
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    pending.tag = question;
    used_at_ = now();
    link_->submit(frame, std::move(pending));
}

void ScriptLoader::ask_next() {
    at_ += batch_;
    batch_ = std::min(kBatch, work_.size() - at_);
    if (batch_ == 0) {
        end_login();
        return;
    }
    if (!own_link_) {  // what it knows was asked before
        missing_.assign(work_.begin() + static_cast<std::ptrdiff_t>(at_),
                        work_.begin() + static_cast<std::ptrdiff_t>(at_ + batch_));
        load_missing();
        return;
    }
    std::string frame;
    resp::write_array_header(frame, batch_ + 2);
    resp::write_bulk(frame, "SCRIPT");
    resp::write_bulk(frame, "EXISTS");
    for (std::size_t i = 0; i < batch_; ++i) {
        resp::write_bulk(frame, work_[at_ + i].digest);
    }
    ask(frame, exists);
}

/// What a node does not tell counts as not known, and what was doubtful is doubtful no more.
void ScriptLoader::take_exists(std::string_view bytes) {
    resp::ReplyView::Elements answers = resp::ReplyView::whole(bytes).elements();
    const bool told = answers.left() == batch_;
    polls_ = polls_ && told;
    missing_.clear();
    bool vanished = false;
    for (std::size_t i = 0; i < batch_; ++i) {
        Known& each = work_[at_ + i];
        const bool known = told && answers.next().integer() == 1;
        if (known || each.doubtful) {
            cache().confirm(each.digest, known);
        } else if (!all_due_) {
            vanished = told;
        } else if (each.script) {
            missing_.push_back(each);
        } else {
            absent_.insert(each.digest);
        }
    }
    if (vanished) {
        context_.scripts.doubt_everywhere();
    }
    load_missing();
}

void ScriptLoader::load_missing() {
    loaded_ = 0;
    if (missing_.empty()) {
        ask_next();
        return;
    }
    std::string frame;
    for (const Known& each : missing_) {
        frame.clear();
        resp::write_request(frame, "SCRIPT", "LOAD", each.script->body);
        if (!link_) {
            return;  // lost meanwhile
        }
        ask(frame, load);
    }
}

void ScriptLoader::take_loaded(std::string_view bytes) {
    Known& each = missing_[loaded_++];
    if (resp::ReplyView::whole(bytes).text() == each.digest) {
        context_.counters.scripts_loaded.add();
    } else if (bytes.starts_with("-NOPERM") || bytes.starts_with("-NOAUTH")) {
        refused_.push_back(std::move(each));
    } else {
        context_.counters.scripts_not_loaded.add();
        report(first_word(bytes));
    }
    if (loaded_ == missing_.size()) {
        ask_next();
    }
}

/// This login cannot be had: what is left it can neither ask for nor load.
void ScriptLoader::give_to_other_logins() {
    for (std::size_t i = at_; i < work_.size(); ++i) {
        Known& each = work_[i];
        if (each.doubtful) {
            cache().confirm(each.digest, false);
        } else if (each.script && all_due_) {
            refused_.push_back(std::move(each));
        }
    }
    end_login();
}

/// All was asked for and loaded that this login may load.
void ScriptLoader::end_login() {
    while (!refused_.empty() && context_.links.has_leader() && ++logins_ <= kMostLogins) {
        const command::CredentialsPtr login = refused_.front().script->loaded_by.lock();
        const auto brought = [&](const Known& each) {
            const command::CredentialsPtr other = each.script->loaded_by.lock();
            return (!login && !other) ||
                   (login && other && login->username == other->username && login->password == other->password);
        };
        const auto rest = std::stable_partition(refused_.begin(), refused_.end(), brought);
        work_.assign(std::make_move_iterator(refused_.begin()), std::make_move_iterator(rest));
        refused_.erase(refused_.begin(), rest);
        if (login && !login->username.empty()) {
            at_ = batch_ = 0;
            connect({login->username, login->password});
            ask_next();
            return;
        }
        context_.counters.scripts_not_loaded.add(work_.size());
        report("no permission");
    }
    context_.counters.scripts_not_loaded.add(refused_.size());
    end_pass();
}

void ScriptLoader::end_pass() {
    busy_ = false;
    attempts_ = 0;
    work_.clear();
    missing_.clear();
    all_due_ = false;
    context_.scripts.count();
    if (closed_) {
        const bool waits = !absent_.empty() && now() - began_at_ < kOthers;
        if (waits) {
            all_due_ = true;
            context_.scripts.set_gate(Scripts::Gate::named, absent_);
        } else {
            for (const std::string& each : absent_) {
                cache().confirm(each, false);
            }
            closed_ = false;
            context_.scripts.set_gate(Scripts::Gate::open);
        }
        opened_();
    }
    if (cache().has_doubtful()) {
        context_.turn.mark(*this);
    }
}

void ScriptLoader::tick() {
    context_.scripts.share();
    const auto patience = std::max<Time::duration>(context_.config->monitor.down_after, context_.config->hold.time / 2);
    if (busy_ && now() - heard_at_ > context_.config->monitor.down_after) {
        give_up("the node does not answer");
    } else if (busy_ && closed_ && now() - began_at_ > patience) {
        give_up("the node takes too long");
    } else if (closed_ && !busy_ && now() - began_at_ > patience) {
        give_up("no link could be had");
    }
    begin();
    const bool asks = context_.shard == 0 && polls_ && !cache().empty();
    if (asks && may_begin() && now() - polled_at_ >= kPoll) {
        polled_at_ = now();
        begin_pass(next_to_poll());
    } else if (!busy_ && link_ && now() - used_at_ > kIdle) {
        stop();
    }
}

/// All of them in turn: one that clients have brought again since a flush says nothing of the others.
std::vector<ScriptCache::Known> ScriptLoader::next_to_poll() {
    poll_at_ = poll_at_ < cache().size() ? poll_at_ : 0;
    std::vector<Known> next = cache().some(poll_at_, kBatch);
    poll_at_ += next.size();
    return next;
}

/// Who waits for a script gets what the node says without it.
void ScriptLoader::give_up(std::string_view why) {
    context_.counters.scripts_not_loaded.add(work_.size() - std::min(at_, work_.size()));
    report(why);
    const int attempts = ++attempts_;
    const bool again = all_due_ && attempts < kMostAttempts;
    stop();
    absent_.clear();
    cache().drop_doubtful();
    end_pass();
    attempts_ = attempts;
    all_due_ = again;  // though nobody waits for it any more
}

void ScriptLoader::stop() {
    busy_ = false;
    link_.reset();
    own_link_ = true;
}

void ScriptLoader::report(std::string_view why) const {
    observe::log_repeated(observe::LogLevel::warn, kSource, "a node does not know a script that clients have loaded",
                          {"node", context_.topology->leader ? context_.topology->leader->name : std::string()},
                          {{"answer", why}});
}

bool ScriptLoader::on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply,
                            std::string_view /*command*/) {
    if (!link_ || !busy_) {
        return true;
    }
    heard_at_ = now();
    if (says_later(reply.bytes())) {
        stop();  // asked again at the next look
    } else if (request.tag == exists) {
        take_exists(reply.bytes());
    } else if (loaded_ < missing_.size()) {
        take_loaded(reply.bytes());
    }
    return true;
}

void ScriptLoader::on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                           const upstream::Loss& /*loss*/) {}

/// The login is refused: it may load nothing.
void ScriptLoader::on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                              std::string_view error) {
    if (!busy_) {
        return;
    }
    report(first_word(error));
    login_refused_ = true;
}

bool ScriptLoader::take_push(const resp::ReplyHead& /*frame*/, const upstream::PendingRequest* /*front*/) {
    return false;
}

void ScriptLoader::on_pinned_lost() {
    const bool was_busy = busy_;
    stop();
    const bool refused = std::exchange(login_refused_, false);
    if (!was_busy || !context_.topology->leader || !leader_ready_) {
        return;
    }
    if (refused) {
        polls_ = false;
        busy_ = true;
        give_to_other_logins();
        return;
    }
    if (++attempts_ < kMostAttempts) {
        return;  // asked again at the next look: all_due_ still says so
    }
    give_up("the connection is lost");
}

}  // namespace portal::session
