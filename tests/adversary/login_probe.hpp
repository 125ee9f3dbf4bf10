// Whether new clients without a login are let in exactly while the nodes say so: the rule is changed at run time, and
// each shard must follow within a bound.
#pragma once

#include "hostile_nodes.hpp"
#include "ledger.hpp"
#include "portal_in_process.hpp"

namespace portal::adversary {

class LoginProbe {
  public:
    LoginProbe(PortalInProcess& portal, HostileNodes& nodes, Ledger& ledger)
        : portal_(portal), nodes_(nodes), ledger_(ledger) {}

    /// One new client that asks something, when the last one has been answered. Changes the rule once every shard has
    /// followed the last change; complains when one does not.
    void turn();
    /// Closes the connection of the one that waits for its answer.
    void leave() noexcept;
    [[nodiscard]] std::size_t changes() const noexcept { return changes_; }
    ~LoginProbe();

  private:
    void answered(bool refused);

    PortalInProcess& portal_;
    HostileNodes& nodes_;
    Ledger& ledger_;
    int descriptor_ = -1;
    bool open_ = true;       // the rule: no login is needed
    std::size_t right_ = 0;  // answers in a row that follow the rule
    std::size_t asked_ = 0;  // since the rule changed
    std::size_t changes_ = 0;
    Clock::time_point changed_ = Clock::now();
    Clock::time_point asked_at_{};
};

}  // namespace portal::adversary
