// The small parsers of what peers send beside commands and replies: the PROXY header, messages of subscriptions, the
// answers that set up a link, and INFO. Each stays within its bytes, and says the same whatever pieces they come in.
#include "net/proxy_header.hpp"
#include "replication/info_parser.hpp"
#include "resp/frame_scanner.hpp"
#include "tests/fuzz/harness.hpp"
#include "upstream/link_setup.hpp"
#include "upstream/pubsub_frame.hpp"

#include <algorithm>
#include <functional>

namespace portal::fuzz {
namespace {

bool within(std::string_view part, std::string_view whole) {
    const std::less_equal<const char*> not_behind;
    return part.empty() || (not_behind(whole.data(), part.data()) &&
                            not_behind(part.data() + part.size(), whole.data() + whole.size()));
}

void check_proxy_header(std::string_view bytes, std::size_t cut) {
    using Status = net::ProxyHeader::Status;
    const net::ProxyHeader whole = net::read_proxy_header(bytes);
    if (whole.status != Status::complete) {
        return;
    }
    require(whole.size > 0 && whole.size <= std::min(bytes.size(), net::kMaxProxyHeader), "a header beyond its bytes");
    require(net::read_proxy_header(bytes.substr(0, cut % whole.size)).status == Status::need_more,
            "a part of a header is not a part");
    const net::ProxyHeader exact = net::read_proxy_header(bytes.substr(0, whole.size));
    require(exact.status == Status::complete && exact.size == whole.size, "what follows changes a header");
}

void check_frames(std::string_view bytes) {
    upstream::LinkSetup setup({"user", "password", resp::Protocol::resp3, 1}, "name");
    auto step = upstream::LinkSetup::Step::more;
    const resp::ReplyLimits limits;
    resp::ReplyScanner scanner(limits);
    while (!bytes.empty()) {
        const resp::ScanResult result = scanner.scan(bytes);
        if (result.status != resp::ScanStatus::complete) {
            return;
        }
        const std::string_view frame = bytes.substr(0, result.size);
        require(within(upstream::read_pubsub_frame(frame).name, frame), "a name outside of its frame");
        if (step == upstream::LinkSetup::Step::more) {
            step = setup.on_reply(frame);
            require(step != upstream::LinkSetup::Step::refused || !setup.error().empty(), "refused without a reason");
        }
        bytes.remove_prefix(result.size);
    }
}

}  // namespace

std::vector<std::string> seeds() {
    const std::string v2 =
        std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) + std::string("\x7f\0\0\1\x7f\0\0\2\x10\0\x20\0", 12);
    std::vector<std::string> result;
    for (const std::string& bytes :
         {std::string("PROXY TCP4 10.0.0.1 10.0.0.2 1000 6379\r\n"), std::string("PROXY UNKNOWN\r\n"), v2 + "PING\r\n",
          std::string("+OK\r\n%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:7\r\n+OK\r\n"),
          std::string("-NOAUTH Authentication required.\r\n"), std::string("-WRONGPASS invalid\r\n"),
          std::string(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"),
          std::string("*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$1\r\nm\r\n"),
          std::string("*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"),
          std::string("role:master\r\nconnected_slaves:1\r\nslave0:ip=1.2.3.4,port=1,state=online,offset=9,lag=0\r\n"
                      "master_replid:0123\r\nmaster_repl_offset:9\r\ndb0:keys=3,expires=0\r\n"),
          std::string("role:slave\r\nmaster_host:h\r\nmaster_port:6379\r\nmaster_link_status:down\r\n")}) {
        result.push_back(std::string("\0\1", 2) + bytes);
    }
    return result;
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace portal;
    fuzz::Input input(data, size);
    fuzz::check_proxy_header(input.bytes, input.random());
    fuzz::check_frames(input.bytes);
    if (const auto report = replication::parse_info(input.bytes)) {
        fuzz::require(replication::parse_info(input.bytes) == report, "the same text reads differently");
    }
    return 0;
}
