#include "arbiter_stores.hpp"

#include "certs/certificate_authority.hpp"
#include "net/http/json_fields.hpp"
#include "sentinel/arbiter/etcd_arbiter.hpp"
#include "sentinel/arbiter/file_arbiter.hpp"
#include "sentinel/arbiter/kubernetes_arbiter.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/serialize.hpp>

namespace portal::testing {

namespace {

using net::HttpClient;
using net::HttpReply;
using net::HttpRequest;

constexpr auto kPatience = std::chrono::seconds(20);

void make_certificates(const std::filesystem::path& folder) {
    if (auto made = certs::init_directory(folder, {"127.0.0.1", "localhost"}); !made) {
        throw std::runtime_error(made.error().message);
    }
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    // In one step, as Kubernetes swaps files in a volume.
    const auto draft = path.string() + ".new";
    std::ofstream(draft) << text << "\n";
    std::filesystem::rename(draft, path);
}

HttpReply ask(const std::string& url, const certs::PeerTlsFiles& tls, HttpRequest request) {
    boost::asio::io_context io;
    HttpClient client({net::server_of(url)}, tls);
    auto reply = boost::asio::co_spawn(io, client.ask(std::move(request), sentinel::Clock::now() + kCallTime),
                                       boost::asio::use_future);
    io.run();
    return reply.get();
}

HttpRequest post(const std::string& path, const std::string& body) {
    HttpRequest request;
    request.method = net::HttpMethod::post;
    request.target = path;
    request.body = body;
    return request;
}

HttpRequest get(const std::string& path) {
    HttpRequest request;
    request.target = path;
    return request;
}

template <class Condition>
void wait_for(const char* what, Condition holds) {
    const auto give_up = sentinel::Clock::now() + kPatience;
    while (!holds()) {
        if (sentinel::Clock::now() > give_up) {
            throw std::runtime_error(std::string("not in time: ") + what);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

}  // namespace

std::unique_ptr<sentinel::Arbiter> FileStore::arbiter(const std::string& portal, bool) {
    return std::make_unique<sentinel::FileArbiter>(folder_.path() / "record", portal);
}
config::Arbiter FileStore::settings() const {
    return config::FileArbiter{folder_.path() / "record"};
}

std::string EtcdStore::unavailable() {
    return std::system("command -v etcd >/dev/null 2>&1") == 0 ? "" : "etcd is not installed (Debian: etcd-server)";
}

EtcdStore::EtcdStore(Options options) : options_(options) {
    if (options_.tls) {
        make_certificates(folder_.path() / "tls");
    }
    write_file(folder_.path() / "password", "secret-1");
    for (int i = 0; i < options_.members; ++i) {
        members_.push_back(std::make_unique<Member>());
        relays_.push_back(std::make_unique<Relay>(members_.back()->port));
    }
    start();
    if (options_.password) {
        require_password();
    }
}

std::string EtcdStore::url(std::uint16_t port) const {
    return (options_.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port);
}

config::EtcdArbiter EtcdStore::etcd(bool relayed) const {
    config::EtcdArbiter settings;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        settings.endpoints.push_back(url(relayed ? relays_[i]->port() : members_[i]->port));
    }
    if (options_.tls) {
        settings.ca = folder_.path() / "tls/ca.crt";
    }
    if (options_.client_certificates) {
        settings.certificate = folder_.path() / "tls/tls.crt";
        settings.key = folder_.path() / "tls/tls.key";
    }
    if (options_.password) {
        settings.username = "root";
        settings.password_file = folder_.path() / "password";
    }
    return settings;
}

std::unique_ptr<sentinel::Arbiter> EtcdStore::arbiter(const std::string& portal, bool relayed) {
    return std::make_unique<sentinel::EtcdArbiter>(etcd(relayed), portal, kCallTime, kForgetTime);
}

void EtcdStore::launch(std::size_t at) {
    const auto name = [](std::size_t i) { return "etcd-" + std::to_string(i); };
    const auto peer = [&](std::size_t i) { return "http://127.0.0.1:" + std::to_string(members_[i]->peer_port); };
    std::string cluster;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        cluster += (i == 0 ? "" : ",") + name(i) + "=" + peer(i);
    }
    const auto own = url(members_[at]->port);
    std::vector<std::string> words{"etcd",
                                   "--name",
                                   name(at),
                                   "--data-dir",
                                   folder_.path() / name(at),
                                   "--listen-client-urls",
                                   own,
                                   "--advertise-client-urls",
                                   own,
                                   "--listen-peer-urls",
                                   peer(at),
                                   "--initial-advertise-peer-urls",
                                   peer(at),
                                   "--initial-cluster",
                                   cluster,
                                   "--heartbeat-interval",
                                   "50",
                                   "--election-timeout",
                                   "500",
                                   "--logger",
                                   "zap",
                                   "--log-level",
                                   "error",
                                   "--log-outputs",
                                   folder_.path() / (name(at) + ".log")};
    if (options_.tls) {
        words.insert(words.end(),
                     {"--cert-file", folder_.path() / "tls/tls.crt", "--key-file", folder_.path() / "tls/tls.key"});
    }
    if (options_.client_certificates) {
        words.insert(words.end(), {"--client-cert-auth", "--trusted-ca-file", folder_.path() / "tls/ca.crt"});
    }
    members_[at]->process.spawn(std::move(words));
}

void EtcdStore::start() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        launch(i);
    }
    const auto settings = etcd(false);
    for (const auto& endpoint : settings.endpoints) {
        wait_for("etcd is healthy", [&] {
            return ask(endpoint, {settings.ca, settings.certificate, settings.key}, get("/health")).body.find("true") !=
                   std::string::npos;
        });
    }
}

void EtcdStore::stop() {
    for (const auto& member : members_) {
        member->process.kill();
    }
}

void EtcdStore::require_password() {
    const auto settings = etcd(false);
    for (const auto& [path, body] :
         {std::pair{"user/add", R"({"name":"root","password":"secret-1"})"},
          std::pair{"user/grant", R"({"user":"root","role":"root"})"}, std::pair{"enable", "{}"}}) {
        const auto reply = ask(settings.endpoints[0], {settings.ca, settings.certificate, settings.key},
                               post(std::string("/v3/auth/") + path, body));
        if (reply.status != 200) {
            throw std::runtime_error("etcd: " + reply.body + reply.error);
        }
    }
}

std::string KubernetesStore::unavailable() {
    return std::system("command -v python3 >/dev/null 2>&1") == 0 ? "" : "python3 is not installed";
}

KubernetesStore::KubernetesStore(bool tls) : tls_(tls) {
    if (tls_) {
        make_certificates(folder_.path() / "tls");
    }
    set_server_token("token-1");
    set_client_token("token-1");
    relays_.push_back(std::make_unique<Relay>(port_));
    start();
}

config::KubernetesArbiter KubernetesStore::kubernetes(bool relayed) const {
    config::KubernetesArbiter settings;
    settings.namespace_name = "redis";
    settings.name = "cache";
    const auto port = std::to_string(relayed ? relays_[0]->port() : port_);
    settings.api_server = (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + port;
    settings.token_file = folder_.path() / "token";
    if (tls_) {
        settings.ca = folder_.path() / "tls/ca.crt";
    }
    return settings;
}

std::unique_ptr<sentinel::Arbiter> KubernetesStore::arbiter(const std::string& portal, bool relayed) {
    const auto settings = kubernetes(relayed);
    return std::make_unique<sentinel::KubernetesArbiter>(
        kubernetes::access_by(settings), settings.name, portal,
        sentinel::KubernetesArbiter::Timing{kCallTime, std::chrono::seconds(4), kForgetTime});
}

void KubernetesStore::start() {
    std::vector<std::string> words{"python3",
                                   "-B",
                                   API_SERVER_STAND_IN,
                                   "--port",
                                   std::to_string(port_),
                                   "--state",
                                   folder_.path() / "leases.json",
                                   "--token-file",
                                   folder_.path() / "server-token"};
    if (tls_) {
        words.insert(words.end(),
                     {"--certificate", folder_.path() / "tls/tls.crt", "--key", folder_.path() / "tls/tls.key"});
    }
    process_.spawn(std::move(words));
    const auto settings = kubernetes(false);
    wait_for("the stand-in answers", [&] {
        return ask(*settings.api_server, {settings.ca, {}, {}}, get("/")).status != 0;
    });
}

void KubernetesStore::control(const std::string& path, const std::string& body) {
    const auto settings = kubernetes(false);
    if (ask(*settings.api_server, {settings.ca, {}, {}}, post(path, body)).status != 200) {
        throw std::runtime_error("the stand-in did not take " + body);
    }
}

void KubernetesStore::fail(const std::string& verb, int status, int count, int retry_after) {
    boost::json::object fault{{"verb", verb}, {"status", status}, {"count", count}};
    if (retry_after > 0) {
        fault["retry_after"] = retry_after;
    }
    control("/stand-in/faults", boost::json::serialize(fault));
}

void KubernetesStore::end_watches() {
    control("/stand-in/gone", "{}");
}

void KubernetesStore::set_server_token(const std::string& token) {
    write_file(folder_.path() / "server-token", token);
}
void KubernetesStore::set_client_token(const std::string& token) {
    write_file(folder_.path() / "token", token);
}

std::string KubernetesStore::lease(const std::string& name) const {
    const auto settings = kubernetes(false);
    auto request = get("/apis/coordination.k8s.io/v1/namespaces/redis/leases/" + name);
    request.authorization = "Bearer token-1";
    return ask(*settings.api_server, {settings.ca, {}, {}}, std::move(request)).body;
}

}  // namespace portal::testing
