// The link on which a shard has its writes confirmed, and the replies that wait for it. Carries the rounds that
// WriteProof asks for, one at a time: while one is on its way, the next gathers. One for each shard; the shard's
// thread.
#pragma once

#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "upstream/link_pool.hpp"
#include "upstream/write_proof.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::upstream {

class ProofLink final : public ReplySink, public net::Flushable {
  public:
    struct Events {
        /// Replies up to this ticket may go to their clients.
        std::function<void(Ticket)> proven;
        /// Nobody can confirm what waits now.
        std::function<void()> lost;
        /// New writes may be sent again.
        std::function<void()> opened;
    };
    /// What it refers to outlives it. `login`: of a user that may ask ROLE and WAIT, if the node wants one.
    struct Parts {
        bool strict = false;
        LinkIdentity login;
        const replication::ForwardPermit& permit;
        net::Turn& turn;
        LinkPool& links;
        observe::ShardCounters& counters;
    };

    ProofLink(const Parts& parts, Events events);

    /// New writes may be sent.
    [[nodiscard]] bool open() const noexcept { return proof_.open(); }
    /// There is a link to the present leader that has answered.
    [[nodiscard]] bool ready() const noexcept { return proof_.ready(); }

    /// A reply to a write has come; if it has to wait, `ticket` says for what.
    WriteProof::Place place(Ticket& ticket);

    /// Some link to the leader became ready, so it is known whether it wants a login.
    void on_leader_ready();
    /// For the next link: the monitor's login has changed.
    void use_login(LinkIdentity login);
    /// Whose word is needed from now on.
    void require(std::vector<replication::Confirmer> confirmers);
    /// The leader is being replaced. What it has answered may still be proven, by those of whom one takes its place.
    void finish(std::vector<replication::Confirmer> confirmers);
    /// Called with the shard's tick: whatever failed is tried again.
    void tick();

    void flush() override;

    bool on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(PendingRequest& request, std::string_view command, const Loss& loss) override;
    void on_refused(PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    /// PendingRequest::tag.
    enum Question : std::uint32_t { greeting, offset_before, wait, offsets_after };

    [[nodiscard]] bool permitted() const noexcept { return finishing_ || permit_.valid(turn_.now()); }
    void take_over(std::vector<replication::Confirmer> confirmers);
    void connect();
    void ask(std::string_view command, Question question);
    void take_greeting(std::string_view bytes);
    void finish_round(std::string_view bytes);
    void release();
    void complain(std::string_view answer);
    void note_open();

    LinkIdentity login_;
    const replication::ForwardPermit& permit_;
    net::Turn& turn_;
    LinkPool& links_;
    observe::ShardCounters& counters_;
    Events events_;
    WriteProof proof_;
    Lease link_;
    std::string role_;  // the command
    std::string wait_;
    bool was_open_ = false;
    bool finishing_ = false;
    bool login_known_ = false;  // whether the node wants one
    bool complained_ = false;   // about this leader
    net::Turn::Clock::time_point refused_until_{};
};

}  // namespace portal::upstream
