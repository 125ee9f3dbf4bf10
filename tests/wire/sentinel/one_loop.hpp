// One event loop for a test's arbiters: they keep connections, so all their calls run on the same one.
#pragma once

#include <chrono>
#include <future>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace portal::testing {

template <class Future>
bool is_ready(const Future& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

class OneLoop {
  public:
    boost::asio::any_io_executor executor() { return io_.get_executor(); }

    template <class Result>
    std::future<Result> spawn(boost::asio::awaitable<Result> operation) {
        return boost::asio::co_spawn(io_, std::move(operation), boost::asio::use_future);
    }
    /// Runs everything until the operation has its result.
    template <class Result>
    Result finish(boost::asio::awaitable<Result> operation) {
        auto result = spawn(std::move(operation));
        while (!is_ready(result)) {
            run_for(std::chrono::milliseconds(20));
        }
        return result.get();
    }
    template <class Condition>
    bool run_until(Condition holds, std::chrono::milliseconds limit) {
        const auto give_up = std::chrono::steady_clock::now() + limit;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > give_up) {
                return false;
            }
            run_for(std::chrono::milliseconds(20));
        }
        return true;
    }
    /// Until something happened, or the time is over.
    void run_for(std::chrono::milliseconds time) {
        io_.restart();
        io_.run_one_for(time);
    }

  private:
    boost::asio::io_context io_{1};
};

}  // namespace portal::testing
