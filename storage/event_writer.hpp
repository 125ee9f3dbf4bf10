// Kubernetes Events: what `kubectl get events` shows people. The same one again is counted instead of written anew, few
// are written in a minute, and what the API server could not take waits for it. Lives on one thread.
#pragma once

#include "kubernetes/client.hpp"
#include "sentinel/observation.hpp"

#include <deque>
#include <map>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace portal::storage {

struct EventObject {
    std::string api_version;
    std::string kind;
    std::string name;
    std::string uid;  // may be empty
};

struct Event {
    EventObject about;
    bool warning = false;
    std::string reason;   // CamelCase, one word
    std::string message;  // one sentence
    std::chrono::system_clock::time_point at = std::chrono::system_clock::now();
};

class EventWriter {
  public:
    /// Events that wait to be written, and requests for them within a minute. What would wait beyond that is left out.
    static constexpr std::size_t kMostWaiting = 64;
    static constexpr std::size_t kMostPerMinute = 30;

    EventWriter(kubernetes::Access access, std::string portal);

    /// To be written soon.
    void tell(Event event);
    /// Writes what waits, as far as the API server and the rate allow it now. Not to be called again before it ends.
    [[nodiscard]] boost::asio::awaitable<void> write_waiting();
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    void close() { client_.close(); }

  private:
    struct Written {
        std::string name;
        std::uint64_t count = 0;
        sentinel::TimePoint last;
    };

    [[nodiscard]] bool may_write(sentinel::TimePoint now);
    [[nodiscard]] net::HttpRequest request_for(const Event& event, Written& written);

    kubernetes::Client client_;
    std::string portal_;
    std::string said_;  // the last refusal, so that it is logged once
    std::deque<Event> waiting_;
    std::deque<sentinel::TimePoint> asked_at_;  // within the last minute
    sentinel::TimePoint not_before_{};          // the API server could not take the last one
    std::map<std::string, Written> written_;
    std::uint64_t serial_ = 0;
};

}  // namespace portal::storage
