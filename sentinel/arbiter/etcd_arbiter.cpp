#include "sentinel/arbiter/etcd_arbiter.hpp"

#include "config/secret_files.hpp"
#include "net/http/json_fields.hpp"
#include "observe/log.hpp"
#include "sentinel/arbiter/http_watch.hpp"
#include "sentinel/arbiter/record_json.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <openssl/evp.h>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// Beats of marks come through the watch several times per `fence_after`, so this is long.
constexpr Milliseconds kShortestSilence{10000};
constexpr unsigned kUnauthorized = 401;

/// The gateway writes keys and values in base64, as protobuf's JSON does with bytes.
std::string to_base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), from, static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string from_base64(const std::string& text) {
    std::string bytes(3 * (text.size() / 4) + 1, '\0');
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), from, static_cast<int>(text.size()));
    // OpenSSL counts the padding as bytes.
    const auto padding = std::count(text.end() - std::min<std::ptrdiff_t>(2, std::ssize(text)), text.end(), '=');
    bytes.resize(size < padding ? 0 : static_cast<std::size_t>(size - padding));
    return bytes;
}

json::object key_only(const std::string& key) {
    return {{"key", to_base64(key)}};
}
json::object put(const std::string& key, const std::string& value) {
    return {{"key", to_base64(key)}, {"value", to_base64(value)}};
}
json::object remove_operation(const std::string& key) {
    return {{"request_delete_range", key_only(key)}};
}
json::object put_operation(const std::string& key, const std::string& value) {
    return {{"request_put", put(key, value)}};
}
/// A transaction that does `operation` if the key still has this modification revision; empty: if there is no such key.
json::object when_unchanged(const std::string& key, const std::string& revision, json::object operation) {
    json::object compare{{"key", to_base64(key)},
                         {"target", "MOD"},
                         {"result", "EQUAL"},
                         {"mod_revision", revision.empty() ? "0" : revision}};
    json::array comparisons;
    comparisons.emplace_back(std::move(compare));
    json::array operations;
    operations.emplace_back(std::move(operation));
    return {{"compare", std::move(comparisons)}, {"success", std::move(operations)}};
}

std::string with_slash(std::string prefix) {
    return prefix.ends_with('/') ? prefix : prefix + '/';
}

/// Whether etcd wants a new login. The request was not carried out then.
bool token_refused(const net::HttpReply& reply) {
    return reply.status == kUnauthorized ||
           (reply.status != 200 && (reply.body.find("revision of auth store is old") != std::string::npos ||
                                    reply.body.find("user name is empty") != std::string::npos));
}

std::string complaint_of(const std::string& body) {
    std::string ignored;
    const auto object = net::parse_object(body, ignored);
    const auto text = object ? net::text_at(*object, "error") : std::string{};
    return text.empty() ? body.substr(0, body.find('\n')) : text;
}

std::string refusal(const net::HttpReply& reply) {
    return "etcd answered " + std::to_string(reply.status) + ": " + complaint_of(reply.body);
}

/// What one message of the watch means to a portal whose own mark has this key.
Line meaning(std::string_view text, const std::string& own_mark) {
    std::string error;
    const auto message = net::parse_object(text, error);
    if (!message) {
        return Line::end;
    }
    const auto& result = net::object_at(*message, "result");
    if (message->contains("error") || net::flag_at(result, "canceled")) {
        return Line::end;
    }
    const auto& events = net::array_at(result, "events");
    const bool others = std::any_of(events.begin(), events.end(), [&](const json::value& event) {
        const auto* fields = event.if_object();
        return fields != nullptr && from_base64(net::text_at(net::object_at(*fields, "kv"), "key")) != own_mark;
    });
    return others || net::flag_at(result, "created") ? Line::change : Line::nothing;
}

}  // namespace

EtcdArbiter::EtcdArbiter(config::EtcdArbiter settings, std::string portal_name, Milliseconds time,
                         std::chrono::milliseconds forget_after)
    : settings_(std::move(settings)),
      portal_name_(std::move(portal_name)),
      time_(time),
      prefix_(with_slash(settings_.prefix)),
      client_(net::servers_of(settings_.endpoints), {settings_.ca, settings_.certificate, settings_.key}),
      still_marks_(forget_after) {}

EtcdArbiter::~EtcdArbiter() {
    close();
}

std::string EtcdArbiter::describe() const {
    std::string text = "etcd";
    for (const auto& endpoint : settings_.endpoints) {
        text += " " + endpoint;
    }
    return text + " " + prefix_;
}

std::string EtcdArbiter::key_of_mark(const std::string& portal) const {
    return prefix_ + "marks/" + portal;
}

json::object EtcdArbiter::all_keys() const {
    auto end = prefix_;
    ++end.back();
    return {{"key", to_base64(prefix_)}, {"range_end", to_base64(end)}};
}

net::HttpRequest EtcdArbiter::post(const std::string& path, const json::object& body, Repeat repeat) const {
    net::HttpRequest request;
    request.method = net::HttpMethod::post;
    request.target = "/v3/" + path;
    request.body = json::serialize(body);
    request.authorization = token_;
    request.repeatable = repeat == Repeat::harmless;
    return request;
}

void EtcdArbiter::watch(asio::any_io_executor executor, std::function<void()> changed) {
    HttpWatch::Source source;
    source.name = describe();
    source.request = [this] { return post("watch", {{"create_request", all_keys()}}, Repeat::harmless); };
    source.read = [own = key_of_mark(portal_name_)](std::string_view line) { return meaning(line, own); };
    source.refusal = refusal;
    watch_ = std::make_shared<HttpWatch>(executor, net::servers_of(settings_.endpoints),
                                         certs::PeerTlsFiles{settings_.ca, settings_.certificate, settings_.key},
                                         std::move(source), std::max(kShortestSilence, 8 * time_), std::move(changed));
    watch_->start();
}

void EtcdArbiter::close() {
    client_.close();
    if (watch_) {
        std::exchange(watch_, nullptr)->close();
    }
}

/// The password is read again for each login, so that a changed one needs no restart.
net::HttpRequest EtcdArbiter::login() const {
    auto password = settings_.password.value_or("");
    if (settings_.password_file) {
        password = config::read_password(*settings_.password_file).value.value_or(password);
    }
    auto request = post("auth/authenticate", {{"name", *settings_.username}, {"password", password}}, Repeat::harmless);
    request.authorization.clear();
    return request;
}

/// Gets a new token. Returns a sentence on failure.
asio::awaitable<std::string> EtcdArbiter::log_in(TimePoint until) {
    auto request = login();
    const auto reply = co_await client_.ask(std::move(request), until);
    std::string ignored;
    const auto object = net::parse_object(reply.body, ignored);
    token_ = object ? net::text_at(*object, "token") : std::string{};
    if (!token_.empty()) {
        co_return std::string{};
    }
    co_return "login as " + *settings_.username + " failed: " + (reply.status == 0 ? reply.error : refusal(reply));
}

asio::awaitable<EtcdArbiter::Answer> EtcdArbiter::ask(const char* path, json::object body, Repeat repeat) {
    const auto until = Clock::now() + time_;
    net::HttpReply reply;
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (settings_.username && token_.empty()) {
            if (auto error = co_await log_in(until); !error.empty()) {
                co_return Answer{{}, std::move(error)};
            }
        }
        auto request = post(path, body, repeat);
        reply = co_await client_.ask(std::move(request), until);
        if (!settings_.username || !token_refused(reply)) {
            break;
        }
        token_.clear();
    }
    if (reply.status == 0) {
        co_return Answer{{}, "etcd at " + reply.error};
    }
    if (reply.status != 200) {
        co_return Answer{{}, refusal(reply)};
    }
    Answer answer;
    auto object = net::parse_object(reply.body, answer.error);
    if (object) {
        answer.object = std::move(*object);
    } else {
        answer.error = client_.server() + " is no etcd server: its answer is " + answer.error;
    }
    co_return answer;
}

ReadResult EtcdArbiter::snapshot_of(const json::object& range, MarkVersions& marks_of_others) const {
    Snapshot snapshot;
    for (const auto& entry : net::array_at(range, "kvs")) {
        const auto* fields = entry.if_object();
        if (fields == nullptr) {
            continue;
        }
        const auto key = from_base64(net::text_at(*fields, "key"));
        const auto text = from_base64(net::text_at(*fields, "value"));
        auto version = std::to_string(net::number_at(*fields, "mod_revision"));
        std::string why;
        if (key == prefix_ + "record") {
            auto decoded = decode_record(text, why);
            if (!decoded) {
                return {std::nullopt, "etcd's key " + key + " holds no record (" + why +
                                          "); delete it if the portals shall look for the leader among the nodes"};
            }
            snapshot.record = std::move(decoded->record);
            snapshot.version = std::move(version);
        } else if (auto mark = decode_mark(text, why); mark && key == key_of_mark(mark->portal)) {
            if (mark->portal != portal_name_) {
                marks_of_others[mark->portal] = std::move(version);
            }
            snapshot.marks.push_back(std::move(*mark));
        }
    }
    return {std::move(snapshot), {}};
}

asio::awaitable<ReadResult> EtcdArbiter::read() {
    auto keys = all_keys();
    const auto answer = co_await ask("kv/range", std::move(keys), Repeat::harmless);
    if (!answer.error.empty()) {
        co_return ReadResult{std::nullopt, answer.error};
    }
    MarkVersions others;
    auto result = snapshot_of(answer.object, others);
    if (const auto gone = still_marks_.observe(others, Clock::now())) {
        // Only as it was seen: a portal that comes back at this moment must not lose its new mark.
        auto body = when_unchanged(key_of_mark(*gone), others[*gone], remove_operation(key_of_mark(*gone)));
        const auto removed = co_await ask("kv/txn", std::move(body), Repeat::harmless);
        observe::log_info("arbiter", "removed the mark of a portal that is gone",
                          {{"portal", *gone}, {"error", removed.error}});
    }
    co_return result;
}

asio::awaitable<WriteResult> EtcdArbiter::write(Record record, std::string expected) {
    const auto key = prefix_ + "record";
    auto body = when_unchanged(key, expected, put_operation(key, encode_record(record, 0)));
    const auto answer = co_await ask("kv/txn", std::move(body), Repeat::never);
    if (!answer.error.empty()) {
        co_return WriteResult{WriteStatus::unknown, {}, answer.error};
    }
    if (!net::flag_at(answer.object, "succeeded")) {
        co_return WriteResult{WriteStatus::conflict, {}, "somebody else wrote first"};
    }
    auto version = std::to_string(net::number_at(net::object_at(answer.object, "header"), "revision"));
    co_return WriteResult{WriteStatus::written, std::move(version), {}};
}

asio::awaitable<std::string> EtcdArbiter::write_mark(Mark mark) {
    auto body = put(key_of_mark(portal_name_), encode_mark(mark));
    const auto answer = co_await ask("kv/put", std::move(body), Repeat::harmless);
    co_return answer.error;
}

asio::awaitable<std::string> EtcdArbiter::remove_mark() {
    auto body = key_only(key_of_mark(portal_name_));
    const auto answer = co_await ask("kv/deleterange", std::move(body), Repeat::harmless);
    co_return answer.error;
}

}  // namespace portal::sentinel
