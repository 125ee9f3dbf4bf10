#include "net/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>

namespace portal::net {

namespace {

using boost::asio::ip::tcp;
using Status = ProxyHeader::Status;

constexpr std::string_view kText = "PROXY ";
/// The longest line of version 1, its end included.
constexpr std::size_t kMaxText = 107;
constexpr std::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
/// Signature, version and command, family, length.
constexpr std::size_t kBinaryFixed = 16;

const ProxyHeader kInvalid{Status::invalid, 0, std::nullopt};

bool begins_alike(std::string_view bytes, std::string_view signature) {
    const std::size_t common = std::min(bytes.size(), signature.size());
    return bytes.substr(0, common) == signature.substr(0, common);
}

std::optional<tcp::endpoint> to_endpoint(std::string_view address, std::string_view port, bool v6) {
    boost::system::error_code error;
    const auto ip = boost::asio::ip::make_address(std::string(address), error);
    std::uint16_t number = 0;
    const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error || ip.is_v6() != v6 || wrong != std::errc{} || end != port.data() + port.size()) {
        return std::nullopt;
    }
    return tcp::endpoint(ip, number);
}

/// PROXY TCP4|TCP6 source destination port port, or PROXY UNKNOWN and whatever follows.
ProxyHeader read_text(std::string_view bytes) {
    const std::size_t end = bytes.substr(0, kMaxText).find("\r\n");
    if (end == std::string_view::npos) {
        return bytes.size() < kMaxText ? ProxyHeader{} : kInvalid;
    }
    ProxyHeader header{Status::complete, end + 2, std::nullopt};
    std::array<std::string_view, 5> words;
    std::string_view rest = bytes.substr(kText.size(), end - kText.size());
    for (std::string_view& word : words) {
        word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    if (words[0] == "UNKNOWN") {
        return header;
    }
    const bool v6 = words[0] == "TCP6";
    const auto source = to_endpoint(words[1], words[3], v6);
    const auto destination = to_endpoint(words[2], words[4], v6);
    if ((!v6 && words[0] != "TCP4") || !source || !destination || !rest.empty()) {
        return kInvalid;
    }
    header.ends = {*source, *destination};
    return header;
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U |
                                      static_cast<unsigned char>(bytes[at + 1]));
}

/// Two addresses, then two ports, in network order.
template <typename Address>
ProxyHeader::Ends read_ends(std::string_view bytes) {
    typename Address::bytes_type source, destination;
    std::memcpy(source.data(), bytes.data(), source.size());
    std::memcpy(destination.data(), bytes.data() + source.size(), destination.size());
    return {{Address(source), number_at(bytes, 2 * source.size())},
            {Address(destination), number_at(bytes, 2 * source.size() + 2)}};
}

ProxyHeader read_binary(std::string_view bytes) {
    if (bytes.size() < kBinaryFixed) {
        return {};
    }
    constexpr std::uint8_t kLocal = 0x20, kProxy = 0x21, kTcp4 = 0x11, kTcp6 = 0x21;
    constexpr std::size_t kTcp4Size = 12, kTcp6Size = 36;
    const auto command = static_cast<std::uint8_t>(bytes[12]);
    const auto family = static_cast<std::uint8_t>(bytes[13]);
    const std::size_t length = number_at(bytes, 14);
    if ((command != kLocal && command != kProxy) || kBinaryFixed + length > kMaxProxyHeader) {
        return kInvalid;
    }
    if (bytes.size() < kBinaryFixed + length) {
        return {};
    }
    ProxyHeader header{Status::complete, kBinaryFixed + length, std::nullopt};
    if (command == kLocal || (family != kTcp4 && family != kTcp6)) {
        return header;
    }
    if (length < (family == kTcp4 ? kTcp4Size : kTcp6Size)) {
        return kInvalid;
    }
    const std::string_view ends = bytes.substr(kBinaryFixed, length);
    header.ends =
        family == kTcp4 ? read_ends<boost::asio::ip::address_v4>(ends) : read_ends<boost::asio::ip::address_v6>(ends);
    return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
    if (begins_alike(bytes, kText)) {
        return bytes.size() < kText.size() ? ProxyHeader{} : read_text(bytes);
    }
    return begins_alike(bytes, kBinary) ? read_binary(bytes) : kInvalid;
}

ProxyHeader take_proxy_header(int socket, std::string& begun) {
    std::array<char, kMaxProxyHeader> space;
    while (begun.size() < kMaxProxyHeader) {
        const ssize_t seen = ::recv(socket, space.data(), space.size() - begun.size(), MSG_PEEK);
        if (seen < 0 && errno == EINTR) {
            continue;
        }
        if (seen <= 0) {
            return seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? ProxyHeader{} : kInvalid;
        }
        const std::size_t before = begun.size();
        begun.append(space.data(), static_cast<std::size_t>(seen));
        ProxyHeader header = read_proxy_header(begun);
        // What belongs to the header leaves the socket; else it would be reported as readable again and again.
        begun.resize(header.status == Status::complete ? header.size : begun.size());
        if (header.status == Status::invalid ||
            ::recv(socket, space.data(), begun.size() - before, 0) != static_cast<ssize_t>(begun.size() - before)) {
            return kInvalid;
        }
        if (header.status == Status::complete) {
            return header;
        }
    }
    return kInvalid;
}

}  // namespace portal::net
