#include "upstream/link.hpp"

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

}  // namespace

Link::Link(LinkContext& context, LinkOwner& owner, LinkIdentity identity, replication::Node node)
    : context_(context),
      owner_(owner),
      identity_(std::move(identity)),
      node_(std::move(node)),
      setup_(identity_, context.name, context.may_follow),
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
    if (!output_.append(command)) {
        request.sink->on_lost(request, command, false);
        return;
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

void Link::stream(PendingRequest request) {
    request.size = 0;
    request.streamed = true;
    streaming_ = Streaming::open;
    ++counted(request);
    pending_.push(std::move(request));
    await_answer();
}

void Link::stream_part(std::string_view bytes, bool last) {
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
    if (streaming_ != Streaming::nothing && holder_ != nullptr) {
        holder_->on_streamed();
    }
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
    } else if (streaming_ != Streaming::nothing && holder_ != nullptr) {
        holder_->on_streamed();
    }
}

void Link::note_written(std::size_t size) {
    context_.counters.upstream_sent_bytes.add(size);
    if (streaming_ == Streaming::nothing) {
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
            take_frames();
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
        if (!take_frame(input_.view().substr(0, result.size), true)) {
            return false;
        }
        input_.consume(result.size);
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
    if (front.sink && !front.begun) {
        if (!front.parts || scanned + scanner_.announced() < kLargeReply) {
            return true;
        }
        owner_.on_large_reply(*this);
    }
    if (state_ == State::ended || !take_frame(input_.view().substr(0, scanned), false)) {
        return false;
    }
    scanner_.dropped(scanned);
    input_.consume(scanned);
    return true;
}

bool Link::take_frame(std::string_view frame, bool complete) {
    if (state_ == State::setting_up) {
        return take_setup_frame(frame);
    }
    PendingRequest* front = pending_.empty() ? nullptr : &pending_.front();
    if (holder_ != nullptr && holder_->take_push(frame, front)) {
        return state_ != State::ended;
    }
    if (holder_ == nullptr && scanner_.type() == '>') {
        return true;  // a push that nobody on this link asked for
    }
    if (front == nullptr) {
        end("the node sent a reply that nothing waits for");
        return false;
    }
    // The sink may submit more to this very link, which can move the queue: work on what is at the front afterwards.
    PendingRequest request = std::move(*front);
    const bool finished =
        !request.sink || request.sink->on_reply(request, frame, complete, output_.view().substr(0, request.size));
    if (state_ == State::ended) {
        return false;
    }
    if (!complete || !finished) {
        request.begun = true;
        pending_.front() = std::move(request);
        return true;
    }
    pending_.pop();
    --counted(request);
    if (std::exchange(streaming_, Streaming::nothing) == Streaming::open) {
        end("the node answered a request before it had all of it");
        return false;
    }
    output_.consume(request.size);
    sent_ -= request.size;
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

void Link::abandon(std::string_view why) {
    if (stream_) {
        stream_->abort();
    }
    end(why);
}

void Link::end(std::string_view why) {
    if (state_ == State::ended) {
        return;
    }
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
    const bool streamed_all = streaming_ == Streaming::whole && output_.empty();
    pending_.drain(output_.view(), sent_, [&](PendingRequest& request, std::string_view command, bool sent) {
        --counted(request);
        if (request.sink) {  // else: its reply is swallowed, or being handed over right now
            request.sink->on_lost(request, command, request.streamed ? streamed_all : sent);
        }
    });
    if (holder_ != nullptr) {
        std::exchange(holder_, nullptr)->on_pinned_lost();
    }
}

}  // namespace portal::upstream
