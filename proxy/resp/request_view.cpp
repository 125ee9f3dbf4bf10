#include "resp/request_view.hpp"

#include "resp/inline_words.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>

namespace portal::resp {
namespace {

struct LengthLine {
    std::size_t value;
    std::size_t end;  // offset of the byte after the line
};

// The scanner has checked the digits and the line end.
LengthLine length_line(std::string_view frame, std::size_t at) noexcept {
    std::size_t value = 0;
    for (++at; at < frame.size() && frame[at] != '\r'; ++at) {
        value = value * 10 + static_cast<std::size_t>(frame[at] - '0');
    }
    return {value, std::min(at + 2, frame.size())};
}

}  // namespace

void RequestView::read_header() noexcept {
    const LengthLine line = length_line(frame_, 0);
    argc_ = line.value;
    first_ = next_offset_ = line.end;
}

std::string_view RequestView::seek(std::size_t index) const noexcept {
    if (index < next_index_) {
        next_index_ = 0;
        next_offset_ = first_;
    }
    while (next_index_ <= index && next_index_ < argc_) {
        const LengthLine line = length_line(frame_, next_offset_);
        last_ = frame_.substr(line.end, line.value);
        next_offset_ = std::min(line.end + last_.size() + 2, frame_.size());
        ++next_index_;
    }
    return last_;
}

std::optional<std::string> inline_to_multibulk(std::string_view line) {
    std::string words;
    std::string word;
    std::size_t count = 0;
    const bool balanced = split_words(
        without_line_end(line), [&word](char byte) { word.push_back(byte); },
        [&] {
            write_bulk(words, word);
            word.clear();
            ++count;
        });
    if (!balanced) {
        return std::nullopt;
    }
    std::string request;
    if (count > 0) {
        write_array_header(request, count);
        request += words;
    }
    return request;
}

}  // namespace portal::resp
