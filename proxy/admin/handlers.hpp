// What the admin server needs from the rest of the program. All are called on the admin thread and must not block it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

namespace portal::admin {

/// Reports how a change ended: an empty text for success, else a sentence. Call it once, from any thread; calling it
/// after the client or the server has gone is harmless.
using Done = std::function<void(std::string error)>;

struct AdminHandlers {
    /// Why the process should be restarted (an event loop that does not turn); empty while it is alive. May be left
    /// out.
    std::function<std::optional<std::string>()> live;
    /// Why this portal should get no new clients; empty while it is ready.
    std::function<std::optional<std::string>()> ready;
    /// Prometheus text format.
    std::function<std::string()> metrics;
    /// The content of /status.json.
    std::function<boost::json::object()> status;
    /// Starts a planned change of leader, to the node of that name or to the best one.
    std::function<void(std::optional<std::string> to, Done done)> switchover;
    /// Starts to let clients go; the process ends by itself when they have gone.
    std::function<void()> drain;
};

}  // namespace portal::admin
