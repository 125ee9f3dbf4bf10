// Requests and responses of the HTTP server, and the ways to make a response.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace portal::admin {

using Request = boost::beast::http::request<boost::beast::http::string_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

/// Who asks.
struct Peer {
    std::optional<boost::asio::ip::address> address;  // empty: over the process's own unix socket
    [[nodiscard]] std::string text() const { return address ? address->to_string() : "socket"; }
};

/// Answers one request on the server's thread; an exception becomes a 500. The request lives until the answer is
/// there.
using Respond = std::function<boost::asio::awaitable<Response>(const Request& request, const Peer& peer)>;

/// A response that is neither stored by caches nor taken for another type.
[[nodiscard]] Response typed_response(boost::beast::http::status status, std::string_view type, std::string body);
/// One line of text.
[[nodiscard]] Response text_response(boost::beast::http::status status, std::string_view sentence);
/// 405; `allow` lists the methods as the header of that name does.
[[nodiscard]] Response wrong_method(std::string_view allow);

/// The path of a request, without its query.
[[nodiscard]] std::string_view path_of(const Request& request);
/// True for what a kubelet or a load balancer asks, which has to be answered however much else is asked.
[[nodiscard]] bool is_probe_path(std::string_view path);

}  // namespace portal::admin
