// The end of a coroutine that nobody waits for: an exception that escaped from it is logged, not lost. Any thread.
#pragma once

#include "observe/log.hpp"

#include <exception>

namespace portal::observe {

/// A completion handler; `source` is the logger's name and lives on.
class LogEscaped {
  public:
    explicit constexpr LogEscaped(const char* source) noexcept : source_(source) {}

    void operator()(const std::exception_ptr& escaped) const {
        if (!escaped) {
            return;
        }
        try {
            std::rethrow_exception(escaped);
        } catch (const std::exception& error) {
            log_error(source_, "a coroutine ended by an exception", {{"error", error.what()}});
        }
    }

  private:
    const char* source_;
};

}  // namespace portal::observe
