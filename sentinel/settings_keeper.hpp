// Makes the settings of node_settings.hpp what they should be: reads them of the leader and of its replicas every few
// seconds, and tells a node what differs.
#pragma once

#include "sentinel/group_keeper.hpp"
#include "sentinel/node_settings.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace portal::sentinel {

class SettingsKeeper final : public GroupKeeper<Settings, SettingsTold> {
  public:
    SettingsKeeper(boost::asio::any_io_executor executor, SharedLogin login, SettingsWanted wanted, Timing timing,
                   Look look)
        : GroupKeeper(std::move(executor), std::move(login), timing, std::move(look)), wanted_(std::move(wanted)) {}

    /// From the next round on.
    void want(SettingsWanted wanted);

    /// Sentences about settings that are asserted and that a node refuses.
    [[nodiscard]] std::vector<std::string> refusals() const;
    /// Settings that nodes were told, and those that they refused.
    [[nodiscard]] std::uint64_t told() const noexcept { return count_.told; }
    [[nodiscard]] std::uint64_t refused() const noexcept { return count_.refused; }

  private:
    struct Count {
        std::uint64_t told = 0, refused = 0;
    };

    [[nodiscard]] bool idle() const override { return wanted_.names().empty(); }
    boost::asio::awaitable<Reading> read(Place& place, TimePoint deadline) override;
    boost::asio::awaitable<bool> tell(Place& place, Settings has, const Settings& target, bool leads) override;

    SettingsWanted wanted_;
    Count count_;
};

}  // namespace portal::sentinel
