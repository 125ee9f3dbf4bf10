#include "agent/local_redis.hpp"

#include "config/secret_files.hpp"

#include <memory>
#include <utility>

#include <boost/asio/this_coro.hpp>

namespace portal::agent {
namespace asio = boost::asio;

asio::awaitable<std::vector<sentinel::Reply>> LocalRedis::ask(std::vector<Command> commands) const {
    const auto executor = co_await asio::this_coro::executor;
    const auto deadline = sentinel::Clock::now() + answer_time_;
    sentinel::Login login{settings_.username, std::nullopt};
    if (settings_.password_file) {
        login.password = config::read_password(*settings_.password_file).value;
    }
    const auto link = std::make_shared<sentinel::ControlLink>(
        executor, config::Node{"local", settings_.address, settings_.tls}, sentinel::shared_login(std::move(login)));
    std::vector<sentinel::Reply> replies;
    auto connected = co_await link->connect(deadline);
    if (!connected.good()) {
        replies.push_back(std::move(connected));
        co_return replies;
    }
    for (auto& command : commands) {
        replies.push_back(co_await link->request(std::move(command), deadline));
        if (replies.back().status != sentinel::LinkStatus::ok) {
            break;
        }
    }
    link->close();
    co_return replies;
}

}  // namespace portal::agent
