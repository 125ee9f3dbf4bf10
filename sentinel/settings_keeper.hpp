// Makes the settings of node_settings.hpp what they should be: reads them of the leader and of its replicas over
// connections of its own, every few seconds, and tells a node what differs. Lives on the monitor's thread.
#pragma once

#include "sentinel/control_link.hpp"
#include "sentinel/node_settings.hpp"
#include "sentinel/observation.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

class SettingsKeeper : public std::enable_shared_from_this<SettingsKeeper> {
  public:
    /// A leader and the nodes that follow it, all of them alive.
    struct Group {
        config::Node leader;
        std::vector<config::Node> replicas;
    };
    /// Empty: it is not for this portal to do now.
    using Look = std::function<std::optional<Group>()>;
    struct Timing {
        Milliseconds every{2000};
        Milliseconds after_refusal{300000};  // each refusal is a line in the node's ACL LOG
        Milliseconds deadline{1000};         // of all questions to one node in a round
    };

    SettingsKeeper(boost::asio::any_io_executor executor, SharedLogin login, SettingsWanted wanted, Timing timing,
                   Look look);

    /// Runs until stop().
    boost::asio::awaitable<void> run();
    /// Before `replica` is made the leader: it gets what the present one has by now. Bounded by one deadline.
    boost::asio::awaitable<void> carry_over(config::Node leader, config::Node replica) const;
    /// From the next round on.
    void want(SettingsWanted wanted);
    void stop();

    /// Sentences about settings that are asserted and that a node refuses.
    [[nodiscard]] std::vector<std::string> refusals() const;
    /// Settings that nodes were told, and those that they refused.
    [[nodiscard]] std::uint64_t told() const noexcept { return count_.told; }
    [[nodiscard]] std::uint64_t refused() const noexcept { return count_.refused; }

  private:
    struct Place {
        std::shared_ptr<ControlLink> link;
        config::Node node;
        SettingsTold told;
        TimePoint not_before{};  // it refuses to be asked
    };
    struct Count {
        std::uint64_t told = 0, refused = 0;
    };

    boost::asio::awaitable<void> round(Group group);
    struct Reading {
        std::optional<Settings> settings;  // empty: the node cannot be read now
        bool refused = false;
    };
    boost::asio::awaitable<Reading> read(ControlLink& link, TimePoint deadline) const;
    boost::asio::awaitable<std::optional<Settings>> look_at(Place& place);
    boost::asio::awaitable<void> tell(ControlLink& link, const std::string& node, SettingsTold& told, Settings has,
                                      const Settings* leader, Count& count) const;
    Place& place_of(const config::Node& node);

    boost::asio::any_io_executor executor_;
    SharedLogin login_;
    SettingsWanted wanted_;
    Timing timing_;
    Look look_;
    std::shared_ptr<ControlLink> rest_;  // never connected: its rests can be ended
    std::map<std::string, Place> places_;
    Count count_;
    bool stopped_ = false;
};

}  // namespace portal::sentinel
