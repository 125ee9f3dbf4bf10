// Reads texts of nodes that are made of fields: INFO, CLIENT LIST. Pure; every byte comes from a node. Views into the
// text.
#pragma once

#include <string_view>

namespace portal::replication {

/// Takes off what stands before the next `separator`, and that; all of it where there is none.
inline std::string_view take_until(std::string_view& rest, char separator) noexcept {
    const auto at = rest.find(separator);
    const auto piece = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    return piece;
}

/// The value of `key` in "a=1,b=2", where the separator is a comma; empty when it is missing.
inline std::string_view field_of(std::string_view fields, std::string_view key, char separator) noexcept {
    while (!fields.empty()) {
        auto field = take_until(fields, separator);
        if (take_until(field, '=') == key) {
            return field;
        }
    }
    return {};
}

}  // namespace portal::replication
