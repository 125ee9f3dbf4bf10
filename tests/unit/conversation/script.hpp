// Requests and replies as a conversation's parts see them, for tests that play events in and look at what comes out.
#pragma once

#include "command/classifier.hpp"
#include "conversation/link_effect.hpp"
#include "conversation/lost_request.hpp"
#include "conversation/transaction.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation::script {

/// "SET k v" as a request frame.
inline std::string frame(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    std::string out;
    resp::write_array_header(out, words.size());
    for (const std::string& word : words) {
        resp::write_bulk(out, word);
    }
    return out;
}

inline const command::CommandRow& row_of(const std::string& line) {
    const std::string bytes = frame(line);
    return command::classify(resp::RequestView(bytes));
}

inline upstream::PendingRequest request_of(const std::string& line, std::uint64_t slot, bool unit = false) {
    const command::CommandRow& row = row_of(line);
    upstream::PendingRequest request;
    request.sequence = slot;
    request.tag = static_cast<std::uint32_t>(command::index_of(row));
    request.repeatable = !row.write;
    request.effect = effect_of(row.handling);
    request.unit = unit;
    return request;
}

/// `line` came back from a lost link.
inline Lost lost(const std::string& line, std::uint64_t slot, bool sent, bool unit = false) {
    Lost lost;
    lost.request = request_of(line, slot, unit);
    lost.command = frame(line);
    lost.sent = sent;
    return lost;
}

/// A client with a link of its own, and the node behind it, for as long as neither of them lies.
class OwnLink {
  public:
    explicit OwnLink(Transaction& transaction) : transaction_(transaction) {}

    /// The client sends `line` in the next slot.
    std::uint64_t send(const std::string& line) {
        const command::CommandRow& row = row_of(line);
        switch (row.handling) {
            case command::Handling::multi:
                transaction_.begin(next_);
                break;
            case command::Handling::exec:
                transaction_.send_exec();
                break;
            case command::Handling::watch:
                transaction_.send_watch();
                break;
            default:
                break;
        }
        transaction_.queued().note(row);
        return next_++;
    }

    /// MULTI within the transaction that is open.
    std::uint64_t send_nested_multi() { return next_++; }

    /// The node answers `line`. What the client gets, or that it goes again.
    Verdict answer(const std::string& line, std::uint64_t slot, std::string_view reply) {
        const command::CommandRow& row = row_of(line);
        const upstream::PendingRequest request = request_of(line, slot);
        EXPECT_TRUE(state.answered(request.effect, resp::ReplyHead{reply, reply.front(), true}, false)) << line;
        if (transaction_.contains(request) && row.handling != command::Handling::exec) {
            transaction_.note_queued(row, reply, frame(line));
        }
        if (transaction_.concerns(request, row, reply)) {
            return transaction_.judge_own(row, reply, resp::Protocol::resp2);
        }
        switch (row.handling) {
            case command::Handling::multi:
                transaction_.note_answer(&state);
                break;
            case command::Handling::exec:
                transaction_.note_exec_answer(&state, reply.front() != '-' || reply.starts_with("-EXECABORT"));
                break;
            case command::Handling::discard:
                transaction_.note_answer(&state);
                transaction_.note_watch(&state, reply.front() != '-');
                break;
            case command::Handling::watch:
                transaction_.note_watch(&state, false);
                break;
            default:
                break;
        }
        return Verdict{reply};
    }

    /// Both in one.
    Verdict say(const std::string& line, std::string_view reply) { return answer(line, send(line), reply); }

    upstream::LinkState state;

  private:
    Transaction& transaction_;
    std::uint64_t next_ = 0;
};

}  // namespace portal::conversation::script
