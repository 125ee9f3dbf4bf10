// What a row of the tables of keys says of its key beside the field and its bounds.
#pragma once

#include <cstdint>
#include <string_view>

namespace portal::config {

enum class Need : std::uint8_t { optional, required };
/// Whether a running portal takes a changed value at a reload, or only when it starts. `restart` of a section holds for
/// all keys in it.
enum class Change : std::uint8_t { reload, restart };

/// `help`: one sentence or two; what the key does and when to change it.
struct Key {
    std::string_view name;
    std::string_view help;
    Need need = Need::optional;
    Change change = Change::reload;
};

}  // namespace portal::config
