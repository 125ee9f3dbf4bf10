// How many files this process may have open, and how many of them clients may take: without the rest the portal could
// neither confirm the record nor reach a node, and would stop forwarding for all.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <string>

namespace portal::cli {

class DescriptorBudget {
  public:
    /// Of a process that may open `limit` files.
    explicit DescriptorBudget(std::uint64_t limit) noexcept : limit_(limit) {}
    /// Of this process, whose limit is raised as far as the system lets it.
    static DescriptorBudget claim();

    /// The sentence to print when a portal cannot run with so few; else empty.
    [[nodiscard]] std::string problem() const;
    /// Lowers limits.sessions to what there is room for, and says so in the log.
    void fit(config::Config& config) const;
    /// So many connections may be open at one time, those included that are only told that there are too many.
    [[nodiscard]] std::uint64_t connections() const noexcept;

  private:
    [[nodiscard]] std::uint64_t reserve() const noexcept;

    std::uint64_t limit_;
};

}  // namespace portal::cli
