#include "upstream/link.hpp"

#include <utility>

#include <boost/asio/connect.hpp>
#include <fmt/format.h>

namespace portal::upstream {

namespace {

constexpr std::size_t kReadSize = 128 * 1024;
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
      setup_(identity_, context.name),
      resolver_(context.io),
      socket_(context.io),
      scanner_(context.limits) {}

void Link::start() {
    context_.counters.upstream_connects.add();
    context_.connect_deadlines.arm(*this, context_.turn.now());
    boost::system::error_code not_an_address;
    const auto address = boost::asio::ip::make_address(node_.endpoint.host, not_an_address);
    if (!not_an_address) {
        connect(boost::asio::ip::tcp::resolver::results_type::create(
            boost::asio::ip::tcp::endpoint(address, node_.endpoint.port), node_.endpoint.host, ""));
        return;
    }
    resolver_.async_resolve(
        node_.endpoint.host, std::to_string(node_.endpoint.port),
        [self = LinkPtr(this)](const boost::system::error_code& error, const auto& endpoints) {
            self->context_.turn.begin_event();
            if (self->state_ == State::ended) {
                return;
            }
            if (error) {
                self->end(fmt::format("{} cannot be looked up: {}", self->node_.endpoint.host, error.message()));
            } else {
                self->connect(endpoints);
            }
            self->finish_event();
        });
}

void Link::connect(const boost::asio::ip::tcp::resolver::results_type& endpoints) {
    boost::asio::async_connect(
        socket_, endpoints, [self = LinkPtr(this)](const boost::system::error_code& error, const auto& /*endpoint*/) {
            self->context_.turn.begin_event();
            if (self->state_ == State::ended) {
                return;
            }
            if (error) {
                self->end(fmt::format("connect failed: {}", error.message()));
            } else {
                self->on_connected();
            }
            self->finish_event();
        });
}

void Link::on_connected() {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    const auto tls = context_.tls.find(node_.name);
    if (tls == context_.tls.end()) {
        begin_setup();
        return;
    }
    encrypted_ = std::make_unique<net::Stream>(std::move(socket_), context_.scratch, tls->second.context,
                                               net::TlsEngine::Side::client, tls->second.server_name);
    if (encrypted_->start() == net::Stream::Status::failed) {
        end("TLS handshake could not begin");
    } else {
        read_encrypted();
    }
}

void Link::begin_setup() {
    state_ = State::setting_up;
    if (encrypted_) {
        if (encrypted_->send(setup_.request()).status == net::Stream::Status::failed) {
            end("login could not be sent");
        }
        return;
    }
    // A fresh socket takes a few hundred bytes at once; if it does not, it is broken.
    boost::system::error_code error;
    const std::size_t sent = socket_.send(boost::asio::buffer(setup_.request()), 0, error);
    if (error || sent != setup_.request().size()) {
        end(fmt::format("login could not be sent: {}", error ? error.message() : "short write"));
        return;
    }
    read_some();
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
}

void Link::stream(PendingRequest request) {
    request.size = 0;
    request.streamed = true;
    streaming_ = Streaming::open;
    ++counted(request);
    pending_.push(std::move(request));
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
    if (state_ == State::ready && !waiting_to_write_) {
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

void Link::write_some() {
    if (encrypted_) {
        write_encrypted();
        return;
    }
    while (sent_ < output_.size()) {
        const std::string_view unsent = output_.view().substr(sent_);
        boost::system::error_code error;
        const std::size_t n = socket_.send(boost::asio::buffer(unsent), 0, error);
        if (error == boost::asio::error::would_block) {
            wait_writable();
            return;
        }
        if (error) {
            end(fmt::format("write failed: {}", error.message()));
            return;
        }
        note_written(n);
    }
    if (streaming_ != Streaming::nothing && holder_ != nullptr) {
        holder_->on_streamed();
    }
}

void Link::write_encrypted() {
    net::Stream::Status status = net::Stream::Status::data;
    if (encrypted_->blocked()) {
        status = encrypted_->resume_send();
    }
    while (status == net::Stream::Status::data && sent_ < output_.size()) {
        const net::Stream::Sent sent = encrypted_->send(output_.view().substr(sent_));
        status = sent.status;
        note_written(sent.taken);
    }
    if (status == net::Stream::Status::failed) {
        end("write failed");
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
    const auto on_writable = [self = LinkPtr(this)](const boost::system::error_code& failed) {
        self->context_.turn.begin_event();
        self->waiting_to_write_ = false;
        if (!failed && self->state_ == State::ready) {
            self->write_some();
        }
        self->finish_event();
    };
    if (encrypted_) {
        encrypted_->wait_writable(on_writable);
    } else {
        socket_.async_wait(boost::asio::socket_base::wait_write, on_writable);
    }
}

void Link::read_some() {
    if (encrypted_) {
        read_encrypted();
        return;
    }
    reading_ = true;
    const auto space = input_.prepare(kReadSize);
    socket_.async_read_some(boost::asio::buffer(space.data(), space.size()),
                            [self = LinkPtr(this)](const boost::system::error_code& error, std::size_t size) {
                                self->context_.turn.begin_event();
                                self->on_read(error, size);
                                self->finish_event();
                            });
}

void Link::on_read(const boost::system::error_code& error, std::size_t size) {
    if (state_ == State::ended) {
        return;
    }
    if (error) {
        end(error == boost::asio::error::eof ? std::string("the node closed the connection")
                                             : fmt::format("read failed: {}", error.message()));
        return;
    }
    reading_ = false;
    context_.heard_at = context_.turn.now();
    context_.counters.upstream_received_bytes.add(size);
    input_.commit(size);
    if (take_frames() && state_ != State::ended && !paused_) {
        read_some();
    }
}

void Link::read_encrypted() {
    reading_ = true;
    encrypted_->wait_readable([self = LinkPtr(this)](const boost::system::error_code& error) {
        self->context_.turn.begin_event();
        self->on_readable(error);
        self->finish_event();
    });
}

void Link::on_readable(const boost::system::error_code& error) {
    if (state_ == State::ended) {
        return;
    }
    if (error) {
        end(fmt::format("read failed: {}", error.message()));
        return;
    }
    const LinkPtr alive(this);
    net::Stream::Received received;
    do {
        std::span<char> space(context_.scratch.plain.data(), context_.scratch.plain.size());
        received = encrypted_->receive(space);
        if (state_ == State::connecting && encrypted_->established()) {
            begin_setup();
        }
        if (received.size > 0 && state_ != State::ended) {
            context_.heard_at = context_.turn.now();
            context_.counters.upstream_received_bytes.add(received.size);
            if (!input_.append(std::string_view(space.data(), received.size))) {
                end("no room for a reply");
            } else {
                take_frames();
            }
        }
        if (state_ == State::ended) {
            return;
        }
        if (received.status == net::Stream::Status::closed) {
            end("the node closed the connection");
            return;
        }
        if (received.status == net::Stream::Status::failed) {
            end(state_ == State::connecting ? fmt::format("TLS handshake failed: {}", encrypted_->tls()->failure_text())
                                            : std::string("the TLS connection broke"));
            return;
        }
    } while (received.more && !paused_);
    reading_ = false;
    if (!paused_) {
        read_encrypted();
    }
}

void Link::close_socket() {
    if (encrypted_) {
        encrypted_->close();
        return;
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
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

bool Link::take_setup_frame(std::string_view frame) {
    switch (setup_.on_reply(frame)) {
        case LinkSetup::Step::more:
            return true;
        case LinkSetup::Step::ready:
            state_ = State::ready;
            was_ready_ = true;
            disarm();
            owner_.on_link_ready(*this);
            context_.turn.mark(*this);
            return true;
        case LinkSetup::Step::refused:
            if (setup_.follows()) {
                end("the node does not lead");
            } else {
                refuse();
            }
            return false;
    }
    return false;
}

/// The node accepts neither login nor database: everybody who waits is told what the node said.
void Link::refuse() {
    const LinkPtr alive(this);
    state_ = State::ended;
    disarm();
    close_socket();
    pending_.drain(output_.view(), sent_, [this](PendingRequest& request, std::string_view command, bool /*sent*/) {
        --counted(request);
        if (request.sink) {
            request.sink->on_refused(request, command, setup_.error());
        }
    });
    owner_.on_link_ended(*this, "the node refused the login or the database");
}

void Link::expired() {
    end("connecting took too long");
}

void Link::end(std::string_view why) {
    if (state_ == State::ended) {
        return;
    }
    const LinkPtr alive(this);
    const std::string reason(why);
    (state_ == State::ready ? context_.counters.upstream_lost : context_.counters.upstream_connect_failures).add();
    state_ = State::ended;
    disarm();
    resolver_.cancel();
    close_socket();
    owner_.on_link_ended(*this, reason);
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

void Link::finish_event() {
    context_.turn.end_event(context_.in_flight == 0);
}

}  // namespace portal::upstream
