#include "sentinel/arbiter/kubernetes_arbiter.hpp"

#include "kubernetes/lease.hpp"
#include "net/http/json_fields.hpp"
#include "observe/log.hpp"
#include "sentinel/arbiter/http_watch.hpp"
#include "sentinel/arbiter/lease_record.hpp"
#include "sentinel/arbiter/record_json.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// Beats of marks come through the watch several times per `fence_after`, so this is long.
constexpr Milliseconds kShortestSilence{10000};

constexpr unsigned kNotFound = 404;
constexpr unsigned kConflict = 409;

}  // namespace

KubernetesArbiter::KubernetesArbiter(kubernetes::Access access, std::string lease_name, std::string portal_name,
                                     Timing timing)
    : lease_(std::move(lease_name)),
      portal_name_(std::move(portal_name)),
      timing_(timing),
      client_(std::move(access), "leases", "the verbs list, watch, create and patch on leases of coordination.k8s.io",
              timing.call),
      still_marks_(timing.forget_after) {}

KubernetesArbiter::~KubernetesArbiter() {
    close();
}

std::string KubernetesArbiter::describe() const {
    return "Lease " + client_.access().namespace_name + "/" + lease_ + " at " + client_.server();
}

void KubernetesArbiter::watch(asio::any_io_executor executor, std::function<void()> changed) {
    HttpWatch::Source source;
    source.name = describe();
    source.request = [this] {
        // Without a resourceVersion the server tells the present state first and then each change.
        auto request = list();
        request.target += "&watch=1&timeoutSeconds=300";
        request.authorization = client_.authorization();
        return request;
    };
    source.read = [reader = LeaseEvents(lease_, marks_lease(), portal_name_)](std::string_view line) mutable {
        return reader.read(line);
    };
    source.refusal = [this](const net::HttpReply& reply) { return client_.refusal("watch", reply); };
    watch_ = std::make_shared<HttpWatch>(executor, std::vector<net::HttpServer>{client_.access().server},
                                         client_.access().tls, std::move(source),
                                         std::max(kShortestSilence, 8 * timing_.call), std::move(changed));
    watch_->start();
}

void KubernetesArbiter::close() {
    client_.close();
    if (watch_) {
        std::exchange(watch_, nullptr)->close();
    }
}

net::HttpRequest KubernetesArbiter::list() const {
    net::HttpRequest request;
    request.target = kubernetes::leases_path(client_.access().namespace_name) +
                     "?labelSelector=" + kubernetes::label_selector(lease_);
    request.repeatable = true;
    return request;
}

net::HttpRequest KubernetesArbiter::post(const json::object& lease) const {
    return kubernetes::creation(kubernetes::leases_path(client_.access().namespace_name), lease);
}

net::HttpRequest KubernetesArbiter::patch(const std::string& lease, const json::object& changes) const {
    return kubernetes::merge_patch(kubernetes::leases_path(client_.access().namespace_name) + "/" + lease, changes);
}

/// What an answer shows of the record's Lease, for the next write.
void KubernetesArbiter::remember(const json::object& lease) {
    const auto& spec = net::object_at(lease, "spec");
    shown_ = {net::text_at(spec, "holderIdentity"), net::text_at(spec, "acquireTime"),
              net::number_at(spec, "leaseTransitions")};
}

ReadResult KubernetesArbiter::snapshot_of(const json::object& list, MarkVersions& marks_of_others,
                                          std::string& marks_version) {
    Snapshot snapshot;
    for (const auto& item : net::array_at(list, "items")) {
        const auto* lease = item.if_object();
        if (lease == nullptr) {
            continue;
        }
        const auto name = kubernetes::name_of(*lease);
        if (name == lease_) {
            remember(*lease);
            snapshot.version = kubernetes::version_of(*lease);
            std::string why;
            const auto text = net::text_at(kubernetes::annotations_of(*lease), kRecordAnnotation);
            auto decoded = text.empty() ? std::nullopt : decode_record(text, why);
            if (!text.empty() && !decoded) {
                return {std::nullopt, "Lease " + lease_ + " holds no record (" + why +
                                          "); delete it if the portals shall look for the leader among the nodes"};
            }
            if (decoded) {
                snapshot.record = std::move(decoded->record);
            }
        } else if (name == marks_lease()) {
            marks_version = kubernetes::version_of(*lease);
            for (auto& [portal, text] : marks_in(*lease)) {
                std::string ignored;
                auto mark = decode_mark(text, ignored);
                if (portal != portal_name_) {
                    marks_of_others[portal] = text;
                }
                if (mark && mark->portal == portal) {
                    snapshot.marks.push_back(std::move(*mark));
                }
            }
        }
    }
    return {std::move(snapshot), {}};
}

asio::awaitable<ReadResult> KubernetesArbiter::read() {
    auto request = list();
    const auto answer = co_await client_.ask(std::move(request));
    if (!answer.error.empty()) {
        co_return ReadResult{std::nullopt, answer.error};
    }
    MarkVersions others;
    std::string marks_version;
    auto result = snapshot_of(answer.object, others, marks_version);
    if (const auto gone = still_marks_.observe(others, Clock::now())) {
        // Only as it was seen: a portal that comes back at this moment must not lose its new mark.
        auto annotations = removed_mark(*gone);
        const auto removed = co_await patch_marks(std::move(annotations), std::move(marks_version));
        observe::log_info("arbiter", "removed the mark of a portal that is gone",
                          {{"portal", *gone}, {"error", removed.error}});
    }
    co_return result;
}

json::object KubernetesArbiter::spec_of(const Record& record) const {
    const auto now = kubernetes::micro_time(std::chrono::system_clock::now());
    const bool changed = record.acting != shown_.holder;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(timing_.lease).count();
    json::object spec{{"leaseDurationSeconds", seconds},
                      {"renewTime", now},
                      {"acquireTime", changed || shown_.acquired.empty() ? now : shown_.acquired},
                      {"leaseTransitions", shown_.transitions + (changed && !record.acting.empty() ? 1 : 0)}};
    spec["holderIdentity"] = record.acting.empty() ? json::value(nullptr) : json::value(record.acting);
    return spec;
}

asio::awaitable<WriteResult> KubernetesArbiter::write(Record record, std::string expected) {
    if (expected.empty()) {
        co_return co_await create(std::move(record));
    }
    auto changes = kubernetes::changed_lease(lease_, record_annotations(record), expected);
    changes["spec"] = spec_of(record);
    auto request = patch(lease_, changes);
    const auto answer = co_await client_.ask(std::move(request));
    if (answer.status == kConflict || answer.status == kNotFound) {
        co_return WriteResult{WriteStatus::conflict, {}, "somebody else wrote first"};
    }
    if (!answer.error.empty()) {
        co_return WriteResult{WriteStatus::unknown, {}, answer.error};
    }
    remember(answer.object);
    co_return WriteResult{WriteStatus::written, kubernetes::version_of(answer.object), {}};
}

asio::awaitable<WriteResult> KubernetesArbiter::create(Record record) {
    auto lease = kubernetes::lease_named(lease_, lease_, record_annotations(record));
    lease["spec"] = spec_of(record);
    auto request = post(lease);
    const auto answer = co_await client_.ask(std::move(request));
    if (answer.status == kConflict) {
        // Either another portal was first, or somebody made this Lease by hand: with the label the next read finds it.
        auto adopt = patch(lease_, kubernetes::changed_lease(lease_, {}, {}));
        adopt.repeatable = true;
        const auto adopted = co_await client_.ask(std::move(adopt));
        co_return WriteResult{adopted.error.empty() ? WriteStatus::conflict : WriteStatus::unknown,
                              {},
                              adopted.error.empty() ? "somebody else wrote first" : adopted.error};
    }
    if (!answer.error.empty()) {
        co_return WriteResult{WriteStatus::unknown, {}, answer.error};
    }
    remember(answer.object);
    co_return WriteResult{WriteStatus::written, kubernetes::version_of(answer.object), {}};
}

/// Merges annotations into the Lease of the marks; with a version, only if it still has that one.
asio::awaitable<kubernetes::Client::Answer> KubernetesArbiter::patch_marks(json::object annotations,
                                                                           std::string version) {
    auto request = patch(marks_lease(), kubernetes::changed_lease(lease_, annotations, version));
    request.repeatable = version.empty();
    auto answer = co_await client_.ask(request);
    if (answer.status == kNotFound && version.empty()) {
        auto first = post(kubernetes::lease_named(marks_lease(), lease_, std::move(annotations)));
        answer = co_await client_.ask(std::move(first));
        if (answer.status == kConflict) {
            // Another portal made it meanwhile.
            answer = co_await client_.ask(std::move(request));
        }
    }
    co_return answer;
}

asio::awaitable<std::string> KubernetesArbiter::write_mark(Mark mark) {
    auto annotations = written_mark(mark);
    std::string any_version;
    const auto answer = co_await patch_marks(std::move(annotations), std::move(any_version));
    co_return answer.error;
}

asio::awaitable<std::string> KubernetesArbiter::remove_mark() {
    auto annotations = removed_mark(portal_name_);
    std::string any_version;
    const auto answer = co_await patch_marks(std::move(annotations), std::move(any_version));
    co_return answer.error;
}

}  // namespace portal::sentinel
