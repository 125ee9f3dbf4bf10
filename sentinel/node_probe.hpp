// Probes one node again and again over a connection that it keeps: one INFO per round, which is PING and report in one.
// A connection that ends is noticed at once and made again at once, so a killed process is known by its refused
// connection. A question over a connection on which the process has answered before is not given up while the machine
// acknowledges what it is sent: a process that is busy answers it in the end, and one that dies meanwhile closes it.
#pragma once

#include "config/config.hpp"
#include "sentinel/control_link.hpp"
#include "sentinel/observation.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

class NodeProbe : public std::enable_shared_from_this<NodeProbe> {
  public:
    using Report = std::function<void(Observation)>;
    struct Timing {
        Milliseconds interval;
        Milliseconds deadline;
        Milliseconds busy_after;  // 0: no question is kept beyond its deadline
    };

    NodeProbe(boost::asio::any_io_executor executor, config::Node node, SharedLogin login, Timing timing,
              Report report);

    /// Runs until stop().
    boost::asio::awaitable<void> run();
    void probe_now();
    void stop();

  private:
    boost::asio::awaitable<void> round();
    boost::asio::awaitable<Reply> ask(TimePoint asked_at, Milliseconds busy_after);
    boost::asio::awaitable<Reply> ask_for_sections(TimePoint deadline);
    bool goes_on(TimePoint asked_at, KernelSigns signs);
    boost::asio::awaitable<void> tune();
    boost::asio::awaitable<void> name_itself();
    void tell(ProbeResult result, TimePoint asked_at, std::string detail);

    config::Node node_;
    SharedLogin login_;
    std::string run_id_;  // of the process at the other end, once it has said
    std::string named_;   // what the connection calls itself now
    Timing timing_;
    Report report_;
    std::shared_ptr<ControlLink> link_;
    bool all_sections_ = false;  // the server is older than 7.0 and takes one section or none
    bool stopped_ = false;
    bool retry_at_once_ = false;
};

}  // namespace portal::sentinel
