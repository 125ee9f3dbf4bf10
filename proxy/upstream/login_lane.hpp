// The link that carries nothing but logins, so that Redis itself judges every login, and what is known by it: what
// newcomers must do, and what the leader says of itself. One shard.
#pragma once

#include "net/turn.hpp"
#include "upstream/link.hpp"
#include "upstream/login_watch.hpp"

#include <functional>
#include <string_view>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::upstream {

class LoginLane {
  public:
    using Time = net::Turn::Clock::time_point;

    /// `make` makes a link that has not been started. `told`: the leader has been asked, and wants a login of
    /// newcomers or does not.
    LoginLane(std::function<LinkPtr()> make, std::function<void(bool)> told);

    /// Made if there is none.
    Link& link();
    /// Finds out what newcomers must do, but not too often where it is known that they must log in. `name`: what the
    /// link is called at the node.
    void ask(Time now, std::string_view name);

    /// True: that is new.
    [[nodiscard]] bool set_required(bool required) noexcept { return std::exchange(required_, required) != required; }
    [[nodiscard]] bool required() const noexcept { return required_; }
    void set_hello(const ServerHello& hello) { hello_ = hello; }
    [[nodiscard]] const ServerHello& hello() const noexcept { return hello_; }

    /// Null: there is none.
    [[nodiscard]] LinkPtr take() noexcept { return std::exchange(link_, nullptr); }
    [[nodiscard]] bool is(const Link& link) const noexcept { return link_.get() == &link; }

  private:
    void take_verdict(LoginWatch::Verdict verdict);

    std::function<LinkPtr()> make_;
    std::function<void(bool)> told_;
    LinkPtr link_;
    boost::intrusive_ptr<LoginWatch> watch_;
    ServerHello hello_;
    bool required_ = false;
    Time asked_{};
};

}  // namespace portal::upstream
