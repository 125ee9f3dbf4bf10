// The stores behind the arbiters, for the tests that all of them must pass: a folder, real etcd clusters, and the
// stand-in for the Kubernetes API server (tests/support/api_server_stand_in.py).
#pragma once

#include "redis_process.hpp"
#include "relay.hpp"
#include "sentinel/arbiter/arbiter.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace portal::testing {

class Store {
  public:
    virtual ~Store() = default;
    /// The arbiter of one portal. `relayed`: through relays(), where the store is reached over a network.
    virtual std::unique_ptr<sentinel::Arbiter> arbiter(const std::string& portal, bool relayed) = 0;
    virtual config::Arbiter settings() const = 0;
    /// Kills the store, and starts it again with what it had kept.
    virtual void stop() {}
    virtual void start() {}

    void set(Traffic traffic) {
        for (const auto& relay : relays_) {
            relay->set(traffic);
        }
    }
    [[nodiscard]] const ScratchFolder& folder() const { return folder_; }

  protected:
    ScratchFolder folder_;
    std::vector<std::unique_ptr<Relay>> relays_;
};

/// How long one call of these arbiters may take.
constexpr std::chrono::milliseconds kCallTime{1000};
/// When these arbiters forget a mark that stands still.
constexpr std::chrono::milliseconds kForgetTime{1500};

class FileStore final : public Store {
  public:
    std::unique_ptr<sentinel::Arbiter> arbiter(const std::string& portal, bool relayed) override;
    config::Arbiter settings() const override;
};

class EtcdStore final : public Store {
  public:
    struct Options {
        int members = 1;
        bool tls = false;
        bool password = false;
        bool client_certificates = false;
    };
    /// Why these tests cannot run here; empty when etcd is installed.
    static std::string unavailable();

    explicit EtcdStore(Options options);
    std::unique_ptr<sentinel::Arbiter> arbiter(const std::string& portal, bool relayed) override;
    config::Arbiter settings() const override { return etcd(false); }
    config::EtcdArbiter etcd(bool relayed) const;
    void stop() override;
    void start() override;

    ChildProcess& member(std::size_t at) { return members_[at]->process; }

  private:
    struct Member {
        std::uint16_t port = free_port();
        std::uint16_t peer_port = free_port();
        ChildProcess process;
    };
    void launch(std::size_t at);
    void require_password();
    std::string url(std::uint16_t port) const;

    Options options_;
    std::vector<std::unique_ptr<Member>> members_;
};

class KubernetesStore final : public Store {
  public:
    static std::string unavailable();

    explicit KubernetesStore(bool tls);
    std::unique_ptr<sentinel::Arbiter> arbiter(const std::string& portal, bool relayed) override;
    config::Arbiter settings() const override { return kubernetes(false); }
    config::KubernetesArbiter kubernetes(bool relayed) const;
    void stop() override { process_.kill(); }
    void start() override;

    /// The next `count` requests with this verb are answered so ("*": any verb).
    void fail(const std::string& verb, int status, int count = 1, int retry_after = 0);
    /// Ends every watch with 410 Gone.
    void end_watches();
    /// What the server accepts from now on, and what the portals' token file holds.
    void set_server_token(const std::string& token);
    void set_client_token(const std::string& token);
    /// One Lease as it is stored, as text.
    std::string lease(const std::string& name) const;

  private:
    void control(const std::string& path, const std::string& body);

    bool tls_;
    std::uint16_t port_ = free_port();
    ChildProcess process_;
};

}  // namespace portal::testing
