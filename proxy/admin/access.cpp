#include "admin/access.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

namespace portal::admin {

bool is_loopback(const boost::asio::ip::address& peer) {
    if (peer.is_v6() && peer.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, peer.to_v6()).is_loopback();
    }
    return peer.is_loopback();
}

std::optional<std::string> refuse_change(const boost::asio::ip::address& peer, std::optional<std::string_view> origin) {
    if (!is_loopback(peer)) {
        return "Changes are accepted only from the machine (or pod) of the portal itself: run the command there.";
    }
    if (origin) {
        return "Changes are not accepted from web pages: use redis-portal or curl.";
    }
    return std::nullopt;
}

}  // namespace portal::admin
