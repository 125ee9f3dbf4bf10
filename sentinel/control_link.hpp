// One connection to one node for the monitor's own commands: connect, log in, one request and its reply at a time, each
// with a deadline; passing it closes the connection. hiredis only encodes and decodes. Lives on the monitor's thread.
#pragma once

#include "certs/peer_tls.hpp"
#include "config/config.hpp"
#include "sentinel/login.hpp"
#include "sentinel/observation.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

struct redisReader;

namespace portal::sentinel {

/// Where a request got to.
enum class LinkStatus : std::uint8_t {
    ok,       // the node replied; maybe with an error reply
    refused,  // nothing listens there
    broken,   // the connection ended
    silent    // deadline passed, no way there, or the name cannot be looked up
};

struct Reply {
    LinkStatus status = LinkStatus::silent;
    bool is_error = false;  // an error reply of the node
    std::string text;       // the reply (strings, status, integers), or what went wrong; of an array, a line each
    std::vector<std::string> elements = {};  // of an array, each as it came: a line's end in one begins no other

    [[nodiscard]] bool good() const { return status == LinkStatus::ok && !is_error; }
};

class ControlLink : public std::enable_shared_from_this<ControlLink> {
  public:
    ControlLink(boost::asio::any_io_executor executor, config::Node node, SharedLogin login);
    ~ControlLink();
    ControlLink(const ControlLink&) = delete;
    ControlLink& operator=(const ControlLink&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    /// What the host was looked up to at the last connect.
    [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }

    /// Looks the host up, connects, and logs in when a password is set.
    boost::asio::awaitable<Reply> connect(TimePoint deadline);
    /// Sends one command and waits for its reply.
    boost::asio::awaitable<Reply> request(std::vector<std::string> command, TimePoint deadline);
    /// While the next requests wait, the kernel is asked `every` so often what the other end has acknowledged, and
    /// something is sent for it to acknowledge: an empty line, which Redis passes over. A request that `goes_on` says
    /// no to ends as if its deadline had passed. An empty function ends the vigil.
    struct Vigil {
        Milliseconds every{0};
        std::function<bool(const KernelSigns&)> goes_on;
    };
    void keep_vigil(Vigil vigil) { vigil_ = std::move(vigil); }
    /// How long a reply may be, where it may be longer than a node's word about itself.
    void allow_replies(std::size_t bytes) { longest_reply_ = bytes; }
    /// What the kernel knew when the newest request, or the newest attempt to connect, ran out of time.
    [[nodiscard]] const std::optional<KernelSigns>& last_signs() const { return last_signs_; }
    /// Waits until `until`, until wake(), or until the node closes the connection: false then.
    boost::asio::awaitable<bool> rest(TimePoint until);
    /// Ends a rest early. A wake between rests ends the next one at once.
    void wake();
    void close();

  private:
    class Deadline;
    class Watch;
    using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

    boost::asio::awaitable<Reply> look_up();
    boost::asio::awaitable<boost::system::error_code> connect_to_any(TimePoint at);
    boost::asio::awaitable<Reply> shake_hands();
    boost::asio::awaitable<boost::system::error_code> send(std::string bytes);
    boost::asio::awaitable<Reply> receive();
    [[nodiscard]] std::string where() const;
    [[nodiscard]] std::optional<KernelSigns> signs();
    void expire();
    void nudge();
    Reply failed(boost::system::error_code error, const char* while_doing);

    config::Node node_;
    certs::PeerTls node_tls_;
    SharedLogin login_;
    boost::asio::ip::tcp::socket socket_;
    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::steady_timer deadline_;
    boost::asio::steady_timer rest_;
    boost::asio::steady_timer vigil_timer_;
    Vigil vigil_;
    std::optional<KernelSigns> last_signs_;
    bool nudging_ = false;
    std::shared_ptr<certs::TlsContext> tls_context_;         // of tls_
    std::optional<boost::asio::ssl::context> asio_context_;  // the same, as Asio takes it
    std::shared_ptr<TlsStream> tls_;
    std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
    std::vector<boost::asio::ip::tcp::endpoint> endpoints_;
    std::vector<std::string> addresses_;
    std::size_t longest_reply_;
    std::uint64_t guard_ = 0;
    std::uint64_t rest_turn_ = 0;
    bool expired_ = false;
    bool connected_ = false;
    bool woken_ = false;
};

}  // namespace portal::sentinel
