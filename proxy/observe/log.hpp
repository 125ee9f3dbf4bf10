// The log: one line per event on standard error, logfmt or JSON, written by a background thread (spdlog async; the
// oldest line is dropped and counted when the queue is full). Any thread may log. Never pass passwords, keys, tokens or
// values.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace portal::observe {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

/// One key=value of a log line. Views need to live only for the call.
struct Field {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, bool v) : key(k), value(v) {}
    Field(std::string_view k, std::signed_integral auto v) : key(k), value(static_cast<std::int64_t>(v)) {}
    Field(std::string_view k, std::unsigned_integral auto v) : key(k), value(static_cast<std::uint64_t>(v)) {}
    Field(std::string_view k, double v) : key(k), value(v) {}
};

/// Sets level and format for the process. Without it: info, logfmt. Keys of every line: ts (RFC 3339, ms), level,
/// logger
/// (`source`), msg, then the fields.
void configure_log(LogLevel level, LogFormat format);
/// Waits until what was logged so far is written, at most two seconds; call before the process ends.
void flush_log();
/// Lines dropped because the queue was full, since the start.
std::uint64_t dropped_log_lines() noexcept;
/// Lines accepted at this level since the start, dropped ones included.
std::uint64_t logged_lines(LogLevel level) noexcept;
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

void log(LogLevel level, std::string_view source, std::string_view message, std::initializer_list<Field> fields = {});

/// For what a client can cause as often as it likes: at most one line a second of this thread's for each `subject`, and
/// with it, or from log_left_out(), how many were left out (`left_out`). Counters are exact all the same.
void log_repeated(LogLevel level, std::string_view source, std::string_view message, const Field& subject,
                  std::initializer_list<Field> fields = {});
/// Says how many lines of this thread's log_repeated() were left out, once nothing like them has come for a second. To
/// be called from time to time by threads that live long; costs nothing when there is nothing to say.
void log_left_out();

inline void log_debug(std::string_view source, std::string_view message, std::initializer_list<Field> fields = {}) {
    log(LogLevel::debug, source, message, fields);
}
inline void log_info(std::string_view source, std::string_view message, std::initializer_list<Field> fields = {}) {
    log(LogLevel::info, source, message, fields);
}
inline void log_warn(std::string_view source, std::string_view message, std::initializer_list<Field> fields = {}) {
    log(LogLevel::warn, source, message, fields);
}
inline void log_error(std::string_view source, std::string_view message, std::initializer_list<Field> fields = {}) {
    log(LogLevel::error, source, message, fields);
}

}  // namespace portal::observe
