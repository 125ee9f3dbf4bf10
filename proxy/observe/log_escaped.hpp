// The end of a coroutine that nobody waits for: an exception that escaped from it is logged, not lost. Any thread.
#pragma once

#include <exception>

namespace portal::observe {

/// A completion handler; `source` is the logger's name and lives on.
class LogEscaped {
  public:
    explicit constexpr LogEscaped(const char* source) noexcept : source_(source) {}
    void operator()(const std::exception_ptr& escaped) const;

  private:
    const char* source_;
};

}  // namespace portal::observe
