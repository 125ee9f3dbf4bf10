// Kubernetes Events: what `kubectl get events` shows people. The same one again is counted instead of written anew, and
// an API server that refuses costs a log line. Lives on one thread.
#pragma once

#include "sentinel/arbiter/kubernetes_client.hpp"

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
};

class EventWriter {
  public:
    EventWriter(sentinel::KubernetesAccess access, std::string portal);

    [[nodiscard]] boost::asio::awaitable<void> write(Event event);
    void close() { client_.close(); }

  private:
    struct Written {
        std::string name;
        std::uint64_t count = 0;
        sentinel::TimePoint last;
    };

    sentinel::KubernetesClient client_;
    std::string portal_;
    std::string said_;  // the last refusal, so that it is logged once
    std::map<std::string, Written> written_;
    std::uint64_t serial_ = 0;
};

}  // namespace portal::storage
