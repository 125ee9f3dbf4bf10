#include "observe/log_escaped.hpp"

#include "observe/log.hpp"

namespace portal::observe {

void LogEscaped::operator()(const std::exception_ptr& escaped) const {
    if (!escaped) {
        return;
    }
    try {
        std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
        log_error(source_, "a coroutine ended by an exception", {{"error", error.what()}});
    }
}

}  // namespace portal::observe
