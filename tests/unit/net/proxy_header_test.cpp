#include "net/proxy_header.hpp"

#include <array>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using Status = ProxyHeader::Status;

const std::string kText = "PROXY TCP4 192.0.2.1 198.51.100.2 5000 6379\r\n";
const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(unsigned char command, unsigned char family, const std::string& rest) {
    std::string out = kSignature;
    out.push_back(static_cast<char>(command));
    out.push_back(static_cast<char>(family));
    out.push_back(static_cast<char>(rest.size() >> 8U));
    out.push_back(static_cast<char>(rest.size() & 0xffU));
    return out + rest;
}

const std::string kTcp4Ends("\xc0\x00\x02\x01\xc6\x33\x64\x02\x13\x88\x18\xeb", 12);

std::string text(const boost::asio::ip::tcp::endpoint& endpoint) {
    return endpoint.address().to_string() + " " + std::to_string(endpoint.port());
}

void expect_ends(const std::string& bytes, const std::string& source, const std::string& destination) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(read_proxy_header(std::string_view(bytes).substr(0, size)).status, Status::need_more) << size;
    }
    const ProxyHeader header = read_proxy_header(bytes + "what follows");
    ASSERT_EQ(header.status, Status::complete);
    EXPECT_EQ(header.size, bytes.size());
    ASSERT_TRUE(header.ends);
    EXPECT_EQ(text(header.ends->source), source);
    EXPECT_EQ(text(header.ends->destination), destination);
}

void expect_no_ends(const std::string& bytes) {
    const ProxyHeader header = read_proxy_header(bytes + "what follows");
    ASSERT_EQ(header.status, Status::complete);
    EXPECT_EQ(header.size, bytes.size());
    EXPECT_FALSE(header.ends);
}

TEST(ProxyHeader, OfVersion1NamesBothEnds) {
    expect_ends(kText, "192.0.2.1 5000", "198.51.100.2 6379");
    expect_ends("PROXY TCP6 2001:db8::1 ::1 65535 1\r\n", "2001:db8::1 65535", "::1 1");
}

TEST(ProxyHeader, OfVersion2NamesBothEndsAndSkipsWhatFollowsThem) {
    expect_ends(binary(0x21, 0x11, kTcp4Ends), "192.0.2.1 5000", "198.51.100.2 6379");
    expect_ends(binary(0x21, 0x11, kTcp4Ends + std::string("\x04\x00\x03xyz", 6)), "192.0.2.1 5000",
                "198.51.100.2 6379");
    const std::string one = std::string(15, '\0') + '\x01';
    expect_ends(binary(0x21, 0x21, one + one + std::string("\x13\x88\x18\xeb", 4)), "::1 5000", "::1 6379");
}

TEST(ProxyHeader, ThatSpeaksOfNoTcpClientLeavesTheAddressesAsTheyAre) {
    expect_no_ends("PROXY UNKNOWN\r\n");
    expect_no_ends("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n");
    expect_no_ends(binary(0x20, 0x00, ""));
    expect_no_ends(binary(0x20, 0x11, kTcp4Ends));
    expect_no_ends(binary(0x21, 0x00, ""));
    expect_no_ends(binary(0x21, 0x31, std::string(216, 'x')));
}

TEST(ProxyHeader, ThatIsNoneIsRefusedAtItsFirstWrongByte) {
    for (const std::string& bytes :
         {std::string("PI"), std::string("*1\r\n"), std::string("\x16\x03\x01"), std::string("\r\n\r\n\r"),
          std::string("PROXY TCP4 192.0.2.1 198.51.100.2 5000\r\n"),
          std::string("PROXY TCP4 192.0.2.1 198.51.100.2 5000 70000\r\n"),
          std::string("PROXY TCP4 192.0.2.1 198.51.100.2 5000 1 2\r\n"),
          std::string("PROXY TCP4 ::1 ::1 5000 6379\r\n"), std::string("PROXY TCP6 1.2.3.4 ::1 5000 6379\r\n"),
          std::string("PROXY TCP4 name 198.51.100.2 5000 6379\r\n"), std::string("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"),
          std::string("PROXY \r\n"), binary(0x11, 0x11, kTcp4Ends), binary(0x22, 0x11, kTcp4Ends),
          binary(0x21, 0x11, kTcp4Ends.substr(1)), binary(0x21, 0x21, kTcp4Ends)}) {
        EXPECT_EQ(read_proxy_header(bytes).status, Status::invalid) << bytes;
    }
}

TEST(ProxyHeader, HasABoundInBothVersions) {
    EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(91, 'x')).status, Status::need_more);
    EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(200, 'x')).status, Status::invalid);
    EXPECT_EQ(read_proxy_header(binary(0x21, 0x11, std::string(kMaxProxyHeader, 'x')).substr(0, 16)).status,
              Status::invalid);
    expect_no_ends(binary(0x20, 0x00, std::string(kMaxProxyHeader - 16, 'x')));
}

TEST(ProxyHeader, IsTakenFromASocketAndNotOneByteMoreHoweverItArrives) {
    for (const std::string& header : {kText, binary(0x21, 0x11, kTcp4Ends + std::string(300, '\0'))}) {
        for (std::size_t cut = 0; cut <= header.size(); ++cut) {
            std::array<int, 2> ends{};
            ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
            std::string begun;
            ASSERT_EQ(::send(ends[0], header.data(), cut, 0), static_cast<ssize_t>(cut));
            if (cut < header.size()) {
                EXPECT_EQ(take_proxy_header(ends[1], begun).status, Status::need_more);
                std::array<char, 1> byte{};
                EXPECT_EQ(::recv(ends[1], byte.data(), 1, MSG_PEEK), -1) << "what was seen is taken";
            }
            const std::string rest = header.substr(cut) + "PING";
            ASSERT_EQ(::send(ends[0], rest.data(), rest.size(), 0), static_cast<ssize_t>(rest.size()));
            EXPECT_EQ(take_proxy_header(ends[1], begun).status, Status::complete);
            std::array<char, 16> after{};
            EXPECT_EQ(::recv(ends[1], after.data(), after.size(), 0), 4);
            ::close(ends[0]);
            ::close(ends[1]);
        }
    }
}

}  // namespace
}  // namespace portal::net
