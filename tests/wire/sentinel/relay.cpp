#include "relay.hpp"

#include <array>
#include <future>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace portal::testing {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class Relay::Pair : public std::enable_shared_from_this<Pair> {
  public:
    Pair(Relay& relay, tcp::socket client) : relay_(relay), client_(std::move(client)), server_(relay.io_) {}

    void start() {
        server_.async_connect(relay_.target_, [self = shared_from_this()](error_code error) {
            if (error) {
                self->close();
                return;
            }
            error_code ignored;
            self->client_.set_option(tcp::no_delay(true), ignored);
            self->server_.set_option(tcp::no_delay(true), ignored);
            self->pump(self->client_, self->server_, self->requests_, false);
            self->pump(self->server_, self->client_, self->answers_, true);
        });
    }
    void close() {
        error_code ignored;
        client_.close(ignored);
        server_.close(ignored);
        relay_.pairs_.erase(shared_from_this());
    }

  private:
    using Buffer = std::array<char, 16384>;

    void pump(tcp::socket& from, tcp::socket& to, Buffer& buffer, bool answers) {
        from.async_read_some(asio::buffer(buffer), [this, self = shared_from_this(), &from, &to, &buffer, answers](
                                                       error_code error, std::size_t count) {
            const auto traffic = relay_.traffic_.load();
            if (error || (traffic == Traffic::lose_answers && answers)) {
                close();
            } else if (traffic == Traffic::hold) {
                pump(from, to, buffer, answers);
            } else {
                asio::async_write(to, asio::buffer(buffer, count),
                                  [this, self, &from, &to, &buffer, answers](error_code broken, std::size_t) {
                                      broken ? close() : pump(from, to, buffer, answers);
                                  });
            }
        });
    }

    Relay& relay_;
    tcp::socket client_;
    tcp::socket server_;
    Buffer requests_{};
    Buffer answers_{};
};

Relay::Relay(std::uint16_t target)
    : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
      target_(asio::ip::address_v4::loopback(), target),
      port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
}

Relay::~Relay() {
    io_.stop();
    thread_.join();
}

void Relay::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket client) {
        if (error) {
            return;
        }
        if (traffic_.load() != Traffic::cut) {
            const auto pair = std::make_shared<Pair>(*this, std::move(client));
            pairs_.insert(pair);
            pair->start();
        }
        accept();
    });
}

void Relay::set(Traffic traffic) {
    std::promise<void> done;
    asio::post(io_, [&] {
        const auto before = traffic_.exchange(traffic);
        if (traffic == Traffic::cut || before == Traffic::hold) {
            // A stream with a hole in it is of no use.
            for (const auto& pair : std::set(pairs_)) {
                pair->close();
            }
        }
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace portal::testing
