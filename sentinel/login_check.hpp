// Logs in to one node afresh now and then, over a connection of its own. A node that gets another password keeps the
// connections that are logged in already, so that nothing else would tell of it before the next failover, which needs
// new ones. Looks around there, too: who else works on that node. Lives on the monitor's thread.
#pragma once

#include "sentinel/control_link.hpp"
#include "sentinel/observation.hpp"
#include "sentinel/visitors.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

/// An error reply that another password or another permission would cure; others (LOADING, too many clients) would not.
[[nodiscard]] bool is_refused_login(std::string_view error) noexcept;

class LoginCheck : public std::enable_shared_from_this<LoginCheck> {
  public:
    /// `visitors`: who else is connected there; empty where the node does not say.
    using Report = std::function<void(LoginState state, Visitors visitors)>;
    struct Timing {
        Milliseconds every{30000};
        Milliseconds while_refused{5000};
        Milliseconds deadline{1000};
    };

    LoginCheck(boost::asio::any_io_executor executor, config::Node node, SharedLogin login, Timing timing,
               Report report);

    /// Runs until stop().
    boost::asio::awaitable<void> run();
    void check_now();
    void stop();

  private:
    boost::asio::awaitable<LoginState> log_in();
    boost::asio::awaitable<Visitors> look_around();

    Timing timing_;
    Report report_;
    std::shared_ptr<ControlLink> link_;
    bool crowded_ = false;  // too many clients to list
    bool stopped_ = false;
};

}  // namespace portal::sentinel
