// Replies: whatever the pieces they come in and whatever of them is dropped on the way, the same values come out, and
// they are those that a plain recursive reader of the format sees.
#include "resp/frame_scanner.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/unit/resp/feed.hpp"

#include <charconv>

namespace portal::fuzz {
namespace {

using resp::ReplyLimits;
using resp::ScanStatus;

ReplyLimits limits_for(std::uint8_t choices) {
    ReplyLimits limits;
    if ((choices & 1) != 0) {
        limits.line = 30;
        limits.bulk = 50;
        limits.depth = 3;
    }
    return limits;
}

/// Reads one value without any regard to speed, limits or resumption.
class PlainReader {
  public:
    enum class Answer : std::uint8_t { complete, need_more, malformed };

    explicit PlainReader(std::string_view bytes) : bytes_(bytes) {}

    Answer value() {
        const Answer answer = line();
        return answer == Answer::complete ? rest_of_value() : answer;
    }
    [[nodiscard]] std::size_t size() const { return at_; }

  private:
    /// Takes a line off: type_ and text_.
    Answer line() {
        const std::size_t end = bytes_.find("\r\n", at_);
        if (end == std::string_view::npos) {
            return Answer::need_more;
        }
        if (end == at_) {
            return Answer::malformed;
        }
        type_ = bytes_[at_];
        text_ = bytes_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 2;
        return Answer::complete;
    }

    /// The length that text_ announces; -1 if it is none.
    [[nodiscard]] std::int64_t length() const {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
        const bool plain = error == std::errc() && end == text_.data() + text_.size() && number >= 0 &&
                           text_[0] != '-' && (text_[0] != '0' || text_.size() == 1);
        return plain ? number : -1;
    }

    Answer string(std::int64_t size) {
        if (size < 0) {
            return Answer::malformed;
        }
        if (bytes_.size() - at_ < 2 || bytes_.size() - at_ - 2 < static_cast<std::uint64_t>(size)) {
            return Answer::need_more;
        }
        at_ += static_cast<std::size_t>(size) + 2;
        return bytes_.substr(at_ - 2, 2) == "\r\n" ? Answer::complete : Answer::malformed;
    }

    Answer streamed_string() {
        while (true) {
            Answer answer = line();
            if (answer == Answer::complete && (type_ != ';' || length() < 0)) {
                answer = Answer::malformed;
            }
            if (answer != Answer::complete || length() == 0) {
                return answer;
            }
            answer = string(length());
            if (answer != Answer::complete) {
                return answer;
            }
        }
    }

    Answer streamed_elements(bool pairs) {
        for (std::size_t count = 0;; ++count) {
            Answer answer = line();
            if (answer == Answer::complete && type_ == '.') {
                return text_.empty() && (!pairs || count % 2 == 0) ? Answer::complete : Answer::malformed;
            }
            if (answer == Answer::complete) {  // no server streams, so there a push is an element
                answer = type_ == '>' ? elements(length(), 1) : rest_of_value();
            }
            if (answer != Answer::complete) {
                return answer;
            }
        }
    }

    /// A push within another value that is none of its elements.
    [[nodiscard]] bool stands_beside(bool inside) const {
        if (type_ != '>' || !inside || length() <= 0) {
            return false;
        }
        PlainReader word(bytes_.substr(at_));
        const std::size_t begin = at_;
        return word.line() != Answer::complete || word.type_ != '$' || word.length() < 0 || word.length() > 12 ||
               !bytes_.substr(begin + word.at_, static_cast<std::size_t>(word.length())).ends_with("subscribe");
    }

    Answer elements(std::int64_t count, int per_element) {
        if (count < 0) {
            return Answer::malformed;
        }
        for (std::int64_t i = 0; i < count; ++i) {
            for (int j = 0; j < per_element; ++j) {
                const Answer answer = value();
                if (answer != Answer::complete) {
                    return answer;
                }
            }
        }
        return Answer::complete;
    }

    Answer rest_of_value() {
        const bool inside = inside_;
        inside_ = inside || (attributes_ == 0 && type_ != '|');
        const bool streamed = text_ == "?";
        const bool null = text_ == "-1";
        switch (type_) {
            case '+':
            case '-':
            case ':':
            case ',':
            case '(':
            case '#':
            case '_':
                return Answer::complete;
            case '$':
                return null ? Answer::complete : streamed ? streamed_string() : string(length());
            case '=':
            case '!':
                return string(length());
            case '*':
                return null ? Answer::complete : streamed ? streamed_elements(false) : elements(length(), 1);
            case '~':
                return streamed ? streamed_elements(false) : elements(length(), 1);
            case '>': {
                const bool beside = stands_beside(inside);
                const Answer answer = elements(length(), 1);
                return answer == Answer::complete && beside ? value() : answer;
            }
            case '%':
                return streamed ? streamed_elements(true) : elements(length(), 2);
            case '|': {
                ++attributes_;
                const Answer answer = elements(length(), 2);
                --attributes_;
                return answer == Answer::complete ? value() : answer;
            }
            default:
                return Answer::malformed;
        }
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
    char type_ = 0;
    std::string_view text_;
    bool inside_ = false;  // the value, not an attribute before it
    int attributes_ = 0;   // that are open
};

void check_against_plain_reader(std::string_view bytes, const resp::testing::Outcome& outcome) {
    for (const resp::testing::Event& event : outcome.events) {
        PlainReader reader(bytes);
        const PlainReader::Answer answer = reader.value();
        if (event.status == ScanStatus::error) {
            require(event.error != "malformed reply" || answer != PlainReader::Answer::complete,
                    "refused what the plain reader takes");
            return;
        }
        require(answer == PlainReader::Answer::complete, "took what the plain reader does not");
        require(reader.size() == event.bytes.size(), "the plain reader sees another size");
        bytes.remove_prefix(event.bytes.size());
    }
    require(bytes.size() == outcome.unfinished, "all bytes are in a value or unfinished");
    // The plain reader misses some damage until the line is there.
    require(PlainReader(bytes).value() == PlainReader::Answer::need_more, "waits where the plain reader does not");
}

}  // namespace

std::vector<std::string> seeds() {
    std::string array = "*100\r\n";
    for (int i = 0; i < 100; ++i) {
        array += "$1\r\nx\r\n";
    }
    std::vector<std::string> result;
    for (const std::string& bytes : {
             std::string("+OK\r\n:1\r\n$-1\r\n*-1\r\n_\r\n$4\r\nabcd\r\n-ERR a rather long text of an error\r\n"),
             std::string("*3\r\n*0\r\n*2\r\n*-1\r\n%1\r\n+k\r\n~1\r\n#t\r\n,1.5\r\n>2\r\n+a\r\n(123\r\n"),
             std::string("|1\r\n+key\r\n|0\r\n+value\r\n*1\r\n|1\r\n:1\r\n:2\r\n!3\r\nERR\r\n=7\r\ntxt:abc\r\n"),
             std::string("$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n%?\r\n+a\r\n*?\r\n~?\r\n.\r\n.\r\n.\r\n"),
             std::string("*9223372036854775806\r\n*2\r\n"),
             std::string("$99\r\n") + std::string(99, '\r') + "\r\n",
             std::string("+a\rb\nc\r\r\n$2\r\na\r\n\r\n"),
             std::string("*?\r\n*?\r\n*?\r\n*?\r\n:1\r\n.\r\n.\r\n.\r\n.\r\n"),
             std::string("%?\r\n+a\r\n.\r\n"),
             std::string("*2\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:"
                         "1\r\n+OK\r\n"),
             array,
         }) {
        result.push_back("\x08:" + bytes);
        result.push_back("\x01z" + bytes);
    }
    return result;
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace portal;
    fuzz::Input input(data, size);
    const resp::ReplyLimits limits = fuzz::limits_for(input.choices);
    const resp::testing::Outcome whole = resp::testing::feed_replies(limits, input.bytes);
    fuzz::require(whole == resp::testing::feed_replies(limits, input.bytes, input.cuts()), "pieces change the outcome");
    const auto drop_some = [&input](std::size_t scanned) -> std::size_t { return input.random() % (scanned + 1); };
    fuzz::require(whole == resp::testing::feed_replies(limits, input.bytes, input.cuts(), drop_some),
                  "dropping scanned bytes changes the outcome");
    if (input.bytes.size() < 256) {
        fuzz::require(
            whole == resp::testing::feed_replies(limits, input.bytes, resp::testing::byte_by_byte(input.bytes),
                                                 resp::testing::drop_everything),
            "single bytes change the outcome");
    }
    fuzz::check_against_plain_reader(input.bytes, whole);
    return 0;
}
