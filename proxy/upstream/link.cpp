#include "upstream/link.hpp"

#include "observe/log.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace portal::upstream {

namespace {

constexpr std::size_t kReadSize = 128 * 1024;
static_assert(kReadSize >= net::Scratch::kPlain);
/// Reads of one link in one turn, so that a busy one does not starve the clients.
constexpr int kReadsPerTurn = 4;
/// A reply that is longer than this, or announces to be, is large: it is handed on in parts as it arrives.
constexpr std::size_t kLargeReply = 256 * 1024;
/// Larger output memory is given back when a link falls silent.
constexpr std::size_t kKeepOutput = 1024 * 1024;
/// A busy shared link is fenced at least this often.
constexpr std::chrono::milliseconds kFenceEvery{100};
/// No answer to a fence is longer.
constexpr std::size_t kLongestFence = 4096;

/// What a node says that answers nothing else now, or not to this user any more.
bool refuses_everything(std::string_view reply) {
    return reply.starts_with("-BUSY") || reply.starts_with("-LOADING") || reply.starts_with("-MASTERDOWN") ||
           reply.starts_with("-NOPERM") || reply.starts_with("-NOAUTH");
}

}  // namespace

Link::Link(LinkContext& context, LinkOwner& owner, LinkIdentity identity, replication::Node node)
    : context_(context),
      owner_(owner),
      identity_(std::move(identity)),
      node_(std::move(node)),
      setup_(identity_, context.name, context.may_follow),
      fenced_at_(context.turn.now()),
      scanner_(context.limits) {}

void Link::on_stream(bool readable, bool writable) {
    const LinkPtr alive(this);
    if (writable) {
        waiting_to_write_ = false;
        silent_looks_ = 0;  // it takes what is sent
        if (state_ == State::ready && !held_back_) {
            write_some();
        }
    }
    if (readable && state_ != State::ended) {
        on_readable();
    }
}

void Link::submit(std::string_view command, PendingRequest request) {
    request.size = command.size();
    if (state_ == State::ended || finishing_) {
        request.sink->on_lost(request, command, Loss{});
        return;
    }
    if (fence_is_due(request)) {
        add_fence();
    }
    if (!output_.append(command)) {
        request.sink->on_lost(request, command, Loss{});
        return;
    }
    if (pending_.empty()) {
        front_since_ = context_.turn.now();
    }
    if (request.effect == Effect::lasting) {
        fence_style_ = FenceStyle::unknown_command;  // it may log in a user that may not ECHO
    }
    note_loose(request);
    if (request.free_text || use_ == Use::leased) {
        unfenced_ = request.sink->serial();
    }
    ++counted(request);
    pending_.push(std::move(request));
    if (state_ == State::ready) {
        context_.turn.mark(*this);
    }
    if (context_.answer_deadlines.used) {
        await_answer();
    }
}

void Link::note_loose(const PendingRequest& request) {
    may_fence_ = !request.no_fence;
    if (request.free_text) {
        loose_ = true;
        if (!std::exchange(watched_, true)) {
            context_.loose.emplace_back(this);
        }
    }
}

/// Whether what is sent now may meet an open transaction, whatever its sender believes.
bool Link::within_transaction() const {
    bool within = carries_.in_transaction();
    static_cast<void>(pending_.any([&within](const PendingRequest& each, std::size_t /*offset*/) {
        within = each.effect == Effect::multi || (within && each.effect != Effect::exec);
        return false;
    }));
    return within;
}

/// Never between the commands of one transaction. Whoever holds a link alone is fenced from those before and after, and
/// from replies to its own scripts unless what it has begun there forbids that.
bool Link::fence_is_due(const PendingRequest& request) const noexcept {
    if (use_ == Use::questions || use_ == Use::logins) {
        return false;
    }
    if (request.unit && request.effect != Effect::multi) {
        return false;
    }
    if (use_ == Use::leased) {
        return (unfenced_ != 0 && unfenced_ != request.sink->serial()) ||
               (loose_ && !request.no_fence && !request.inside);
    }
    return unfenced_ != 0 || context_.turn.now() - fenced_at_ >= kFenceEvery;
}

/// Nothing comes behind what may be answered too seldom: without a fence its sender would wait for ever. Where one
/// would do harm now, this is asked again later.
void Link::fence_quiet() {
    watched_ = state_ != State::ended && loose_ && !finishing_ && !pending_.empty();
    if (!watched_) {
        return;
    }
    const bool whole = streaming_ == Streaming::nothing || streaming_ == Streaming::written;
    if (state_ != State::ready || !may_fence_ || !whole || within_transaction()) {
        context_.loose.emplace_back(this);
        return;
    }
    watched_ = false;
    add_fence();
    context_.turn.mark(*this);
}

void Link::add_fence() {
    std::string& frame = context_.fence_frame;
    // What the user may do is known when the link is ready; an unknown command is answered in any case.
    write_fence(frame, state_ == State::ready ? fence_style_ : FenceStyle::unknown_command, context_.nonces);
    fenced_at_ = context_.turn.now();
    if (!output_.append(frame)) {
        return;  // nor is there room for the request
    }
    if (pending_.empty()) {
        front_since_ = context_.turn.now();
    }
    PendingRequest fence;
    fence.size = frame.size();
    fence.free_text = unfenced_ != 0;
    fence.effect = Effect::none;
    fence.fence = true;
    unfenced_ = 0;
    loose_ = false;
    ++fences_;
    ++counted(fence);
    pending_.push(std::move(fence));
    context_.counters.fences.add();
}

void Link::stream(PendingRequest request) {
    request.size = 0;
    if (state_ == State::ended || (unfenced_ != 0 && unfenced_ != request.sink->serial())) {
        request.streamed = true;
        request.sink->on_lost(request, {}, Loss{});
        return;
    }
    front_since_ = context_.turn.now();
    unfenced_ = request.sink->serial();
    request.streamed = true;
    streaming_ = Streaming::open;
    note_loose(request);
    ++counted(request);
    pending_.push(std::move(request));
    await_answer();
}

void Link::stream_part(std::string_view bytes, bool last) {
    if (streaming_ == Streaming::nothing) {
        return;  // it has ended
    }
    if (last) {
        streaming_ = Streaming::whole;
    }
    if (!output_.append(bytes)) {
        end("no room for a request");
        return;
    }
    flush();
}

void Link::flush() {
    if (state_ == State::ready && !waiting_to_write_ && !held_back_) {
        write_some();
    }
    if (state_ == State::ready && !reading_ && !paused_) {
        read_some();
    }
}

void Link::resume_reading() {
    if (std::exchange(paused_, false)) {
        context_.turn.mark(*this);  // not here: what was read may be in the middle of being handed over
    }
}

void Link::hold_back(bool held) noexcept {
    held_back_ = held;
    context_.turn.mark(*this);
}

void Link::write_some() {
    if (sent_ < output_.size() && !may_write()) {
        withhold();
        return;
    }
    if (stream_->tls() != nullptr) {
        write_encrypted();
        return;
    }
    while (sent_ < output_.size()) {
        const net::Stream::Sent sent = stream_->offer(output_.view().substr(sent_));
        note_written(sent.taken);
        if (sent.status == net::Stream::Status::again) {
            wait_writable();
            return;
        }
        if (sent.status == net::Stream::Status::failed) {
            end_broken("write");
            return;
        }
    }
    note_all_written();
}

void Link::note_all_written() {
    if (streaming_ == Streaming::whole) {
        streaming_ = Streaming::written;
    }
    if (streaming_ != Streaming::nothing && holder_ != nullptr) {
        holder_->on_streamed();
    }
    if (!finishing_ || state_ != State::ready || std::exchange(finished_, true)) {
        return;
    }
    if (stream_->finish_sending() == net::Stream::Status::failed) {
        end_broken("write");
        return;
    }
    silent_looks_ = 0;
    context_.connect_deadlines.arm(*this, context_.turn.now());
}

void Link::finish_sending() noexcept {
    if (!std::exchange(finishing_, true)) {
        carries_.taint();
        context_.turn.mark(*this);
    }
}

/// What has not been written is not lost: it is written when there is a permit again, or handed back unsent.
void Link::withhold() {
    if (!std::exchange(withheld_, true)) {
        context_.withheld.emplace_back(this);
    }
}

void Link::resume_writing() {
    withheld_ = false;
    context_.turn.mark(*this);
}

void Link::write_encrypted() {
    net::Stream::Status status = net::Stream::Status::data;
    if (stream_->blocked()) {
        status = stream_->resume_send();
    }
    while (status == net::Stream::Status::data && sent_ < output_.size()) {
        const net::Stream::Sent sent = stream_->send(output_.view().substr(sent_));
        status = sent.status;
        note_written(sent.taken);
    }
    if (status == net::Stream::Status::failed) {
        end_broken("write");
    } else if (status == net::Stream::Status::again) {
        wait_writable();
    } else {
        note_all_written();
    }
}

void Link::note_written(std::size_t size) {
    context_.counters.upstream_sent_bytes.add(size);
    if (streaming_ == Streaming::nothing || streaming_ == Streaming::written) {
        sent_ += size;
    } else {
        output_.consume(size);
    }
}

void Link::wait_writable() {
    waiting_to_write_ = true;
    stream_->want_write();
}

void Link::read_some() {
    reading_ = true;
    stream_->want_read();
}

void Link::on_readable() {
    reading_ = false;
    for (int reads = 0; reads < kReadsPerTurn && !paused_; ++reads) {
        const net::Stream::Received received = stream_->receive(input_.prepare(kReadSize));
        if (state_ == State::connecting && stream_->established()) {
            begin_setup();
        }
        if (received.size > 0 && state_ != State::ended) {
            context_.heard_at = context_.turn.now();
            silent_looks_ = 0;
            context_.counters.upstream_received_bytes.add(received.size);
            input_.commit(received.size);
            relaying_ ? relay_input() : static_cast<void>(take_frames());
        }
        if (state_ == State::ended) {
            return;
        }
        if (received.status == net::Stream::Status::closed) {
            end("the node closed the connection");
            return;
        }
        if (received.status == net::Stream::Status::failed) {
            end_broken("read");
            return;
        }
        if (!received.more) {
            break;
        }
    }
    if (!paused_) {
        read_some();
    }
}

void Link::end_broken(std::string_view doing) {
    const net::TlsEngine* tls = stream_->tls();
    if (tls == nullptr || tls->failure() == net::TlsFailure::none) {
        end(fmt::format("{} failed: {}", doing, std::generic_category().message(stream_->error())));
    } else {
        end(fmt::format("{}: {}", state_ == State::connecting ? "TLS handshake failed" : "the TLS connection broke",
                        tls->failure_text()));
    }
}

/// Hands on every whole reply that has arrived, and what is there of a large one. False when the link has ended.
bool Link::take_frames() {
    const LinkPtr alive(this);
    while (!input_.empty()) {
        const resp::ScanResult result = scanner_.scan(input_.view());
        if (result.status == resp::ScanStatus::error) {
            end(fmt::format("the node broke the protocol: {}", resp::make_error_code(result.error).message()));
            return false;
        }
        if (result.status == resp::ScanStatus::need_more) {
            return take_part();
        }
        const std::string_view frame = input_.view().substr(0, result.size);
        if (within_reply_ ? !take_rest({frame, true}) : !take_head({frame, scanner_.type(), true})) {
            return false;
        }
        input_.consume(result.size);
        if (relaying_) {
            relay_input();
            return state_ != State::ended;
        }
    }
    return true;
}

/// A reply is not complete. If it is large, hands on what is there of it. Pushes and the lines of MONITOR, which may
/// stand in front of a reply, are gathered whole. False when the link has ended.
bool Link::take_part() {
    const std::size_t scanned = scanner_.scanned();
    if (scanned == 0 || state_ != State::ready || pending_.empty() || scanner_.type() == '>' ||
        scanner_.type() == '+') {
        return true;
    }
    const PendingRequest& front = pending_.front();
    if (front.fence) {
        return scanned + scanner_.announced() < kLongestFence || take_fence(input_.view().substr(0, scanned));
    }
    if (front.sink && !within_reply_) {
        if (!front.parts || scanned + scanner_.announced() < kLargeReply) {
            return true;
        }
        owner_.on_large_reply(*this);
    }
    if (state_ == State::ended) {
        return false;
    }
    const std::string_view bytes = input_.view().substr(0, scanned);
    if (within_reply_ ? !take_rest({bytes, false}) : !take_head({bytes, scanner_.type(), false})) {
        return false;
    }
    scanner_.dropped(scanned);
    input_.consume(scanned);
    return true;
}

bool Link::take_head(const resp::ReplyHead& reply) {
    if (state_ == State::setting_up) {
        return reply.is_push() || take_setup_frame(reply.bytes());
    }
    PendingRequest* front = pending_.empty() ? nullptr : &pending_.front();
    if (holder_ != nullptr && reply.complete() && holder_->take_push(reply, front)) {
        return state_ != State::ended;
    }
    if (holder_ == nullptr && reply.is_push()) {
        return true;  // a push that nobody on this link asked for
    }
    if (front == nullptr) {
        end("the node sent a reply that nothing waits for");
        return false;
    }
    if (front->fence) {
        return take_fence(reply.bytes());
    }
    if (!permitted() && !context_.permit.answers_hold(context_.turn.now()) &&
        context_.turn.now() >= context_.answers_until) {
        abandon("the record could not be confirmed in time, so another node may lead by now");
        return false;
    }
    if (!carries_.answered(front->effect, reply, front->free_text) || answers_later_fence(reply)) {
        return distrust("the node's answer does not belong to what it was asked");
    }
    // The sink may submit more to this very link, which can move the queue: work on what is at the front afterwards.
    PendingRequest request = std::move(*front);
    const bool finished =
        !request.sink || request.sink->on_reply(request, reply, output_.view().substr(0, request.size));
    if (state_ == State::ended) {
        return false;
    }
    if (!reply.complete() || !finished) {
        within_reply_ = !reply.complete();
        request.begun = within_reply_;
        pending_.front() = std::move(request);
        return true;
    }
    return finish_front(std::move(request));
}

/// The node has left out an answer, or several.
bool Link::answers_later_fence(const resp::ReplyHead& reply) const {
    return fences_ > 0 && may_answer_fence(reply.bytes()) &&
           pending_.any([&](const PendingRequest& each, std::size_t offset) {
               return each.fence && answers_fence(output_.view().substr(offset, each.size), reply.bytes());
           });
}

/// What a reply goes on with can only be passed on, or dropped if nobody wants it.
bool Link::take_rest(const resp::ReplyRest& rest) {
    PendingRequest request = std::move(pending_.front());
    if (request.sink) {
        request.sink->on_rest(request, rest, output_.view().substr(0, request.size));
    }
    if (state_ == State::ended) {
        return false;
    }
    if (!rest.last()) {
        pending_.front() = std::move(request);
        return true;
    }
    within_reply_ = false;
    return finish_front(std::move(request));
}

/// The front request has been answered. False when the link has ended.
bool Link::finish_front(PendingRequest request) {
    pending_.pop();
    front_since_ = context_.turn.now();
    --counted(request);
    if (std::exchange(streaming_, Streaming::nothing) == Streaming::open) {
        end("the node answered a request before it had all of it");
        return false;
    }
    output_.consume(request.size);
    sent_ -= request.size;
    const bool goes_on = request.unit && request.effect != Effect::exec;
    if (use_ == Use::shared && !carries_.fit_for_reuse() && !goes_on) {
        return distrust("a command has left something behind on a connection that many use");
    }
    if (retired_ && !request.sink) {
        owner_.on_reply_swallowed(*this);
    }
    if (output_.empty()) {
        if (output_.capacity() > kKeepOutput) {
            output_.release();
        }
        if (retired_ && pending_.empty()) {
            owner_.on_link_empty(*this);
            return state_ != State::ended;
        }
    }
    return true;
}

/// What comes on this connection can be believed no more: it ends, and whoever runs the portal is told. Always false.
bool Link::distrust(std::string_view why) {
    observe::log_repeated(observe::LogLevel::warn, "links",
                          "a connection is given up, since what it carries cannot be trusted any more",
                          {"user", identity_.username}, {{"node", node_.name}, {"reason", why}});
    end(why);
    return false;
}

/// False, and the end of the link, if the node has not answered what it was asked last. Where nothing came before that
/// may have been answered wrongly, a node that refuses every command is believed.
bool Link::take_fence(std::string_view reply) {
    const PendingRequest& fence = pending_.front();
    --fences_;
    const bool refused = !fence.free_text && refuses_everything(reply);
    if (refused) {
        fence_style_ = FenceStyle::unknown_command;  // which is answered always
    }
    if (!refused && !answers_fence(output_.view().substr(0, fence.size), reply)) {
        context_.counters.fences_broken.add();
        return distrust("the node has answered more or fewer times than it was asked");
    }
    const bool goes_on = finish_front(std::move(pending_.front()));
    if (goes_on && holder_ != nullptr && pending_.empty()) {
        holder_->on_streamed();  // it may wait to begin
    }
    return goes_on;
}

void Link::relay_input() {
    const LinkPtr alive(this);
    if (holder_ != nullptr && !input_.empty()) {
        holder_->on_relayed(input_.view());
    }
    input_.consume(input_.size());
}

void Link::abandon(std::string_view why) {
    if (stream_) {
        stream_->abort();
    }
    end(why);
}

void Link::end(std::string_view why) {
    if (state_ != State::ended) {
        finish(why, {});
    }
}

/// Its end, whatever the reason: each request is handed back, as refused with the node's words if there are any, and
/// then the holder is told.
void Link::finish(std::string_view why, std::string_view refusal) {
    const LinkPtr alive(this);
    const std::string text(why);
    (state_ == State::ready ? context_.counters.upstream_lost : context_.counters.upstream_connect_failures).add();
    state_ = State::ended;
    disarm();
    connector_.reset();
    if (stream_) {
        stream_->close();
    }
    owner_.on_link_ended(*this, text);
    const bool streamed_all = std::exchange(streaming_, Streaming::nothing) == Streaming::written;
    Loss loss{.worked_on = context_.turn.now() - front_since_};
    pending_.drain(output_.view(), sent_, [&](PendingRequest& request, std::string_view command, bool sent) {
        --counted(request);
        loss.sent = request.streamed ? streamed_all : sent;
        if (!request.sink) {
            // its reply is swallowed, or being handed over right now
        } else if (!refusal.empty()) {
            request.sink->on_refused(request, command, refusal);
        } else {
            request.losses = static_cast<std::uint8_t>(request.losses + (sent || request.streamed ? 1 : 0));
            request.sink->on_lost(request, command, loss);
        }
        loss.worked_on = {};
    });
    if (holder_ != nullptr) {
        std::exchange(holder_, nullptr)->on_pinned_lost();
    }
}

}  // namespace portal::upstream
