#include "admin/admin_responder.hpp"

#include "admin/routes.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::admin {
namespace {

namespace asio = boost::asio;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

/// The way of a switchover's outcome from whatever thread reports it to the coroutine that waits; either may go first.
struct Outcome {
    std::mutex mutex;
    asio::steady_timer* timer = nullptr;  // null once nobody waits
    std::optional<std::string> error;
};

/// Takes the coroutine's timer out of the Outcome before it dies.
class WaitsForOutcome {
  public:
    WaitsForOutcome(std::shared_ptr<Outcome> outcome, asio::steady_timer& timer) : outcome_(std::move(outcome)) {
        outcome_->timer = &timer;
    }
    WaitsForOutcome(const WaitsForOutcome&) = delete;
    WaitsForOutcome& operator=(const WaitsForOutcome&) = delete;
    ~WaitsForOutcome() {
        const std::lock_guard lock(outcome_->mutex);
        outcome_->timer = nullptr;
    }

  private:
    std::shared_ptr<Outcome> outcome_;
};

void wake(const std::shared_ptr<Outcome>& outcome) {
    const std::lock_guard lock(outcome->mutex);
    if (outcome->timer != nullptr) {
        outcome->timer->cancel();
    }
}

void report(const std::shared_ptr<Outcome>& outcome, std::string error) {
    const std::lock_guard lock(outcome->mutex);
    if (outcome->timer == nullptr || outcome->error) {
        return;
    }
    outcome->error = std::move(error);
    asio::post(outcome->timer->get_executor(), [outcome] { wake(outcome); });
}

/// Starts the switchover and waits for its end or for `time`.
asio::awaitable<Response> switch_over(const AdminHandlers& handlers, StartSwitchover start,
                                      std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    const auto outcome = std::make_shared<Outcome>();
    const WaitsForOutcome waits(outcome, timer);
    handlers.switchover(std::move(start.to), [outcome](std::string error) { report(outcome, std::move(error)); });
    co_await timer.async_wait(kNoThrow);
    const std::lock_guard lock(outcome->mutex);
    co_return switchover_response(outcome->error);
}

struct Admin {
    AdminHandlers handlers;
    ChangeAccess access;
    std::chrono::milliseconds switchover_time;
};

asio::awaitable<Response> respond(std::shared_ptr<const Admin> admin, const Request& request, Peer peer) {
    auto routed = route(admin->handlers, admin->access, request, peer);
    if (auto* response = std::get_if<Response>(&routed)) {
        co_return std::move(*response);
    }
    auto response = co_await switch_over(admin->handlers, std::get<StartSwitchover>(routed), admin->switchover_time);
    co_return response;
}

}  // namespace

Respond admin_responder(AdminHandlers handlers, ChangeAccess access, std::chrono::milliseconds switchover_time) {
    return [admin = std::make_shared<const Admin>(Admin{std::move(handlers), std::move(access), switchover_time})](
               const Request& request, const Peer& peer) { return respond(admin, request, peer); };
}

}  // namespace portal::admin
