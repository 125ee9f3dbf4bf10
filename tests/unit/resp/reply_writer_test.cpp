#include "resp/reply_writer.hpp"

#include "resp/frame_scanner.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

template <typename Write>
std::string written(Write write) {
    std::string out = "before";
    write(out);
    EXPECT_EQ(out.substr(0, 6), "before");
    return out.substr(6);
}

TEST(ReplyWriter, WritesLines) {
    EXPECT_EQ(written([](auto& out) { write_simple(out, "OK"); }), "+OK\r\n");
    EXPECT_EQ(written([](auto& out) { write_error(out, "ERR no"); }), "-ERR no\r\n");
    EXPECT_EQ(written([](auto& out) { write_integer(out, 0); }), ":0\r\n");
    EXPECT_EQ(written([](auto& out) { write_integer(out, std::numeric_limits<std::int64_t>::min()); }),
              ":-9223372036854775808\r\n");
}

TEST(ReplyWriter, ALineEndInATextCannotForgeAReply) {
    EXPECT_EQ(written([](auto& out) { write_error(out, "ERR '\r\n+OK\r\n'"); }), "-ERR '  +OK  '\r\n");
    EXPECT_EQ(written([](auto& out) { write_simple(out, "a\nb\rc"); }), "+a b c\r\n");
}

TEST(ReplyWriter, WritesStrings) {
    EXPECT_EQ(written([](auto& out) { write_bulk(out, ""); }), "$0\r\n\r\n");
    EXPECT_EQ(written([](auto& out) { write_bulk(out, "a\r\nb"); }), "$4\r\na\r\nb\r\n");
    EXPECT_EQ(written([](auto& out) { write_verbatim(out, "text", Protocol::resp2); }), "$4\r\ntext\r\n");
    EXPECT_EQ(written([](auto& out) { write_verbatim(out, "text", Protocol::resp3); }), "=8\r\ntxt:text\r\n");
}

TEST(ReplyWriter, WritesNulls) {
    EXPECT_EQ(written([](auto& out) { write_null(out, Protocol::resp2); }), "$-1\r\n");
    EXPECT_EQ(written([](auto& out) { write_null(out, Protocol::resp3); }), "_\r\n");
    EXPECT_EQ(written([](auto& out) { write_null_array(out, Protocol::resp2); }), "*-1\r\n");
    EXPECT_EQ(written([](auto& out) { write_null_array(out, Protocol::resp3); }), "_\r\n");
}

TEST(ReplyWriter, WritesHeaders) {
    EXPECT_EQ(written([](auto& out) { write_array_header(out, 12); }), "*12\r\n");
    EXPECT_EQ(written([](auto& out) { write_map_header(out, 7, Protocol::resp2); }), "*14\r\n");
    EXPECT_EQ(written([](auto& out) { write_map_header(out, 7, Protocol::resp3); }), "%7\r\n");
    EXPECT_EQ(written([](auto& out) { write_push_header(out, 3, Protocol::resp2); }), "*3\r\n");
    EXPECT_EQ(written([](auto& out) { write_push_header(out, 3, Protocol::resp3); }), ">3\r\n");
}

TEST(ReplyWriter, WritesRequests) {
    const std::string key = "key";
    EXPECT_EQ(written([&](auto& out) { write_request(out, "SET", key, std::string_view("v")); }),
              "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\nv\r\n");
}

TEST(ReplyWriter, WhatItWritesScansAsOneReply) {
    const ReplyLimits limits;
    for (const Protocol protocol : {Protocol::resp2, Protocol::resp3}) {
        const std::string reply = written([protocol](auto& out) {
            write_map_header(out, 4, protocol);
            write_bulk(out, "server");
            write_verbatim(out, "redis", protocol);
            write_simple(out, "proto");
            write_integer(out, -3);
            write_null(out, protocol);
            write_null_array(out, protocol);
            write_error(out, "ERR");
            write_array_header(out, 0);
        });
        ReplyScanner scanner(limits);
        const ScanResult result = scanner.scan(reply);
        EXPECT_EQ(result.status, ScanStatus::complete);
        EXPECT_EQ(result.size, reply.size());
    }
}

}  // namespace
}  // namespace portal::resp
