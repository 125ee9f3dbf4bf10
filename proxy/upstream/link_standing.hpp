// What anybody may know of a link: whose it is and to which node, what it is used for, how far it has come, and what it
// carries. Link adds what is done with it. Pure.
#pragma once

#include "replication/node.hpp"
#include "upstream/link_setup.hpp"
#include "upstream/link_state.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

namespace portal::upstream {

class LinkStanding {
  public:
    enum class State : std::uint8_t { connecting, setting_up, ready, ended };

    enum class Use : std::uint8_t {
        shared,     // by many clients: nothing that is sent there may leave anything behind
        retired,    // was shared; nothing more is sent there, and its owner is told when everything is answered
        leased,     // by one client, or by one object of the portal's for clients
        questions,  // by the portal itself; needs no permit to forward
        logins,     // nothing but logins; what it carries itself is of no account
    };
    /// Links of one user that many share are two: what may keep the node, or one of its threads, for long has one of
    /// its own, so that nothing else waits behind it.
    enum class Lane : std::uint8_t { quick, slow };
    void set_use(Use use) noexcept { use_ = use; }
    void set_lane(Lane lane) noexcept { lane_ = lane; }
    [[nodiscard]] Lane lane() const noexcept { return lane_; }
    [[nodiscard]] Use use() const noexcept { return use_; }
    /// Many clients use it, or have used it and still wait for answers.
    [[nodiscard]] bool of_many() const noexcept { return use_ == Use::shared || use_ == Use::retired; }

    [[nodiscard]] State state() const noexcept { return state_; }
    /// It has been set up; stays true after its end.
    [[nodiscard]] bool was_ready() const noexcept { return was_ready_; }
    [[nodiscard]] const LinkIdentity& identity() const noexcept { return identity_; }
    [[nodiscard]] const replication::Node& node() const noexcept { return node_; }
    [[nodiscard]] const LinkSetup& setup() const noexcept { return setup_; }
    /// Nothing more is submitted here, see Link::finish_sending().
    [[nodiscard]] bool finishes() const noexcept { return finishing_; }

    /// What it carries beside its login.
    [[nodiscard]] const LinkState& carries() const noexcept { return carries_; }
    /// It serves nobody else after its holder.
    void taint() noexcept { carries_.taint(); }

  protected:
    LinkStanding(LinkIdentity identity, replication::Node node, std::string_view name, bool may_follow)
        : identity_(std::move(identity)), node_(std::move(node)), setup_(identity_, name, may_follow) {}
    ~LinkStanding() = default;

    LinkIdentity identity_;
    replication::Node node_;
    LinkSetup setup_;
    LinkState carries_;
    State state_ = State::connecting;
    Use use_ = Use::shared;
    Lane lane_ = Lane::quick;
    bool was_ready_ = false;
    bool finishing_ = false;
};

}  // namespace portal::upstream
