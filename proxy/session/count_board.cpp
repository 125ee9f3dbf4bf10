#include "session/count_board.hpp"

#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"
#include "session/session_context.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace portal::session {

using command::Handling;
using upstream::counted_name;
using upstream::SubscriptionKind;

namespace {

/// An array as it came, without the name of the portals' own channel; empty: that is not in it.
std::string without_own_channel(std::string_view bytes) {
    std::string rest;
    std::size_t count = 0;
    bool found = false;
    auto elements = resp::ReplyView::whole(bytes).elements();
    while (const resp::ReplyView each = elements.next()) {
        if (each.text() == kCountChannel) {
            found = true;
        } else {
            rest += each.bytes();
            ++count;
        }
    }
    if (!found) {
        return {};
    }
    std::string out;
    resp::write_array_header(out, count);
    return out + rest;
}

}  // namespace

std::string CountBoard::correct(const command::CommandRow& row, const resp::RequestView& request,
                                std::string_view bytes) {
    note_used();
    if (row.subcommand == "shardchannels") {
        return without_own_channel(bytes);
    }
    if (row.subcommand == "shardnumsub") {
        return with_surplus(SubscriptionKind::shard_channel, bytes);
    }
    if (row.subcommand == "numsub") {
        return with_surplus(SubscriptionKind::channel, bytes);
    }
    if (row.handling != Handling::publish || (here_.empty() && elsewhere_.empty())) {
        return {};
    }
    const std::optional<std::int64_t> heard = resp::ReplyView::whole(bytes).integer();
    if (!heard) {
        return {};
    }
    const std::string_view channel = request.arg(1);
    std::uint64_t more = 0;
    if (row.name == "spublish") {
        more = surplus(SubscriptionKind::shard_channel, channel);
    } else {
        more = surplus(SubscriptionKind::channel, channel) + here_.by_patterns(node_, channel) +
               elsewhere_.by_patterns(node_, channel);
    }
    return more == 0 ? std::string() : resp::integer(*heard + static_cast<std::int64_t>(more));
}

void CountBoard::note_used() {
    if (!std::exchange(used_, true) && shard_ != 0) {
        peers_.post(0, [](SessionContext& first) { first.counts.note_used(); });
    }
}

std::uint64_t CountBoard::surplus(SubscriptionKind kind, std::string_view name) const {
    const std::string counted = counted_name(node_, kind, name);
    return here_.of(counted) + elsewhere_.of(counted);
}

/// Names and numbers in turn.
std::string CountBoard::with_surplus(SubscriptionKind kind, std::string_view bytes) const {
    auto elements = resp::ReplyView::whole(bytes).elements();
    if (elements.left() == 0) {
        return {};
    }
    std::string out;
    resp::write_array_header(out, elements.left());
    while (const resp::ReplyView name = elements.next()) {
        const resp::ReplyView number = elements.next();
        const auto text = name.text();
        const auto count = number.integer();
        if (!text || !count) {
            return {};
        }
        out += name.bytes();
        // Nobody but the portals counts themselves.
        resp::write_integer(out, kind == SubscriptionKind::shard_channel && *text == kCountChannel
                                     ? 0
                                     : *count + static_cast<std::int64_t>(surplus(kind, *text)));
    }
    return out;
}

void CountBoard::on_surplus(SubscriptionKind kind, std::string_view name, std::int64_t change) {
    note_used();
    const std::string counted = counted_name(node_, kind, name);
    const std::string own = std::to_string(shard_);
    const std::int64_t now = std::max<std::int64_t>(0, here_.of_source(own, counted) + change);
    if (here_.set(own, counted, static_cast<std::uint32_t>(now))) {
        changed_.insert(counted);
        turn_.mark(*this);
    }
}

void CountBoard::flush() {
    const std::string own = std::to_string(shard_);
    auto changes = std::make_shared<std::vector<CountChange>>();
    for (const std::string& name : std::exchange(changed_, {})) {
        changes->push_back({name, here_.of_source(own, name)});
        if (told_) {
            told_(name);
        }
    }
    peers_.post_to_others(shard_,
                          [from = shard_, changes](SessionContext& context) { context.counts.take(from, *changes); });
}

void CountBoard::take(std::uint32_t shard, const std::vector<CountChange>& changes) {
    const std::string source = std::to_string(shard);
    for (const CountChange& each : changes) {
        if (here_.set(source, each.name, each.surplus) && told_) {
            told_(each.name);
        }
    }
}

void CountBoard::take_from(const PortalId& portal, bool whole, const std::vector<CountChange>& changes) {
    if (whole) {
        elsewhere_.drop(portal);
    }
    for (const CountChange& each : changes) {
        static_cast<void>(elsewhere_.set(portal, each.name, each.surplus));
    }
}

bool CountBoard::drop(const PortalId& portal) {
    return elsewhere_.drop(portal);
}

}  // namespace portal::session
