// What can be wrong with the bytes of a peer, as an error category. Messages of request errors are worded as
// redis-server words them (networking.c, processInlineBuffer and processMultibulkBuffer), without the "-ERR " prefix.
#pragma once

#include <type_traits>

#include <boost/system/error_code.hpp>

namespace portal::resp {

enum class Error : int {
    too_big_inline_request = 1,        // "Protocol error: too big inline request"
    unbalanced_quotes,                 // "Protocol error: unbalanced quotes in request"
    too_big_mbulk_count,               // "Protocol error: too big mbulk count string"
    invalid_multibulk_length,          // "Protocol error: invalid multibulk length"
    unauthenticated_multibulk_length,  // "Protocol error: unauthenticated multibulk length"
    expected_bulk,                     // "Protocol error: expected '$', got 'x'" (the scanner keeps the byte)
    too_big_bulk_count,                // "Protocol error: too big bulk count string"
    invalid_bulk_length,               // "Protocol error: invalid bulk length"
    unauthenticated_bulk_length,       // "Protocol error: unauthenticated bulk length"
    expected_line_end,                 // ours: "Protocol error: expected CR LF"; redis-server takes any two bytes
    request_too_large,                 // ours: limits.request_bytes
    malformed_reply,                   // a node sent what is not RESP
    reply_too_deep,
    reply_too_large,
};

const boost::system::error_category& resp_category() noexcept;
boost::system::error_code make_error_code(Error error) noexcept;

}  // namespace portal::resp

template <>
struct boost::system::is_error_code_enum<portal::resp::Error> : std::true_type {};
