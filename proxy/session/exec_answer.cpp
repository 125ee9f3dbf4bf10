#include "session/exec_answer.hpp"

#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "resp/reply_view.hpp"
#include "resp/words.hpp"
#include "session/client_permission.hpp"
#include "session/session.hpp"
#include "session/token_login.hpp"
#include "upstream/fence.hpp"

#include <charconv>
#include <utility>

namespace portal::session {

using command::Handling;
using command::Tracking;
using upstream::PubSubFrame;

namespace {

/// A relay is a link to the node, and one client may not have all of them.
constexpr std::size_t kMostRelays = 4;

/// The relay of a CLIENT TRACKING that redirects, until its EXEC is answered.
struct KeptRelay : QueuedCommands::Kept {
    explicit KeptRelay(TrackingRelayPtr made) : relay(std::move(made)) {}
    TrackingRelayPtr relay;
};

TrackingRelayPtr take_relay(QueuedCommands::Own& command) {
    return command.kept ? std::move(static_cast<KeptRelay&>(*command.kept).relay) : nullptr;
}

IdentityPtr take_identity(QueuedCommands::Own& login) {
    return login.kept ? std::move(static_cast<KeptIdentity&>(*login.kept).identity) : nullptr;
}

/// A push within EXEC's answer that is no confirmation stands beside the elements.
bool is_message(std::string_view frame) {
    const auto word = resp::ReplyView::whole(frame).elements().next().text();
    return frame.front() == '>' && !(word && word->ends_with("subscribe"));
}

}  // namespace

bool ExecAnswer::queue(const Row& row, const resp::RequestView& request) {
    const bool complete = command::arity_fits(row, request.argc());
    const bool tracks = row.handling == Handling::client_tracking;
    const auto target = tracks && complete ? Tracking::redirect_of(request) : std::nullopt;
    if (target && transaction().queued().kept() >= kMostRelays) {
        replies().deny(resp::error(client_errors::kManyRedirections));
        return true;
    }
    if (target && !features().use_tracking().has_redirect()) {
        return features().use_tracking().await_redirect(row, *target);
    }
    // As long as MULTI is not accepted the command may be no part of a transaction.
    if (!order().idle() && (!order().is_on(links().own().get()) || !links().own()->carries().in_transaction())) {
        intake().pause(Wait::drained);
        return false;
    }
    if (row.handling == Handling::auth || row.handling == Handling::hello) {
        return queue_login(row, request);
    }
    std::string frame(request.frame());  // with a wrong number of words the node refuses it
    if (complete && command::is_client_command(row.handling)) {
        frame = question(row, request, context().config->name);
    }
    if (const std::size_t word = row.handling == Handling::cursor ? cursor_word(request) : 0; word > 0) {
        const CursorOrigin origin = origin_of(request.arg(word), context().cursor_mark);
        if (origin == CursorOrigin::another) {
            replies().deny(resp::error(client_errors::kCursor));
            return true;
        }
        frame = origin == CursorOrigin::here ? without_mark(request) : std::move(frame);
    }
    std::unique_ptr<KeptRelay> kept;
    if (target) {
        kept = std::make_unique<KeptRelay>(features().use_tracking().take_redirect());
        frame = ClientTracking::redirected(request, kept->relay.get());
    }
    transaction().queued().add(row, request.frame(), std::move(kept));
    return links().submit(*links().own(), row, frame);
}

bool ExecAnswer::queue_login(const Row& row, const resp::RequestView& request) {
    TokenLogin::Asked login = tokens().judge(row, request);
    if (login.refused) {  // what is queued for Redis to refuse must not be the token
        replies().deny(resp::error(client_errors::kWrongPass));
        return true;
    }
    const bool by_token = login.identity != nullptr;
    const std::string frame = by_token ? std::move(login.frame) : std::string(request.frame());
    std::unique_ptr<KeptIdentity> kept;
    if (by_token) {
        kept = std::make_unique<KeptIdentity>(std::move(login.identity));
    }
    transaction().queued().add(row, frame, std::move(kept));
    return links().submit(*links().own(), row, frame);
}

bool ExecAnswer::submit(const Row& row, const resp::RequestView& request) {
    std::string frame(request.frame());
    forget();
    if (transaction().queued().subscribes()) {
        upstream::NonceSource nonces;
        frames_ = std::make_unique<Frames>();
        upstream::write_fence(frames_->fence, upstream::FenceStyle::unknown_command, nonces);
        frame += frames_->fence;
    }
    links().submit(*links().own(), row, frame);
    intake().pause(Wait::drained);  // its answer tells what the next command meets
    return true;
}

bool ExecAnswer::take(upstream::PendingRequest& request, std::string_view bytes) {
    if (frames_) {
        if (!upstream::answers_fence(frames_->fence, bytes)) {
            frames_->bytes += bytes;
            return false;
        }
        bytes = frames_->bytes;
    }
    executed_ = std::make_unique<Executed>();
    executed_->slot = request.sequence;
    executed_->bytes = bytes;
    forget();
    order().note_back(request.size);
    requests().mute(request.muted);
    Executed& executed = *executed_;
    const std::size_t head = executed.bytes.find("\r\n") + 2;
    executed.ran = executed.bytes.starts_with("*") && !executed.bytes.starts_with("*-1");
    if (executed.ran) {
        std::from_chars(executed.bytes.data() + 1, executed.bytes.data() + head, executed.elements);
    }
    executed.at = head;  // of nil or an error it is all, but for messages that came behind
    give_result(std::string_view(executed.bytes).substr(0, executed.at));
    go_on();
    return true;
}

void ExecAnswer::give_result(std::string_view bytes) {
    if (!requests().muted() && !executed_->cut_off) {
        executed_->out += bytes;
    }
}

/// Goes through the answer until the shards or the node have to be asked for something.
void ExecAnswer::go_on() {
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
        intake().pause(Wait::reply);
        return;
    }
    const std::unique_ptr<Executed> done = std::move(executed_);
    if (done->ran && (done->place != done->elements || done->own != transaction().queued().own().size())) {
        // Which answer belongs to which command is not known then, nor who this client is by now.
        connection().cut_off(observe::Closed::backend);
        return;
    }
    upstream::PendingRequest exec;
    exec.sequence = done->slot;
    if (context().writes.proof == nullptr || !done->ran || done->out.empty() || !proofs().park(exec, done->out)) {
        order().finish(done->slot, std::move(done->out), output());
    }
    transaction().finish(links().own_state());
    if (state().reply_mode == command::ReplyMode::skip_next) {
        state().reply_mode = command::ReplyMode::skip_this;  // EXEC itself is over already
    }
    if (intake().wait() == Wait::nothing || intake().wait() == Wait::reply) {
        intake().set_wait(Wait::drained);
    }
    mark();
}

/// The next frame of the answer.
void ExecAnswer::take_result(std::string_view frame) {
    Executed& executed = *executed_;
    std::vector<QueuedCommands::Own>& own = transaction().queued().own();
    const bool ours = executed.own < own.size() && own[executed.own].place == executed.place;
    const PubSubFrame head = upstream::read_pubsub_frame(frame);
    const bool as_push = frame.front() == '>' || state().protocol == resp::Protocol::resp2;
    const bool heard = as_push && head.type == PubSubFrame::Type::message && features().subscriptions() &&
                       features().subscriptions()->listens_on_link(head);
    if (heard || is_message(frame)) {
        if (frame.front() != '>' || state().protocol == resp::Protocol::resp3) {
            executed.out += replies().translated(frame);  // also with CLIENT REPLY OFF
        }
        return;
    }
    if (ours && command::is_subscription(own[executed.own].row->handling)) {
        if (frame.front() == '-') {
            give_result(frame);
        }
        if (features().use_subscriptions().take_confirmation(own[executed.own], frame, executed.out)) {
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
void ExecAnswer::do_part(QueuedCommands::Own& command, std::string_view frame) {
    const Row& row = *command.row;
    const resp::RequestView request(command.frame);
    const bool failed = frame.front() == '-';
    std::string replacement;
    switch (row.handling) {
        case Handling::select:
            if (!failed) {
                login().note_selected(command.frame);
            }
            break;
        case Handling::auth:
            if (!failed) {
                const bool named = request.argc() > 2;
                login().log_in(named ? request.arg(1) : "default", request.arg(named ? 2 : 1), false,
                               take_identity(command));
            }
            break;
        case Handling::hello:
            if (!failed) {
                login().accept_hello(read_hello(request, state().protocol), replacement, take_identity(command));
            }
            break;
        case Handling::cursor:
            replacement = marked_reply(frame, context().cursor_mark).value_or(std::string());
            break;
        case Handling::subscribers:
            replacement = context().counts.correct(row, request, frame);
            break;
        case Handling::client_tracking:
            features().use_tracking().accept(request, frame, take_relay(command));
            break;
        case Handling::client_getredir:
        case Handling::client_trackinginfo:
            if (features().tracking()) {
                features().tracking()->translate(row, frame, replacement);
            }
            break;
        case Handling::client_reply: {
            const bool was_muted = requests().muted();
            const std::string answer = is_refusal(frame, row.handling)
                                           ? std::string(frame)
                                           : features().use_commands().set_reply_mode(request);
            if (resp::is_word(request.arg(2), "skip")) {
                requests().mute(was_muted);  // it is about the command behind EXEC
            }
            give_result(answer);
            return;
        }
        default:
            if (is_refusal(frame, row.handling)) {
                break;
            }
            features().use_commands().answer_permitted(row, request, frame);
            return;
    }
    give_result(replacement.empty() ? frame : replacement);
}

void ExecAnswer::finish_part(std::string_view bytes) {
    executed_->waiting = false;
    give_result(bytes);
    go_on();
}

bool ExecAnswer::take_push(std::string_view frame) {
    if (!coming() || frame.front() != '>') {
        return false;
    }
    frames_->bytes += frame;
    return true;
}

void ExecAnswer::forget() {
    frames_.reset();
}

void ExecAnswer::note_waiting() noexcept {
    if (executed_) {
        executed_->waiting = true;
    }
}

void ExecAnswer::cut_off(std::string_view bytes) {
    give_result(bytes);
    executed_->cut_off = true;
}

}  // namespace portal::session
