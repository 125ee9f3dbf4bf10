// Requests that redis-server refuses or passes over, and what it says. The unit tests hold the scanner against this
// table, the wire test holds redis-server 7.0 itself against it.
#pragma once

#include <string>
#include <vector>

namespace portal::resp::testing {

struct MalformedRequest {
    std::string bytes;
    std::string error;  // empty: no error
    bool authenticated = true;
    bool redis_passes = false;  // redis-server takes the bytes for a line end
};

inline std::string with_nul(std::string before, const std::string& after) {
    before.push_back('\0');
    return before + after;
}

inline std::vector<MalformedRequest> malformed_requests() {
    const std::string multibulk = "Protocol error: invalid multibulk length";
    const std::string bulk = "Protocol error: invalid bulk length";
    const std::string many = "Protocol error: unauthenticated multibulk length";
    const std::string big = "Protocol error: unauthenticated bulk length";
    const std::string quotes = "Protocol error: unbalanced quotes in request";
    const std::string long_count = "Protocol error: too big mbulk count string";
    const std::string long_bulk = "Protocol error: too big bulk count string";
    const std::string line_end = "Protocol error: expected CR LF";
    const std::string long_inline = "Protocol error: too big inline request";
    const auto expected = [](const std::string& got) { return "Protocol error: expected '$', got '" + got + "'"; };
    const std::string line(65536, '1');  // the most that may come without a line end

    return {
        // The number of arguments.
        {"*x\r\n", multibulk},
        {"*\r\n", multibulk},
        {"*+1\r\n", multibulk},
        {"*01\r\n", multibulk},
        {"*00\r\n", multibulk},
        {"*-0\r\n", multibulk},
        {"*-\r\n", multibulk},
        {"*--1\r\n", multibulk},
        {"*-01\r\n", multibulk},
        {"* 1\r\n", multibulk},
        {"*1 \r\n", multibulk},
        {"*1.0\r\n", multibulk},
        {"*1e3\r\n", multibulk},
        {"*0x1\r\n", multibulk},
        {"*1\n$4\r\nPING\r\n", multibulk},
        {"*2147483648\r\n", multibulk},
        {"*9223372036854775807\r\n", multibulk},
        {"*9223372036854775808\r\n", multibulk},
        {"*18446744073709551617\r\n", multibulk},
        {"*-9223372036854775809\r\n", multibulk},
        {"*100000000000000000000000\r\n", multibulk},
        {"*2147483647\r\n", ""},
        {"*1048577\r\n", ""},
        // No command at all.
        {"*0\r\n", ""},
        {"*-1\r\n", ""},
        {"*-10\r\n", ""},
        {"*-9223372036854775808\r\n", ""},
        {"*0\r\n*0\r\n*x\r\n", multibulk},
        {"\r\n", ""},
        {"\n", ""},
        {" \t\v\f \r\n", ""},
        {"\r\r\n", ""},
        {"\r\n\n*x\r\n", multibulk},
        // redis-server takes any byte after a CR for LF, and any two after an argument.
        {"*1\rX$4\r\nPING\r\n", line_end, true, true},
        {"*1\r\r$4\r\nPING\r\n", line_end, true, true},
        {"*10\rX$4\r\nPING\r\n", line_end, true, true},
        {"*1\r\n$4\rXPING\r\n*x\r\n", line_end, true, true},
        {"*1\r\n$10\rX0123456789\r\n", line_end, true, true},
        {"*1\r\n$4\r\nPINGxy*x\r\n", line_end, true, true},
        {"*1\r\n$4\r\nPINGx\n", line_end, true, true},
        {"*1\r\n$4\r\nPINGx", line_end, true, true},
        {"*1\r\n$4\r\nPING\rx", line_end, true, true},
        {"*1\r\n$4\r\nPING\n\r", line_end, true, true},
        {"*2\r\n$4\r\nECHO*1$4\r\nPING\r\n", line_end, true, true},
        {"*1\r\n$0\r\n\n\n", line_end, true, true},
        {"*0\rX*1\r\n$4\r\nPING\r\n", line_end, true, true},
        {"*-1\rX", line_end, true, true},
        {"*1\r\n$4\r\nPINGPONG\r\n", line_end, true, true},
        {"*1\r\n$16385\rX", big, false},
        {"*11\rX", many, false},
        {"*x\rX", multibulk},
        {"*1\r\n$4\r\nPING\r", ""},
        // What must be a '$'.
        {"*1\r\nx\r\n", expected("x")},
        {"*1\r\n\r\n", expected(" ")},
        {"*1\r\n\n\r\n", expected(" ")},
        {"*1\r\n:1\r\n", expected(":")},
        {"*1\r\n*1\r\n", expected("*")},
        {"*1\r\n'\r\n", expected("'")},
        {"*1\r\n\xff\r\n", expected("\xff")},
        {"*1\r\n4\r\nPING\r\n", expected("4")},
        {"*1\r\n+PING\r\n", expected("+")},
        {"*2\r\n$4\r\nECHO\r\n4\r\n", expected("4")},
        {"*1\r\nx", ""},
        {"*1\r\nx\r", ""},
        // The length of an argument.
        {"*1\r\n$\r\n", bulk},
        {"*1\r\n$-1\r\n", bulk},
        {"*1\r\n$-0\r\n", bulk},
        {"*1\r\n$x\r\n", bulk},
        {"*1\r\n$+4\r\nPING\r\n", bulk},
        {"*1\r\n$04\r\nPING\r\n", bulk},
        {"*1\r\n$ 4\r\nPING\r\n", bulk},
        {"*1\r\n$4 \r\nPING\r\n", bulk},
        {"*1\r\n$4\nPING\r\n", bulk},
        {"*1\r\n$4x\r\nPING\r\n", bulk},
        {"*1\r\n$536870913\r\n", bulk},
        {"*1\r\n$999999999\r\n", bulk},
        {"*1\r\n$1000000000\r\n", bulk},
        {"*1\r\n$9223372036854775807\r\n", bulk},
        {"*1\r\n$9223372036854775808\r\n", bulk},
        {"*1\r\n$99999999999999999999\r\n", bulk},
        {"*1\r\n$999999999999999999999999\r\n", bulk},
        {"*2\r\n$4\r\nECHO\r\n$-1\r\n", bulk},
        {"*1\r\n$536870912\r\n", ""},
        // Inline.
        {"ECHO \"a\r\n", quotes},
        {"ECHO 'a\r\n", quotes},
        {"ECHO \"a\"b\r\n", quotes},
        {"ECHO 'a'b\r\n", quotes},
        {"ECHO \"a\\\"\r\n", quotes},
        {"ECHO 'a\\'\r\n", quotes},
        {"ECHO \"a\"\"b\"\r\n", quotes},
        {"ECHO \"\\\r\n", quotes},
        {"\"\n", quotes},
        // A NUL hides the line end.
        {with_nul("*1", "\r\n$4\r\nPING\r\n"), ""},
        {with_nul("*1\r\n$4", "\r\nPING\r\n"), ""},
        {with_nul("*1\r\n", "\r\n"), ""},
        {with_nul("PING", "\r\nPING\r\n"), ""},
        {with_nul("PING", "\r\n" + line), long_inline},
        {with_nul("*1", "\r\n" + line), long_count},
        {with_nul("*1\r\n$4", "\r\n" + line), long_bulk},
        // Lines without an end.
        {line, ""},
        {line + "1", long_inline},
        {"*" + line.substr(1), ""},
        {"*" + line, long_count},
        {"*1\r\n$" + line.substr(1), ""},
        {"*1\r\n$" + line, long_bulk},
        {"*1\r\n" + line, ""},
        {"*1\r\n" + line + "1", long_bulk},
        // Not authenticated.
        {"*11\r\n", many, false},
        {"*2147483647\r\n", many, false},
        {"*2147483648\r\n", multibulk, false},
        {"*10\r\n", "", false},
        {"*1\r\n$16385\r\n", big, false},
        {"*1\r\n$536870912\r\n", big, false},
        {"*1\r\n$536870913\r\n", bulk, false},
        {"*1\r\n$16384\r\n", "", false},
        {"*1\r\nx\r\n", expected("x"), false},
        {"PING 1 2 3 4 5 6 7 8 9 10 11 12\r\n", "", false},
        // The error comes after what was right before it.
        {"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n", multibulk},
        {"PING\r\nPING\n*1\r\nPING\r\n", expected("P")},
    };
}

}  // namespace portal::resp::testing
