// Requests: whatever the pieces they come in, the same commands come out; every argument lies inside its frame; an
// inline command becomes a multibulk request that scans as one.
#include "resp/frame_scanner.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/unit/resp/feed.hpp"
#include "tests/unit/resp/malformed_requests.hpp"

#include <optional>

namespace portal::fuzz {
namespace {

using resp::RequestLimits;
using resp::RequestScanner;
using resp::RequestView;
using resp::ScanStatus;

RequestLimits limits_for(std::uint8_t choices) {
    RequestLimits limits;
    limits.authenticated = (choices & 1) == 0;
    if ((choices & 2) != 0) {
        limits.line = 40;
        limits.arguments = 20;
        limits.bulk = 100;
    }
    if ((choices & 4) != 0) {
        limits.request = 200;
    }
    return limits;
}

void check_multibulk(std::string_view frame, std::minstd_rand& random) {
    const RequestView view(frame);
    require(view.argc() > 0, "a complete request has arguments");
    std::string encoded;
    resp::write_array_header(encoded, view.argc());
    const char* last = frame.data();
    for (std::size_t i = 0; i < view.argc(); ++i) {
        const std::string_view argument = view.arg(i);
        require(argument.data() > last && argument.data() + argument.size() + 2 <= frame.data() + frame.size(),
                "arguments lie inside the frame, one after the other");
        last = argument.data() + argument.size() + 1;
        resp::write_bulk(encoded, argument);
    }
    require(last + 1 == frame.data() + frame.size(), "the frame ends with its last argument");
    for (int i = 0; i < 4; ++i) {
        const std::size_t index = random() % view.argc();
        require(view.arg(index).data() == RequestView(frame).arg(index).data(), "arguments in any order are the same");
    }

    const RequestLimits limits;
    RequestScanner scanner(limits);
    const resp::ScanResult result = scanner.scan(encoded);
    require(result.status == ScanStatus::complete && result.size == encoded.size(),
            "the arguments encode to a request");
    const RequestView again(encoded);
    require(again.argc() == view.argc(), "as many arguments");
    for (std::size_t i = 0; i < view.argc(); ++i) {
        require(again.arg(i) == view.arg(i), "the same arguments");
    }
}

void check_frame(const resp::testing::Event& event, std::minstd_rand& random) {
    if (event.status == ScanStatus::error) {
        require(event.error.starts_with("Protocol error: "), "an error has its text");
        require(event.error.find_first_of("\r\n") == std::string::npos, "the text of an error is one line");
        return;
    }
    require(!event.bytes.empty(), "a frame has bytes");
    if (!resp::is_inline(event.bytes)) {
        if (event.status == ScanStatus::complete) {
            check_multibulk(event.bytes, random);
        }
        return;
    }
    const std::optional<std::string> request = resp::inline_to_multibulk(event.bytes);
    require(request.has_value(), "the scanner refuses unbalanced quotes itself");
    require(request->empty() == (event.status == ScanStatus::empty), "the scanner passes over lines without a word");
    if (!request->empty()) {
        const RequestLimits limits;
        RequestScanner scanner(limits);
        const resp::ScanResult result = scanner.scan(*request);
        require(result.status == ScanStatus::complete && result.size == request->size(), "inline scans as multibulk");
        check_multibulk(*request, random);
    }
}

}  // namespace

std::vector<std::string> seeds() {
    std::vector<std::string> result;
    for (const resp::testing::MalformedRequest& request : resp::testing::malformed_requests()) {
        if (request.bytes.size() < 1000) {
            result.push_back((request.authenticated ? "\x08:" : "\x01:") + request.bytes);
        }
    }
    std::string many = "*300\r\n";
    for (int i = 0; i < 300; ++i) {
        many += "$1\r\nx\r\n";
    }
    for (const std::string& bytes :
         {std::string("*2\r\n$3\r\nGET\r\n$20\r\n01234567890123456789\r\n*1\r\n$4\r\nPING\r\n"), many,
          std::string("SET \"a\\x41\\n\" 'b\\'c' d\r\nPING\n\n*0\r\nPING\r\n"),
          "*1\r\n$1234\r\n" + std::string(1234, '\r') + "\r\n"}) {
        for (const char* choices : {"\x08:", "\x01x", "\x02z", "\x04!"}) {
            result.push_back(choices + bytes);
        }
    }
    return result;
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace portal;
    fuzz::Input input(data, size);
    const resp::RequestLimits limits = fuzz::limits_for(input.choices);
    const resp::testing::Outcome whole = resp::testing::feed_requests(limits, input.bytes);
    fuzz::require(whole == resp::testing::feed_requests(limits, input.bytes, input.cuts()),
                  "pieces change the outcome");
    if (input.bytes.size() < 256) {
        fuzz::require(
            whole == resp::testing::feed_requests(limits, input.bytes, resp::testing::byte_by_byte(input.bytes)),
            "single bytes change the outcome");
    }
    for (const resp::testing::Event& event : whole.events) {
        fuzz::check_frame(event, input.random);
    }
    return 0;
}
