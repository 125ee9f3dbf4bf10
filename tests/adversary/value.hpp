// A reply as a client reads it. Written for this test: it shares nothing with the portal's own scanner.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portal::adversary {

struct Value {
    char type = 0;              // its first byte
    bool null = false;          // $-1, *-1 or _
    std::string text;           // of strings, errors, numbers
    std::vector<Value> items;   // a map has its keys and values in turn
    std::vector<Value> beside;  // messages that came between its items, and are none of them
    std::size_t size = 0;       // in bytes, as it came

    [[nodiscard]] bool error() const { return type == '-' || type == '!'; }
    [[nodiscard]] bool string() const { return (type == '$' && !null) || type == '='; }
};

enum class Parsed { whole, more, malformed };

/// One value from the front of `bytes`. When more is needed, `into.size` says how many bytes at least.
Parsed parse_value(std::string_view bytes, Value& into);

/// A type byte in it that only RESP3 has, or a null that only RESP2 has; 0 when it suits `protocol`.
[[nodiscard]] char wrong_type(const Value& value, int protocol);

/// In one line.
[[nodiscard]] std::string describe(const Value& value);

}  // namespace portal::adversary
