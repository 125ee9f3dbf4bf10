// Session: commands inside a transaction in which the portal has a part. Each is queued at the node, as it is or as a
// question that changes nothing there, so that the node judges it in its place. When EXEC is answered, the portal does
// its part, in order, and puts its answers in place of the node's.
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "resp/words.hpp"
#include "session/client_permission.hpp"
#include "session/session.hpp"

#include <charconv>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using command::Tracking;
using upstream::PubSubFrame;

namespace {

/// The relay of a CLIENT TRACKING that redirects, until its EXEC is answered.
struct KeptRelay : QueuedCommands::Kept {
    explicit KeptRelay(TrackingRelayPtr made) : relay(std::move(made)) {}
    TrackingRelayPtr relay;
};

TrackingRelayPtr take_relay(QueuedCommands::Own& command) {
    return command.kept ? std::move(static_cast<KeptRelay&>(*command.kept).relay) : nullptr;
}

/// A word that no reply holds by chance.
std::string rare_word() {
    std::random_device random;
    return fmt::format("redis-portal-{:08x}{:08x}{:08x}", random(), random(), random());
}

}  // namespace

/// False: must wait, and is taken again.
bool Session::queue(const Row& row, const resp::RequestView& request) {
    const bool complete = command::arity_fits(row, request.argc());
    const bool tracks = row.handling == Handling::client_tracking;
    const auto target = tracks && complete ? Tracking::redirect_of(request) : std::nullopt;
    if (target && !use_tracking().has_redirect()) {
        return use_tracking().await_redirect(row, *target);
    }
    // As long as MULTI is not accepted the command may be no part of a transaction.
    if (!order_.idle() && (!order_.is_on(pinned_.get()) || !pinned_->carries().in_transaction())) {
        pause(Wait::drained);
        return false;
    }
    std::string frame(request.frame());  // with a wrong number of words the node refuses it
    if (complete && command::is_client_command(row.handling)) {
        frame = question(row, request, context_.config->name);
    }
    std::unique_ptr<KeptRelay> kept;
    if (target) {
        kept = std::make_unique<KeptRelay>(use_tracking().take_redirect());
        frame = ClientTracking::redirected(request, kept->relay.get());
    }
    transaction_.queued().add(row, request.frame(), std::move(kept));
    return submit(*pinned_, row, frame);
}

/// EXEC of a transaction with commands of the portal's. A subscription is confirmed by a frame for each name, and its
/// messages may come in between: a word of the portal's tells where the answer ends.
bool Session::submit_exec(const Row& row, const resp::RequestView& request) {
    std::string frame(request.frame());
    exec_reply_.clear();
    exec_end_.clear();
    if (transaction_.queued().subscribes()) {
        exec_end_ = rare_word();
        resp::write_request(frame, "PING", exec_end_);
    }
    submit(*pinned_, row, frame);
    pause(Wait::drained);  // its answer tells what the next command meets
    return true;
}

/// The whole of the node's answer to that EXEC, or a frame of it. True when it was the last.
bool Session::take_exec(upstream::PendingRequest& request, std::string_view bytes) {
    if (!exec_end_.empty()) {
        if (!bytes.ends_with(exec_end_ + "\r\n") &&
            !(bytes.starts_with("-NOPERM") && bytes.find("'ping'") != bytes.npos)) {
            exec_reply_ += bytes;
            return false;
        }
        bytes = exec_reply_;
    }
    executed_ = std::make_unique<Executed>();
    executed_->slot = request.sequence;
    executed_->bytes = bytes;
    exec_reply_.clear();
    exec_end_.clear();
    order_.note_back(request.size);
    muted_ = request.muted;
    Executed& executed = *executed_;
    const std::size_t head = executed.bytes.find("\r\n") + 2;
    executed.ran = executed.bytes.starts_with("*") && !executed.bytes.starts_with("*-1");
    if (executed.ran) {
        std::from_chars(executed.bytes.data() + 1, executed.bytes.data() + head, executed.elements);
    }
    executed.at = executed.ran ? head : executed.bytes.size();
    give_result(std::string_view(executed.bytes).substr(0, executed.at));
    go_on_executed();
    return true;
}

/// For the client, unless it wants no replies.
void Session::give_result(std::string_view bytes) {
    if (!muted_ && !executed_->cut_off) {
        executed_->out += bytes;
    }
}

/// Goes through the answer until the shards or the node have to be asked for something.
void Session::go_on_executed() {
    Executed& executed = *executed_;
    const resp::ReplyLimits limits;
    while (executed.at < executed.bytes.size() && !executed.waiting) {
        const std::string_view rest = std::string_view(executed.bytes).substr(executed.at);
        resp::ReplyScanner scanner(limits);
        const resp::ScanResult frame = scanner.scan(rest);
        const std::size_t size = frame.status == resp::ScanStatus::complete ? frame.size : rest.size();
        executed.at += size;
        take_result(rest.substr(0, size));
    }
    if (executed.waiting) {
        pause(Wait::reply);
        return;
    }
    const std::unique_ptr<Executed> done = std::move(executed_);
    if (done->ran && (done->place != done->elements || done->own != transaction_.queued().own().size())) {
        // Which answer belongs to which command is not known then, nor who this client is by now.
        cut_off(observe::Closed::backend);
        return;
    }
    upstream::PendingRequest exec;
    exec.sequence = done->slot;
    if (context_.proof == nullptr || !done->ran || done->out.empty() || !park(exec, done->out)) {
        order_.finish(done->slot, std::move(done->out), output_);
    }
    transaction_.finish(own_state());
    if (state_.reply_mode == command::ReplyMode::skip_next) {
        state_.reply_mode = command::ReplyMode::skip_this;  // EXEC itself is over already
    }
    if (wait_ == Wait::nothing || wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
    context_.turn.mark(*this);
}

/// The next frame of the answer.
void Session::take_result(std::string_view frame) {
    Executed& executed = *executed_;
    std::vector<QueuedCommands::Own>& own = transaction_.queued().own();
    const bool ours = executed.own < own.size() && own[executed.own].place == executed.place;
    const PubSubFrame head = upstream::read_pubsub_frame(frame);
    const bool as_push = frame.front() == '>' || state_.protocol == resp::Protocol::resp2;
    const bool heard =
        as_push && head.type == PubSubFrame::Type::message && subscriptions_ && subscriptions_->listens_on_link(head);
    const bool confirms = ours && command::is_subscription(own[executed.own].row->handling);
    if (heard || (frame.front() == '>' && !confirms)) {
        executed.out += translated_push(frame);  // also with CLIENT REPLY OFF
        return;
    }
    if (confirms) {
        if (frame.front() == '-') {
            give_result(frame);
        }
        if (use_subscriptions().take_confirmation(own[executed.own], frame, executed.out)) {
            ++executed.place;
            ++executed.own;
        }
        return;
    }
    ++executed.place;
    if (ours) {
        ++executed.own;
        do_part(own[executed.own - 1], frame);
    } else {
        give_result(frame);
    }
}

/// `frame` is what the node says of `command`, which the portal knows more of.
void Session::do_part(QueuedCommands::Own& command, std::string_view frame) {
    const Row& row = *command.row;
    const resp::RequestView request(command.frame);
    const bool failed = frame.front() == '-';
    std::string replacement;
    switch (row.handling) {
        case Handling::select:
            if (!failed) {
                note_selected(command.frame);
            }
            break;
        case Handling::auth:
            if (!failed) {
                const bool named = request.argc() > 2;
                log_in(named ? request.arg(1) : "default", request.arg(named ? 2 : 1), false);
            }
            break;
        case Handling::hello:
            if (!failed) {
                accept_hello(read_hello(request, state_.protocol), replacement);
            }
            break;
        case Handling::client_tracking:
            use_tracking().accept(request, frame, take_relay(command));
            break;
        case Handling::client_getredir:
        case Handling::client_trackinginfo:
            if (tracking_) {
                tracking_->translate(row, frame, replacement);
            }
            break;
        case Handling::client_reply: {
            const bool was_muted = muted_;
            const std::string answer =
                is_refusal(frame, row.handling) ? std::string(frame) : use_commands().set_reply_mode(request);
            if (resp::is_word(request.arg(2), "skip")) {
                muted_ = was_muted;  // it is about the command behind EXEC
            }
            give_result(answer);
            return;
        }
        default:
            if (is_refusal(frame, row.handling)) {
                break;
            }
            use_commands().answer_permitted(row, request, frame);
            return;
    }
    give_result(replacement.empty() ? frame : replacement);
}

void Session::log_in(std::string_view username, std::string_view password, bool proven) {
    if (state_.database != 0 && selector_ == nullptr && state_.credentials->username != username) {
        selector_ = std::make_shared<const upstream::Selector>(
            upstream::Selector{state_.credentials->username, state_.credentials->password});
    }
    state_.credentials = std::make_shared<const command::Credentials>(
        command::Credentials{std::string(username), std::string(password), proven});
}

/// What the shards or the node were asked for is known.
void Session::finish_part(std::string_view bytes) {
    executed_->waiting = false;
    give_result(bytes);
    go_on_executed();
}

}  // namespace portal::session
