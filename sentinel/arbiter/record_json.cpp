#include "sentinel/arbiter/record_json.hpp"

#include "net/http/json_fields.hpp"

#include <boost/json.hpp>

namespace portal::sentinel {
namespace json = boost::json;
using replication::Epoch;

namespace {

/// Clients keep such numbers in 53 bits, and more are given out behind it.
constexpr std::uint64_t kLargestNotice = (std::uint64_t{1} << 53U) - (std::uint64_t{1} << 32U);

std::optional<Phase> phase_from(std::string_view text) {
    for (const auto phase : {Phase::bootstrapping, Phase::leading, Phase::fencing}) {
        if (to_string(phase) == text) {
            return phase;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string encode_record(const Record& record, std::uint64_t version) {
    json::object known;
    for (const auto& [node, data] : record.known) {
        known[node] = {{"run_id", data.run_id}, {"replid", data.replid}, {"offset", data.offset}, {"keys", data.keys}};
    }
    json::object object{{"id", record.id},
                        {"epoch", static_cast<std::uint64_t>(record.epoch)},
                        {"phase", to_string(record.phase)},
                        {"leader", record.leader},
                        {"in_sync", json::value_from(record.in_sync)},
                        {"joining", json::value_from(record.joining)},
                        {"acting", record.acting},
                        {"renewals", record.renewals},
                        {"known", std::move(known)},
                        {"reason", record.reason},
                        {"answered_id", record.answered_id},
                        {"answered_error", record.answered_error}};
    if (record.leader_since != 0) {
        object["leader_since"] = record.leader_since;
    }
    if (record.notice != 0) {
        object["notice"] = record.notice;
    }
    json::array history;
    for (const auto& account : record.history) {
        json::error_code ignored;
        history.push_back(json::parse(account, ignored));
    }
    object["history"] = std::move(history);
    if (version != 0) {
        object["version"] = version;
    }
    return json::serialize(object);
}

std::optional<VersionedRecord> decode_record(std::string_view text, std::string& error) {
    const auto object = net::parse_object(text, error);
    if (!object) {
        return std::nullopt;
    }
    const auto phase = phase_from(net::text_at(*object, "phase"));
    if (!phase) {
        error = "it names no phase that this version knows";
        return std::nullopt;
    }
    VersionedRecord read;
    auto& record = read.record;
    read.version = net::number_at(*object, "version");
    record.id = net::text_at(*object, "id");
    record.epoch = Epoch{net::number_at(*object, "epoch")};
    record.phase = *phase;
    record.leader = net::text_at(*object, "leader");
    record.acting = net::text_at(*object, "acting");
    record.renewals = net::number_at(*object, "renewals");
    record.reason = net::text_at(*object, "reason");
    record.leader_since = static_cast<std::int64_t>(net::number_at(*object, "leader_since"));
    const auto notice = net::number_at(*object, "notice");
    record.notice = notice <= kLargestNotice ? static_cast<std::int64_t>(notice) : 0;
    for (const auto& account : net::array_at(*object, "history")) {
        if (account.is_object()) {
            add_account(record, json::serialize(account));
        }
    }
    record.answered_id = net::text_at(*object, "answered_id");
    record.answered_error = net::text_at(*object, "answered_error");
    for (const auto& [key, names] : {std::pair{"in_sync", &record.in_sync}, {"joining", &record.joining}}) {
        for (const auto& name : net::array_at(*object, key)) {
            if (name.is_string()) {
                names->emplace_back(name.as_string());
            }
        }
    }
    for (const auto& [node, data] : net::object_at(*object, "known")) {
        if (data.is_object()) {
            const auto& fields = data.as_object();
            record.known[std::string(node)] = {net::text_at(fields, "run_id"), net::text_at(fields, "replid"),
                                               net::number_at(fields, "offset"), net::number_at(fields, "keys")};
        }
    }
    if (record.phase != Phase::bootstrapping && (record.leader.empty() || record.epoch == Epoch{0})) {
        error = "it names no leader";
        return std::nullopt;
    }
    return read;
}

std::string encode_mark(const Mark& mark) {
    return json::serialize(json::object{{"portal", mark.portal},
                                        {"beat", mark.beat},
                                        {"fenced", static_cast<std::uint64_t>(mark.fenced)},
                                        {"reaches_leader", mark.reaches_leader},
                                        {"suspects", mark.suspects},
                                        {"wants_id", mark.wants_id},
                                        {"wants_to", mark.wants_to},
                                        {"wants_in", static_cast<std::uint64_t>(mark.wants_in)},
                                        {"waits_for", mark.waits_for},
                                        {"url", mark.url}});
}

std::optional<Mark> decode_mark(std::string_view text, std::string& error) {
    const auto object = net::parse_object(text, error);
    if (!object) {
        return std::nullopt;
    }
    Mark mark;
    mark.portal = net::text_at(*object, "portal");
    if (mark.portal.empty()) {
        error = "it names no portal";
        return std::nullopt;
    }
    mark.beat = net::number_at(*object, "beat");
    mark.fenced = Epoch{net::number_at(*object, "fenced")};
    mark.reaches_leader = net::flag_at(*object, "reaches_leader");
    mark.suspects = net::text_at(*object, "suspects");
    mark.wants_id = net::text_at(*object, "wants_id");
    mark.wants_to = net::text_at(*object, "wants_to");
    mark.wants_in = Epoch{net::number_at(*object, "wants_in")};
    mark.waits_for = net::text_at(*object, "waits_for");
    mark.url = net::text_at(*object, "url");
    return mark;
}

}  // namespace portal::sentinel
