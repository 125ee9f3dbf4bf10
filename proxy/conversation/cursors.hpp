// The cursors of SCAN, HSCAN, SSCAN and ZSCAN. One means something to the process that gave it alone: another one
// hashes with another seed, so it would go on in another place and leave elements out, in silence. Therefore a portal
// marks each cursor with the process that gave it, in bits that no node uses, and takes the mark off before that
// process gets it back; one of another process is refused. Any client that passes on what it got can be told, by
// whatever connection and portal it comes. Pure.
#pragma once

#include "replication/topology.hpp"
#include "resp/request_view.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::conversation {

/// Of a process: 1 to 2^20 - 1.
enum class CursorMark : std::uint32_t { none = 0 };

/// Cursors of nodes are below the size of a table: 33 bits are more than there can be keys. With the mark a cursor has
/// 53 bits, so that it is exact also where numbers are floating-point.
inline constexpr unsigned kCursorBits = 33;
inline constexpr unsigned kMarkBits = 20;

/// Of the process that `topology` routes to; none without one.
[[nodiscard]] CursorMark mark_of(const replication::Topology& topology);

enum class CursorOrigin : std::uint8_t {
    plain,    // carries no mark, or is none: the node decides
    here,     // of the process that is routed to
    another,  // of another one
};
/// `word`: as a client sends it.
[[nodiscard]] CursorOrigin origin_of(std::string_view word, CursorMark mark) noexcept;

/// Which word of a SCAN and its kin is the cursor; 0: it is not there.
[[nodiscard]] std::size_t cursor_word(const resp::RequestView& request) noexcept;
/// The request as the node is to get it: without the mark, if there is one.
[[nodiscard]] std::string without_mark(const resp::RequestView& request);
/// The request as the client sent it: with the mark, if the cursor is one that goes on with an iteration.
[[nodiscard]] std::string with_mark(const resp::RequestView& request, CursorMark mark);
/// `reply`, or the beginning of a large one, with the mark on its cursor. Nothing: there is nothing to change.
[[nodiscard]] std::optional<std::string> marked_reply(std::string_view reply, CursorMark mark);

}  // namespace portal::conversation
