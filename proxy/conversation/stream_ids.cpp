#include "conversation/stream_ids.hpp"

#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <utility>

namespace portal::conversation {

namespace {

/// Before every entry there can be.
constexpr std::string_view kBeginning = "0-0";
/// Streams of one XREAD that are asked for; of the others the sign stays.
constexpr std::size_t kMost = 64;

/// Which word is the first key; 0: there is no STREAMS, or what follows is no pairs.
std::size_t first_key(const resp::RequestView& request) {
    for (std::size_t i = 1; i < request.argc(); ++i) {
        if (resp::is_word(request.arg(i), "streams")) {
            return i + 1 < request.argc() && (request.argc() - i - 1) % 2 == 0 ? i + 1 : 0;
        }
    }
    return 0;
}

bool is_sign(std::string_view id) noexcept {
    return id == "$" || id == "+";
}

/// Of the entry with which `reply`, or as much of it as there is, begins; empty: there is none.
std::string_view first_id(std::string_view reply) noexcept {
    constexpr std::string_view kHead = "*1\r\n*2\r\n";
    if (!reply.starts_with(kHead)) {
        return {};
    }
    reply.remove_prefix(kHead.size());
    const std::size_t line = reply.find("\r\n");
    const std::size_t end = line == std::string_view::npos ? line : reply.find("\r\n", line + 2);
    return end == std::string_view::npos
               ? std::string_view()
               : resp::ReplyView::whole(reply.substr(0, end + 2)).text().value_or(std::string_view());
}

}  // namespace

std::vector<std::string> StreamIds::ask(Slot slot, const command::CommandRow& row, const resp::RequestView& request) {
    std::vector<std::string> questions;
    const std::size_t first = row.name == "xread" ? first_key(request) : 0;
    if (first == 0) {
        return questions;
    }
    const std::size_t streams = (request.argc() - first) / 2;
    Waiting waiting{slot, {}};
    for (std::size_t i = 0; i < streams && waiting.ids.size() < kMost; ++i) {
        if (is_sign(request.arg(first + streams + i))) {
            waiting.ids.push_back({first + streams + i});
        }
    }
    for (const Id& each : waiting.ids) {
        std::string& question = questions.emplace_back();
        resp::write_request(question, "XREVRANGE", request.arg(each.word - streams), "+", "-", "COUNT", "1");
    }
    if (!questions.empty()) {
        forget(slot);
        waiting_.push_back(std::move(waiting));
    }
    return questions;
}

void StreamIds::note_answer(std::string_view bytes) {
    for (Waiting& waiting : waiting_) {
        const auto asked = std::ranges::find(waiting.ids, false, &Id::answered);
        if (asked == waiting.ids.end()) {
            continue;
        }
        asked->answered = true;
        asked->id = bytes == "*0\r\n" ? kBeginning : first_id(bytes);
        return;
    }
}

void StreamIds::note_lost() {
    for (Waiting& waiting : waiting_) {
        for (Id& each : waiting.ids) {
            each.answered = true;
        }
    }
}

std::string StreamIds::known(Slot slot, std::string_view frame) const {
    const auto found = std::ranges::find(waiting_, slot, &Waiting::slot);
    if (found == waiting_.end()) {
        return std::string(frame);
    }
    const resp::RequestView request(frame);
    std::string again;
    resp::write_array_header(again, request.argc());
    for (std::size_t i = 0; i < request.argc(); ++i) {
        const auto id = std::ranges::find(found->ids, i, &Id::word);
        const bool is_known = id != found->ids.end() && !id->id.empty() && is_sign(request.arg(i));
        resp::write_bulk(again, is_known ? std::string_view(id->id) : request.arg(i));
    }
    return again;
}

void StreamIds::forget(Slot slot) {
    std::erase_if(waiting_, [slot](const Waiting& each) { return each.slot == slot; });
}

}  // namespace portal::conversation
