// Coroutines of simulated processes: a task runs until it waits for a slot; whoever fills the slot resumes it. A
// process that dies is destroyed with whatever it was waiting for. One thread, no I/O.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace portal::simulation {

template <class T>
class Task;

namespace detail {

struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        return ended.promise().continuation ? ended.promise().continuation : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase {
    std::coroutine_handle<> continuation;
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object();
    void return_value(T result) { value = std::move(result); }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() const noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
  public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) {
            handle_.destroy();
        }
    }

    void start() { handle_.resume(); }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().continuation = caller;
        return handle_;
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) {
            return std::move(*handle_.promise().value);
        }
    }

  private:
    Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// A place for one answer. The first one counts: an answer and its deadline may both come.
template <class T>
struct Slot {
    std::optional<T> value;
    std::coroutine_handle<> waiter;

    void fill(T answer) {
        if (!value) {
            value = std::move(answer);
            if (waiter) {
                std::exchange(waiter, nullptr).resume();
            }
        }
    }
};
template <class T>
using SlotPtr = std::shared_ptr<Slot<T>>;

template <class T>
struct Wait {
    Slot<T>* slot;
    bool await_ready() const noexcept { return slot->value.has_value(); }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { slot->waiter = waiter; }
    T await_resume() const { return std::move(*slot->value); }
};

}  // namespace portal::simulation
