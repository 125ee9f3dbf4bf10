// Views of replies: taken for whole is what the scanner of links takes for one value, unless it is streamed or deep;
// whatever is asked lies within the frame, and the elements of a value follow each other without a gap.
#include "resp/frame_scanner.hpp"
#include "resp/limits.hpp"
#include "resp/reply_view.hpp"
#include "tests/fuzz/harness.hpp"

#include <algorithm>

namespace portal::fuzz {
namespace {

using resp::ReplyView;

/// Asks `view` all there is to ask. `end`: no part of it lies behind.
void check_view(const ReplyView& view, const char* end, std::size_t level) {
    require(level <= ReplyView::kDeepest, "deeper than announced");
    const std::string_view bytes = view.bytes();
    require(!bytes.empty() && bytes.data() + bytes.size() <= end, "bytes outside of the frame");
    const auto text = view.text() ? view.text() : view.error();
    const std::string_view found = text.value_or(bytes);
    require(found.data() >= bytes.data() && found.data() + found.size() <= bytes.data() + bytes.size(),
            "a text outside of its value");
    require(view.integer().has_value() <= (view.type() == ':'), "a number that is none");
    (void)view.value_of("a");

    const char* at = bytes.data();
    auto elements = view.elements();
    require(elements.left() == 0 || !text, "a text with elements");
    while (elements.left() > 0) {
        const ReplyView element = elements.next();
        require(element.bytes().data() > at, "an element before the end of the one before it");
        check_view(element, bytes.data() + bytes.size(), level + 1);
        at = element.bytes().data() + element.bytes().size() - 1;
    }
    require(!elements.next(), "an element behind the last");
    require(at == bytes.data() || at == bytes.data() + bytes.size() - 1, "bytes behind the last element");
}

}  // namespace

std::vector<std::string> seeds() {
    std::string deep;
    for (std::size_t i = 0; i < ReplyView::kDeepest; ++i) {
        deep += "*1\r\n";
    }
    std::vector<std::string> result;
    for (const std::string& bytes :
         {std::string("*3\r\n$6\r\nmaster\r\n:413\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n28702\r\n$3\r\n363\r\n"),
          std::string("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:7\r\n"),
          std::string("*1\r\n*7\r\n+get\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*0\r\n"),
          std::string(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"),
          std::string("|1\r\n+key\r\n|0\r\n+value\r\n*1\r\n|1\r\n:1\r\n:2\r\n!3\r\nERR\r\n"),
          std::string("=7\r\ntxt:abc\r\n"), std::string("*2\r\n*-1\r\n$-1\r\n"), std::string("*?\r\n+a\r\n.\r\n"),
          deep + ":1\r\n", deep + "*1\r\n:1\r\n"}) {
        result.push_back(std::string("\0\1", 2) + bytes);
    }
    return result;
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace portal;
    const fuzz::Input input(data, size);
    const resp::ReplyLimits limits;
    resp::ReplyScanner scanner(limits);
    const resp::ScanResult scanned = scanner.scan(input.bytes);
    const bool one_value = scanned.status == resp::ScanStatus::complete && scanned.size == input.bytes.size();
    const auto view = resp::ReplyView::whole(input.bytes);
    if (view) {
        fuzz::require(one_value, "the scanner sees no whole value");
        fuzz::check_view(view, input.bytes.data() + input.bytes.size(), 0);
    } else {
        const auto openings =
            static_cast<std::size_t>(std::count_if(input.bytes.begin(), input.bytes.end(), [](char c) {
                return std::string_view("*~>%|").find(c) != std::string_view::npos;
            }));
        fuzz::require(!one_value || openings > resp::ReplyView::kDeepest || input.bytes.find('?') != input.bytes.npos,
                      "a whole value that is not seen");
    }
    return 0;
}
