// Encodes the few replies that the portal makes itself, in RESP2 or RESP3. Appends to the caller's string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portal::resp {

enum class Protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

void write_simple(std::string& out, std::string_view text);                     // +text; CR and LF inside become spaces
void write_error(std::string& out, std::string_view text);                      // -text; CR and LF inside become spaces
void write_integer(std::string& out, std::int64_t value);                       // :value
void write_bulk(std::string& out, std::string_view bytes);                      // $n
void write_null(std::string& out, Protocol protocol);                           // $-1 or _
void write_null_array(std::string& out, Protocol protocol);                     // *-1 or _
void write_array_header(std::string& out, std::size_t count);                   // *count
void write_map_header(std::string& out, std::size_t pairs, Protocol protocol);  // *2n or %n
void write_push_header(std::string& out, std::size_t count, Protocol protocol);   // *n or >n
void write_verbatim(std::string& out, std::string_view text, Protocol protocol);  // bulk, or =n txt:...

// The same as a value of its own.
[[nodiscard]] std::string simple(std::string_view text);
[[nodiscard]] std::string error(std::string_view text);
[[nodiscard]] std::string integer(std::int64_t value);

/// A request: *n with bulk arguments.
template <typename... Args>
void write_request(std::string& out, const Args&... args) {
    write_array_header(out, sizeof...(args));
    (write_bulk(out, std::string_view(args)), ...);
}

}  // namespace portal::resp
