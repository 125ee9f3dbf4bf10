#include "storage/monitor_news.hpp"

#include "net/http/json_fields.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace portal::storage {
namespace json = boost::json;
using net::flag_at;
using net::number_at;
using net::object_at;
using net::text_at;

namespace {

/// Of the last change of leader, also of one that came to nothing.
const json::object& newest_account(const json::object& status) {
    const auto& accounts = net::array_at(status, "flight_recorder");
    const auto* newest = accounts.empty() ? nullptr : accounts.back().if_object();
    return newest != nullptr ? *newest : object_at(status, "last_failover");
}

}  // namespace

std::vector<News> MonitorNews::look(const json::object& status, TimePoint now) {
    std::vector<News> news;
    const bool acting = flag_at(status, "acting_here");
    if (std::exchange(acting_, acting) && !acting) {
        const auto acts = text_at(status, "acting");
        const auto why = text_at(status, "arbiter_error");
        news.push_back(
            {true, "LeaseLost",
             fmt::format("{} acts no longer{}{}.", portal_,
                         acts.empty() || acts == portal_ ? "" : "; " + acts + " does", why.empty() ? "" : ": " + why)});
    }
    look_at_change(status, acting, news);
    look_at_end(newest_account(status), news);
    look_at_leaders(status, acting, now, news);
    return news;
}

News MonitorNews::started(std::string_view from, std::uint64_t epoch, std::string_view why) {
    return {true, "FailoverStarted", fmt::format("{} shall lead no longer, epoch {}: {}.", from, epoch, why)};
}

void MonitorNews::look_at_change(const json::object& status, bool acting, std::vector<News>& news) {
    const auto& change = object_at(status, "change");
    const auto epoch = number_at(status, "epoch");
    const auto from = text_at(change, "from");
    if (from.empty() || epoch <= begun_) {
        return;
    }
    begun_ = epoch;
    if (acting && !flag_at(change, "planned")) {
        news.push_back(started(from, epoch, text_at(change, "reason")));
    }
}

void MonitorNews::look_at_end(const json::object& ended, std::vector<News>& news) {
    const auto epoch = number_at(ended, "epoch");
    if (epoch <= ended_ || text_at(ended, "carried_out_by") != portal_) {
        return;
    }
    ended_ = epoch;
    const auto from = text_at(ended, "from");
    const auto to = text_at(ended, "to");
    const auto why = text_at(ended, "reason");
    const bool planned = flag_at(ended, "planned");
    if (from.empty()) {
        news.push_back({false, "LeaderElected", fmt::format("{} leads, epoch {}: {}.", to, epoch, why)});
        return;
    }
    if (epoch > std::exchange(begun_, std::max(begun_, epoch)) && !planned) {
        news.push_back(started(from, epoch, why));  // it was over sooner than anybody looked
    }
    const auto took =
        ended.contains("duration_ms") ? fmt::format(", after {} ms", number_at(ended, "duration_ms")) : "";
    const std::string what = planned ? "Switchover" : "Failover";
    if (from == to) {
        news.push_back({true, what + "Aborted", fmt::format("{} leads on, epoch {}{}: {}.", to, epoch, took, why)});
    } else {
        news.push_back({!planned, what + "Completed",
                        fmt::format("{} leads instead of {}, epoch {}{}: {}.", to, from, epoch, took, why)});
    }
}

void MonitorNews::look_at_leaders(const json::object& status, bool acting, TimePoint now, std::vector<News>& news) {
    const auto leader = text_at(status, "leader");
    std::string others;
    for (const auto& item : net::array_at(status, "nodes")) {
        const auto* node = item.if_object();
        if (node != nullptr && text_at(*node, "health") == "up" && text_at(*node, "role") == "leader" &&
            text_at(*node, "name") != leader) {
            others += (others.empty() ? "" : ", ") + text_at(*node, "name");
        }
    }
    if (!acting || leader.empty() || others.empty()) {
        others_since_.reset();
        told_others_ = false;
        return;
    }
    if (!others_since_ || std::exchange(others_, others) != others) {
        others_ = others;
        others_since_ = now;
        told_others_ = false;
    }
    if (now - *others_since_ >= kSplit && !std::exchange(told_others_, true)) {
        const auto decision = text_at(status, "decision");
        news.push_back({true, "SplitBrainDetected",
                        fmt::format("{} leads beside the recorded leader {}{}.", others, leader,
                                    decision.empty() ? "" : ": " + decision)});
    }
}

}  // namespace portal::storage
