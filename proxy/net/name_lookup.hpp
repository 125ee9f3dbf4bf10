// Host names to addresses, without keeping the loop waiting: a thread of its own, started for the first name, asks one
// after the other. Belongs to the loop's thread.
#pragma once

#include "net/loop.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

namespace portal::net {

class NameLookup {
  public:
    struct Answer {
        std::vector<boost::asio::ip::tcp::endpoint> endpoints;
        std::string error;  // why there are none
    };
    using Done = std::function<void(const Answer&)>;
    /// Whoever asked keeps this for as long as it wants the answer.
    using Wanted = std::shared_ptr<const Done>;

    explicit NameLookup(Loop& loop) : loop_(loop) {}
    /// Waits for a lookup that is under way.
    ~NameLookup();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    /// `done` is called from the loop, never in here. An address is its own answer, without the thread.
    [[nodiscard]] Wanted find(const std::string& host, std::uint16_t port, Done done);

  private:
    struct Question {
        std::string host;
        std::uint16_t port;
        std::weak_ptr<const Done> wanted;
    };
    void work();

    Loop& loop_;
    std::mutex mutex_;
    std::condition_variable asked_;
    std::deque<Question> questions_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace portal::net
