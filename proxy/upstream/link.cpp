// Link: requests out, replies back, the end. How it becomes ready stands in link_connect.cpp, fences in
// link_fencing.cpp.
#include "upstream/link.hpp"

#include "observe/log.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::upstream {

namespace {

/// Reads of one link in one turn, so that a busy one does not starve the clients.
constexpr int kReadsPerTurn = 4;

}  // namespace

Link::Link(LinkContext& context, LinkOwner& owner, LinkIdentity identity, replication::Node node)
    : LinkStanding(std::move(identity), std::move(node), context.name, context.reach.may_follow),
      context_(context),
      owner_(owner),
      connection_(context),
      reader_(context.limits),
      fences_(context.turn.now()) {}

// ------------------------------------------------------------------------------------------------------ requests

void Link::submit(std::string_view command, PendingRequest&& request) {
    request.size = command.size();
    if (state_ == State::ended || finishing_) {
        request.sink->on_lost(request, command, Loss{});
        return;
    }
    if (fences_.due_before(request, use_, context_.turn.now())) {
        add_fence();
    }
    if (fences_.sent(request, use_)) {
        context_.loose.emplace_back(this);
    }
    std::size_t& counted = context_.counted(request);
    if (!requests_.push(command, std::move(request), context_.turn.now())) {
        request.sink->on_lost(request, command, Loss{});
        return;
    }
    ++counted;
    if (state_ == State::ready) {
        context_.turn.mark(*this);
    }
    if (context_.answer_deadlines.used) {
        await_answer();
    }
}

void Link::stream(PendingRequest&& request) {
    if (state_ == State::ended || fences_.bars(request.sink->serial())) {
        request.size = 0;
        request.streamed = true;
        request.sink->on_lost(request, {}, Loss{});
        return;
    }
    if (fences_.sent(request, use_)) {
        context_.loose.emplace_back(this);
    }
    ++context_.counted(request);
    requests_.push_streamed(std::move(request), context_.turn.now());
    await_answer();
}

void Link::stream_part(std::string_view bytes, bool last) {
    if (!requests_.streams()) {
        return;  // it has ended
    }
    if (!requests_.add_part(bytes, last)) {
        end("no room for a request");
        return;
    }
    flush();
}

// ------------------------------------------------------------------------------------------------------- writing

void Link::flush() {
    const LinkPtr alive(this);  // it may end here, and then nobody else holds it perhaps
    if (state_ == State::ready && connection_.writable() && !held_back_) {
        write_some();
    }
    if (state_ == State::ready) {
        connection_.want_read();
    }
}

/// What may not be written is not lost: it is written when there is a permit again, or handed back unsent.
void Link::write_some() {
    if (requests_.unsent() > 0 && !context_.may_write(use_)) {
        if (!std::exchange(withheld_, true)) {
            context_.withheld.emplace_back(this);
        }
        return;
    }
    const LinkConnection::Sent sent = connection_.send(requests_);
    if (sent == LinkConnection::Sent::failed) {
        end(connection_.failure("write", false));
        return;
    }
    if (sent == LinkConnection::Sent::some) {
        return;
    }
    if (requests_.streams() && holder_ != nullptr) {
        holder_->on_streamed();
    }
    if (!finishing_ || state_ != State::ready || std::exchange(finished_, true)) {
        return;
    }
    if (!connection_.finish()) {
        end(connection_.failure("write", false));
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

void Link::hold_back(bool held) noexcept {
    held_back_ = held;
    context_.turn.mark(*this);
}

void Link::resume_writing() {
    withheld_ = false;
    context_.turn.mark(*this);
}

// ------------------------------------------------------------------------------------------------------- reading

void Link::on_stream(bool readable, bool writable) {
    const LinkPtr alive(this);
    if (writable) {
        connection_.note_writable();
        silent_looks_ = 0;  // it takes what is sent
        if (state_ == State::ready && !held_back_) {
            write_some();
        }
    }
    if (readable && state_ != State::ended) {
        connection_.note_readable();
        receive();
    }
}

void Link::resume_reading() {
    if (connection_.resume()) {
        context_.turn.mark(*this);  // not here: what was read may be in the middle of being handed over
    }
}

void Link::receive() {
    for (int reads = 0; reads < kReadsPerTurn && !connection_.paused(); ++reads) {
        const net::Stream::Received received = connection_.receive(reader_.input());
        if (state_ == State::connecting && connection_.established()) {
            begin_setup();
        }
        if (received.size > 0 && state_ != State::ended) {
            silent_looks_ = 0;
            take_replies();
        }
        if (state_ == State::ended) {
            return;
        }
        if (received.status == net::Stream::Status::closed) {
            end("the node closed the connection");
            return;
        }
        if (received.status == net::Stream::Status::failed) {
            end(connection_.failure("read", state_ == State::connecting));
            return;
        }
        if (!received.more) {
            break;
        }
    }
    connection_.want_read();
}

/// Hands on every whole reply that has arrived, and what is there of a large one; or everything as it comes.
void Link::take_replies() {
    while (!relaying_ && !reader_.empty()) {
        if (may_open()) {
            if (!open_up()) {
                return;
            }
            break;
        }
        const LinkReader::Piece piece = reader_.next();
        if (piece.status == resp::ScanStatus::error) {
            end(fmt::format("the node broke the protocol: {}", resp::make_error_code(piece.error).message()));
            return;
        }
        if (!piece.whole() && (piece.bytes.empty() || state_ != State::ready || requests_.empty() ||
                               !reader_.takes_part(requests_.front()))) {
            return;
        }
        const bool ordinary = piece.whole() && !reader_.within_reply();
        if (!(ordinary ? take_head({piece.bytes, reader_.type(), true}) : take_piece(piece))) {
            return;
        }
        reader_.take(piece);
    }
    if (relaying_ && !reader_.empty()) {
        if (holder_ != nullptr) {
            holder_->on_relayed(reader_.input().view());
        }
        reader_.input().clear();
    }
}

/// What has come answers a request that hands the connection over, and is no refusal.
bool Link::may_open() noexcept {
    return state_ == State::ready && holder_ != nullptr && !requests_.empty() && requests_.front().opens &&
           !reader_.within_reply() && reader_.input().view().front() != '-';
}

/// False when the link has ended.
bool Link::open_up() {
    if (!context_.may_believe(use_)) {
        abandon("the record could not be confirmed in time, so another node may lead by now");
        return false;
    }
    carries_.taint();
    if (!requests_.open_front()) {
        return distrust("the node has answered before it was asked");
    }
    relaying_ = true;
    holder_->on_opened();
    return state_ != State::ended;
}

/// Of a reply that does not come at once. False when the link has ended.
bool Link::take_piece(const LinkReader::Piece& piece) {
    if (reader_.within_reply()) {
        return take_rest({piece.bytes, piece.whole()});
    }
    if (requests_.front().sink) {
        owner_.on_large_reply(*this);  // may take the request away, and the link
        if (state_ == State::ended) {
            return false;
        }
    }
    return take_head({piece.bytes, reader_.type(), false});
}

bool Link::take_head(const resp::ReplyHead& reply) {
    if (state_ == State::setting_up) {
        return reply.is_push() || take_setup_frame(reply.bytes());
    }
    if (holder_ == nullptr) {
        if (reply.is_push()) {
            return true;  // that nobody on this link asked for
        }
    } else if (reply.complete() && holder_->take_push(reply, requests_.oldest())) {
        return state_ != State::ended;
    }
    if (reply.is_error()) {
        context_.hear(reply.bytes());
    }
    if (!requests_.awaits_reply()) {
        return distrust("the node has sent a reply that nothing waits for");
    }
    PendingRequest& front = requests_.front();
    if (front.fence != Fence::none) {
        return take_fence(reply);
    }
    if (!context_.may_believe(use_)) {
        abandon("the record could not be confirmed in time, so another node may lead by now");
        return false;
    }
    if (!carries_.answered(front.effect, reply, front.free_text) || fences_.overtaken(reply, requests_)) {
        return distrust("the node's answer does not belong to what it was asked");
    }
    // The sink may submit more to this very link, which can move the queue: work on what is at the front afterwards.
    PendingRequest request = std::move(front);
    const bool finished = !request.sink || request.sink->on_reply(request, reply, requests_.front_command());
    if (state_ == State::ended) {
        return false;
    }
    if (!reply.complete() || !finished) {
        request.begun = !reply.complete();
        requests_.front() = std::move(request);
        return true;
    }
    return finish_front(request);
}

/// What a reply goes on with can only be passed on, or dropped if nobody wants it.
bool Link::take_rest(const resp::ReplyRest& rest) {
    PendingRequest request = std::move(requests_.front());
    if (request.sink) {
        request.sink->on_rest(request, rest, requests_.front_command());
    }
    if (state_ == State::ended) {
        return false;
    }
    if (!rest.last()) {
        requests_.front() = std::move(request);
        return true;
    }
    return finish_front(request);
}

/// `request`, which stood at the front, has been answered. False when the link has ended.
bool Link::finish_front(const PendingRequest& request) {
    --context_.counted(request);
    const bool wanted = request.sink != nullptr;
    const bool goes_on = request.unit && request.effect != Effect::exec;
    if (!requests_.pop(context_.turn.now())) {
        end("the node answered a request before it had all of it");
        return false;
    }
    if (!of_many()) {
        return true;
    }
    if (!carries_.fit_for_reuse() && !goes_on) {
        return distrust("a command has left something behind on a connection that many use");
    }
    if (use_ == Use::retired) {
        if (!wanted) {
            owner_.on_reply_swallowed(*this);
        }
        if (requests_.empty()) {
            owner_.on_link_empty(*this);
        }
    }
    return state_ != State::ended;
}

// ------------------------------------------------------------------------------------------------------- the end

/// What comes on this connection can be believed no more: it ends, and whoever runs the portal is told. Always false.
bool Link::distrust(std::string_view why) {
    observe::log_repeated(observe::LogLevel::warn, "links",
                          "a connection is given up, since what it carries cannot be trusted any more",
                          {"user", identity_.username}, {{"node", node_.name}, {"reason", why}});
    end(why);
    return false;
}

void Link::abandon(std::string_view why) {
    connection_.abort();
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
    connection_.close();
    owner_.on_link_ended(*this, text);
    requests_.drain(context_.turn.now(), [&](PendingRequest& request, std::string_view command, const Loss& loss) {
        --context_.counted(request);
        if (!request.sink) {
            // its reply is swallowed, or being handed over right now
        } else if (!refusal.empty()) {
            request.sink->on_refused(request, command, refusal);
        } else {
            Loss told = loss;
            told.leader_went = context_.leader_goes;
            // With a leader that went, only what it worked on may have been the reason.
            const bool concerned = !told.leader_went || loss.worked_on > std::chrono::steady_clock::duration{};
            const bool counts = concerned && (loss.sent || request.streamed);
            request.losses = static_cast<std::uint8_t>(request.losses + (counts ? 1 : 0));
            request.sink->on_lost(request, command, told);
        }
    });
    if (holder_ != nullptr) {
        std::exchange(holder_, nullptr)->on_pinned_lost();
    }
}

}  // namespace portal::upstream
