// Keeps one endless answer open and tells its owner that something changed. A watch that ends, for whatever reason, is
// begun anew at the present, and the owner is told, since it reads the whole state anyway: there is no revision to
// resume from that could have been compacted meanwhile. Used on the monitor's thread.
#pragma once

#include "net/http/http_client.hpp"
#include "sentinel/observation.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace portal::sentinel {

/// What one line of the answer means.
enum class Line : std::uint8_t { nothing, change, end };

class HttpWatch : public std::enable_shared_from_this<HttpWatch> {
  public:
    struct Source {
        std::string name;  // for the log: "etcd"
        /// Made anew for each attempt, since credentials change.
        std::function<net::HttpRequest()> request;
        std::function<Line(std::string_view)> read;
        /// A sentence for people about an answer that is no stream; called with status other than 200.
        std::function<std::string(const net::HttpReply&)> refusal;
    };

    /// `silence`: a stream that brings nothing for so long is taken for dead.
    HttpWatch(const boost::asio::any_io_executor& executor, std::vector<net::HttpServer> servers,
              certs::PeerTlsFiles tls, Source source, Milliseconds silence, std::function<void()> changed);

    void start();
    void close();

  private:
    boost::asio::awaitable<void> run(std::shared_ptr<HttpWatch> self);
    void note(const net::HttpReply& reply);

    net::HttpClient client_;
    Source source_;
    Milliseconds silence_;
    std::function<void()> changed_;
    boost::asio::steady_timer pause_;
    bool brought_something_ = false;
    bool closed_ = false;
    std::string said_;
};

}  // namespace portal::sentinel
