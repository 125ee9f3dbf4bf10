// Link: from its start until it is ready, or refused: the node's addresses, TLS, login. And its deadlines.
#include "upstream/link.hpp"

#include <string>

namespace portal::upstream {

namespace {

/// A node that works sees the end of what is sent at once; one that is busy for longer than that many times the time in
/// which a connection is made has lost whoever waited for an answer.
constexpr std::uint8_t kFinishLooks = 10;

}  // namespace

void Link::start() {
    context_.counters.upstream_connects.add();
    context_.connect_deadlines.arm(*this, context_.turn.now());
    connection_.connect(node_, [this](const net::Connector::Result& result) {
        if (result.socket < 0) {
            end(result.error);
        } else {
            on_connected(result.socket);
        }
    });
}

void Link::on_connected(int socket) {
    const LinkPtr alive(this);
    if (const std::string failure = connection_.open(socket, node_, *this); !failure.empty()) {
        end(failure);
        return;
    }
    if (connection_.established()) {
        begin_setup();
    }
    if (state_ != State::ended) {
        connection_.want_read();
    }
}

void Link::begin_setup() {
    state_ = State::setting_up;
    if (!connection_.greet(setup_.request())) {
        end(connection_.failure("sending the login", false));
    }
}

bool Link::take_setup_frame(std::string_view frame) {
    context_.hear(frame);
    switch (setup_.on_reply(frame)) {
        case LinkSetup::Step::more:
            return true;
        case LinkSetup::Step::ready:
            if (context_.process_doubtful(node_.name)) {
                owner_.on_link_doubtful(*this);
            } else {
                become_ready();
            }
            return true;
        case LinkSetup::Step::refused:
            // Everybody who waits is told what the node said.
            finish("the node refused the login or the database", setup_.error());
            return false;
        case LinkSetup::Step::unusable:
            end(setup_.follows() ? std::string_view("the node does not lead") : std::string_view(setup_.reason()));
            return false;
    }
    return false;
}

void Link::become_ready() {
    state_ = State::ready;
    was_ready_ = true;
    fences_.set_style(setup_.fence_style());
    disarm();
    await_answer();
    owner_.on_link_ready(*this);
    context_.turn.mark(*this);
}

bool Link::verify() {
    const LinkPtr alive(this);
    if (state_ == State::setting_up && !context_.process_doubtful(node_.name)) {
        become_ready();
    }
    return state_ != State::setting_up;
}

/// From the next look on, unless looks are taken already, or the link is not ready.
void Link::await_answer() noexcept {
    if (state_ == State::ready && !armed() && !requests_.empty()) {
        silent_looks_ = 0;
        context_.answer_deadlines.queue.arm(*this, context_.turn.now());
    }
}

void Link::expired() {
    if (state_ != State::ready) {
        context_.names.doubt(node_.endpoint.host);
        end("connecting took too long");
        return;
    }
    if (finished_) {
        if (++silent_looks_ == kFinishLooks) {
            abandon("the node has not let go who sends nothing more");
        } else {
            context_.connect_deadlines.arm(*this, context_.turn.now());
        }
        return;
    }
    if (requests_.empty()) {
        return;
    }
    // What stands behind a command that blocks waits rightly. Nothing is heard by whoever does not read, and the node
    // owes no answer to a command that it has not got.
    const bool excused = requests_.front().blocks || connection_.paused() || held_back_ || requests_.lacks_parts();
    silent_looks_ = excused ? 0 : silent_looks_ + 1;
    if (silent_looks_ == AnswerDeadlines::kLooks) {
        abandon("the node has not answered a command in time");
        return;
    }
    context_.answer_deadlines.queue.arm(*this, context_.turn.now());
}

}  // namespace portal::upstream
