// The claims of the nodes' volumes: reads them, lets growth.hpp decide, patches, and tells what became of it. Used by
// the acting portal alone. Lives on the caretaker's thread.
#pragma once

#include "kubernetes/client.hpp"
#include "storage/agent_report.hpp"
#include "storage/event_writer.hpp"
#include "storage/growth.hpp"
#include "storage/volume_claim.hpp"

#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace portal::storage {

/// What metrics and status show of one volume.
struct VolumeView {
    std::string claim;
    std::uint64_t requested = 0;
    std::uint64_t capacity = 0;
    Blocked blocked = Blocked::no;
    std::uint64_t grown = 0;    // steps of this portal
    std::uint64_t refused = 0;  // and those that the API server refused
};

class Volumes {
  public:
    Volumes(kubernetes::Access access, config::AutoExpand settings, EventWriter& events);

    /// What is known of one node from elsewhere.
    struct Node {
        std::string claim;
        std::optional<Usage> usage;
        bool leads = false;
    };
    /// One round: reads all claims, decides, patches.
    [[nodiscard]] boost::asio::awaitable<void> look_after(std::vector<Node> nodes);
    /// As of the last round nothing grows or stands in the way, and no volume needs room by what is known of it now.
    [[nodiscard]] bool settled(const std::vector<Node>& nodes) const;
    [[nodiscard]] std::vector<VolumeView> views() const;
    void close() { client_.close(); }

  private:
    struct Known {
        Claim claim;
        std::optional<Refusal> refused;
        Blocked blocked = Blocked::no;
        std::uint64_t last_capacity = 0;
        std::uint64_t grown = 0;
        std::uint64_t refusals = 0;
    };

    [[nodiscard]] boost::asio::awaitable<bool> read(std::string name);
    [[nodiscard]] boost::asio::awaitable<void> grow(Step step, std::optional<Usage> usage);
    [[nodiscard]] Event event(const std::string& claim, bool warning, std::string reason, std::string message);
    [[nodiscard]] std::string path_of(const std::string& name) const;

    kubernetes::Client client_;
    config::AutoExpand settings_;
    EventWriter& events_;
    std::map<std::string, Known> known_;  // by claim
    std::string said_;
};

}  // namespace portal::storage
