#include "session/intake.hpp"

#include "session/session.hpp"
#include "session/session_bounds.hpp"

namespace portal::session {

using observe::Closed;

Intake::Intake(Session& session) : SessionPart(session), scanner_(session.context.limits.logged_in) {}

void Intake::go_on() {
    if (!input_.empty()) {
        take({});
    }
}

bool Intake::reads_on() const noexcept {
    if (wait_ == Wait::nothing) {
        return !exec().busy();
    }
    const bool may_block = links().own() && (wait_ == Wait::drained || wait_ == Wait::window || wait_ == Wait::reply ||
                                             wait_ == Wait::delivered);
    return (may_block || wait_ == Wait::paused) && input_.size() < kReadAhead;
}

void Intake::take(std::string_view fresh) {
    if (input_.empty()) {
        const std::size_t taken = take_requests(fresh);
        if (!connection().closed() && taken < fresh.size() && !input_.append(fresh.substr(taken))) {
            protocol_error(resp::Error::request_too_large);
        }
    } else if (!input_.append(fresh)) {
        protocol_error(resp::Error::request_too_large);
    } else {
        input_.consume(take_requests(input_.view()));
        if (input_.empty()) {
            input_.release();
        }
    }
    if (wait_ == Wait::leader) {
        hold().account();
    }
}

/// Returns how many of `bytes` were taken.
std::size_t Intake::take_requests(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && wait_ == Wait::nothing && !connection().closed() && !connection().ended() &&
           !exec().busy()) {
        if (recovery().due()) {
            pause(Wait::drained);  // a link was lost in this turn; what it carried comes before what was read now
            break;
        }
        scanner_.set_limits(login().must_log_in() ? context().limits.before_login : context().limits.logged_in);
        const std::string_view rest = bytes.substr(taken);
        const resp::ScanResult result = scanner_.scan(rest);
        switch (result.status) {
            case resp::ScanStatus::need_more:
                return taken + large().take_part(rest);
            case resp::ScanStatus::empty:
                relay().take_empty(rest.substr(0, result.size));
                taken += result.size;
                break;
            case resp::ScanStatus::error:
                protocol_error(result.error);
                return bytes.size();
            case resp::ScanStatus::complete:
                if (large().active()) {
                    large().take_last_part(rest.substr(0, result.size));
                } else if (!requests().take(rest.substr(0, result.size), rest.substr(result.size))) {
                    return taken;  // not now: the same bytes are framed again when the wait is over
                }
                taken += result.size;
                if (unit().left() > 0) {
                    taken += requests().take_unit(bytes.substr(taken));
                }
                break;
        }
    }
    return connection().ended() ? bytes.size() : taken;
}

void Intake::protocol_error(resp::Error error) {
    context().counters.protocol_errors.add();
    large().give_up();
    replies().reply_error("ERR " + scanner_.error_text(error));
    connection().end(Closed::protocol);
    mark();
}

void Intake::resume_if_due() {
    links().release_own_if_free();
    if (links().own() && links().own()->finishes() && order().idle()) {
        connection().end(Closed::client);  // what comes behind would need what that link carries
        return;
    }
    // What a replica says is heard while it does not read, too.
    const bool slow = !relay().replicates() && sender().unread() >= kSendAt && connection().stream().blocked();
    if (wait_ == Wait::nothing) {
        if (slow) {
            pause(Wait::output);
        }
        return;
    }
    if (wait_ == Wait::drained ? !settle_drained() : !wait_is_over()) {
        return;
    }
    if (slow) {
        wait_ = Wait::output;  // else a client that reads more slowly than the node sends is asked for more and more
        return;
    }
    if (links().own() && links().own()->finishes()) {
        pause(Wait::drained);  // what comes behind goes by another link
        return;
    }
    wait_ = Wait::nothing;
    go_on();
    if (reads_on() && !connection().closed() && !connection().ended()) {
        connection().wait_readable();
    }
}

/// The reason for which the client waits, other than to be drained, is gone.
bool Intake::wait_is_over() const noexcept {
    switch (wait_) {
        case Wait::window:
            return order().has_room(proofs().parked().size());
        case Wait::delivered:
            return order().idle() && order().outstanding() == 0;
        case Wait::output:
            return !connection().stream().blocked();
        case Wait::link:
            return !links().own() || (links().own()->requests().unsent() == 0 &&
                                      (relay().active() || !order().idle() || links().own()->requests().empty()));
        default:
            return false;
    }
}

/// What was sent is answered, or has come back. True: all of it is answered.
bool Intake::settle_drained() {
    if (relay().active()) {  // what it waited for was the beginning of that, or is the end
        return links().own() && !links().own()->finishes();
    }
    if (!order().idle()) {
        return false;
    }
    if (!links().agree()) {
        links().own()->end("the node did not end a transaction that is over for the client");
        losses().settle();
        if (connection().closed() || connection().is_cut_off()) {
            return false;
        }
    }
    if (!recovery().empty()) {
        hold().begin();  // those that came back and go on another link than the ones before them
        hold().retry();
        return false;
    }
    hold().note_drained();
    return true;
}

void Intake::pause(Wait wait) {
    wait_ = wait;
    mark();
}

void Intake::end_pause() {
    if (!connection().closed() && wait_ == Wait::paused) {
        wait_ = Wait::drained;
        mark();
    }
}

void Intake::end_reply_wait() noexcept {
    if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
}

}  // namespace portal::session
