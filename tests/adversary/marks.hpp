// The mark of its owner that every value carries, and the random binary content behind it, which is made of bytes that
// mean something to a parser. Both can be made again from the mark alone, so that a value is compared byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::adversary {

struct Mark {
    std::uint32_t client = 0;
    std::uint32_t user = 0;  // as whom the client sent it
    std::uint32_t database = 0;
    std::uint64_t serial = 0;  // of the run: no two writes have the same
    std::size_t size = 0;      // of the whole value
    bool operator==(const Mark&) const = default;
};

/// "~m:CLIENT.USER.DATABASE.SERIAL.SIZE~".
[[nodiscard]] std::string text_of(const Mark& mark);
/// The first whole mark in `bytes`, wherever it stands.
[[nodiscard]] std::optional<Mark> find_mark(std::string_view bytes);
/// The mark at the beginning of `bytes`.
[[nodiscard]] std::optional<Mark> leading_mark(std::string_view bytes);

/// The mark, and behind it content up to its size; at least the mark.
[[nodiscard]] std::string value_of(const Mark& mark);

/// Where two values differ, for people.
[[nodiscard]] std::string difference(std::string_view expected, std::string_view got);
/// At most `most` bytes, printable.
[[nodiscard]] std::string shown(std::string_view bytes, std::size_t most = 80);

/// The keys of a client: "KIND:CLIENT:DATABASE:REST". The owner and the database can be read from any of them.
/// Stands for a database in the key of a write that is sent before it is known which one is selected: any may be meant.
inline constexpr std::uint32_t kAnyDatabase = 999;
struct KeyOwner {
    std::uint32_t client = 0;
    std::uint32_t database = 0;
};
[[nodiscard]] std::string key_name(char kind, std::uint32_t client, std::uint32_t database, std::string_view rest);
[[nodiscard]] std::optional<KeyOwner> owner_of(std::string_view key);

}  // namespace portal::adversary
