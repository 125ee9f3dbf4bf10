// A log line whose fields are put together at run time. Any thread.
#pragma once

#include "observe/log.hpp"

#include <span>

namespace portal::observe {

void log_fields(LogLevel level, std::string_view source, std::string_view message, std::span<const Field> fields);

}  // namespace portal::observe
