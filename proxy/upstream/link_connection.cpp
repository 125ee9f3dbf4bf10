#include "upstream/link_connection.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace portal::upstream {

namespace {

constexpr std::size_t kReadSize = 128 * 1024;
static_assert(kReadSize >= net::Scratch::kPlain);

std::string text_of(int error) {
    return std::generic_category().message(error);
}

}  // namespace

void LinkConnection::connect(const replication::Node& node, net::Connector::Done done) {
    connector_ = std::make_unique<net::Connector>(context_.loop, context_.names, context_.reach.next_address_after);
    connector_->start(node.endpoint.host, node.endpoint.port, std::move(done));
}

std::string LinkConnection::open(int socket, const replication::Node& node, net::StreamUser& user) {
    connector_.reset();
    const auto tls = context_.reach.tls.find(node.name);
    const NodeTls how = tls == context_.reach.tls.end() ? NodeTls{} : tls->second;
    stream_ = std::make_unique<net::Stream>(socket, context_.scratch, how.context, net::TlsEngine::Side::client,
                                            how.server_name);
    if (!stream_->attach(context_.loop, user)) {
        return fmt::format("connect failed: {}", text_of(errno));
    }
    context_.reach.keepalive.apply(stream_->descriptor());
    stream_->abort_on_death();
    if (stream_->start() == net::Stream::Status::failed) {
        return "TLS handshake could not begin";
    }
    return {};
}

bool LinkConnection::greet(std::string_view bytes) {
    const net::Stream::Sent sent = stream_->tls() != nullptr ? stream_->send(bytes) : stream_->offer(bytes);
    return sent.status == net::Stream::Status::data;
}

LinkConnection::Sent LinkConnection::send(PendingQueue& queue) {
    return stream_->tls() == nullptr ? send_plain(queue) : send_encrypted(queue);
}

LinkConnection::Sent LinkConnection::send_plain(PendingQueue& queue) {
    while (queue.unsent() > 0) {
        const net::Stream::Sent sent = stream_->offer(queue.unsent_bytes());
        note_sent(queue, sent.taken);
        if (sent.status == net::Stream::Status::again) {
            return wait_writable();
        }
        if (sent.status == net::Stream::Status::failed) {
            return Sent::failed;
        }
    }
    return Sent::all;
}

LinkConnection::Sent LinkConnection::send_encrypted(PendingQueue& queue) {
    net::Stream::Status status = net::Stream::Status::data;
    if (stream_->blocked()) {
        status = stream_->resume_send();
    }
    while (status == net::Stream::Status::data && queue.unsent() > 0) {
        const net::Stream::Sent sent = stream_->send(queue.unsent_bytes());
        status = sent.status;
        note_sent(queue, sent.taken);
    }
    if (status == net::Stream::Status::failed) {
        return Sent::failed;
    }
    return status == net::Stream::Status::again ? wait_writable() : Sent::all;
}

void LinkConnection::note_sent(PendingQueue& queue, std::size_t size) noexcept {
    context_.counters.upstream_sent_bytes.add(size);
    queue.note_sent(size);
}

LinkConnection::Sent LinkConnection::wait_writable() noexcept {
    waits_to_write_ = true;
    stream_->want_write();
    return Sent::some;
}

net::Stream::Received LinkConnection::receive(resp::ByteBuffer& into) {
    const net::Stream::Received received = stream_->receive(into.prepare(kReadSize));
    if (received.size > 0) {
        into.commit(received.size);
        context_.heard_at = context_.turn.now();
        context_.counters.upstream_received_bytes.add(received.size);
    }
    return received;
}

std::string LinkConnection::failure(std::string_view doing, bool connecting) const {
    const net::TlsEngine* tls = stream_->tls();
    if (tls == nullptr || tls->failure() == net::TlsFailure::none) {
        return fmt::format("{} failed: {}", doing, text_of(stream_->error()));
    }
    return fmt::format("{}: {}", connecting ? "TLS handshake failed" : "the TLS connection broke", tls->failure_text());
}

void LinkConnection::abort() noexcept {
    if (stream_) {
        stream_->abort();
    }
}

void LinkConnection::close() noexcept {
    connector_.reset();
    if (stream_) {
        stream_->close();
    }
}

}  // namespace portal::upstream
