// CLIENT TRACKING as one session has it: what the node has accepted, so that it can be switched on again elsewhere.
// Mistakes are the node's to judge; what cannot be read here is passed on as it is. Pure.
#pragma once

#include "resp/request_view.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::command {

class Tracking {
  public:
    /// The client that `request`, a CLIENT TRACKING, redirects to; empty when there is none, or none that can be read.
    [[nodiscard]] static std::optional<std::uint64_t> redirect_of(const resp::RequestView& request);
    /// `request` with `id` in place of that client.
    [[nodiscard]] static std::string redirected(const resp::RequestView& request, std::string_view id);
    /// True for CLIENT TRACKING ON, false for OFF.
    [[nodiscard]] static bool turns_on(const resp::RequestView& request);

    /// The node has accepted `request`, a CLIENT TRACKING ON: its options replace those before, its prefixes are added.
    void accept(const resp::RequestView& request);

    /// The request that makes all of this again, on a connection that tracks nothing. `redirect`: the node's id of the
    /// connection that gets the invalidations, if it is another.
    [[nodiscard]] std::string request(std::optional<std::uint64_t> redirect) const;

    [[nodiscard]] bool broadcasts() const noexcept { return broadcasts_; }

  private:
    std::vector<std::string> options_;  // BCAST, OPTIN, OPTOUT, NOLOOP as they came
    std::vector<std::string> prefixes_;
    bool broadcasts_ = false;
};

}  // namespace portal::command
