#include "sentinel/arbiter/etcd_arbiter.hpp"
#include "sentinel/arbiter/file_arbiter.hpp"
#include "sentinel/arbiter/kubernetes_arbiter.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {
namespace {

/// A permit lasts `fence_after` from before a read, and is extended after a mark was written: both must fit, and the
/// end of a portal should not wait for long.
constexpr Milliseconds kLongestCall{5000};
constexpr std::chrono::hours kNever{24 * 365 * 100};

struct Maker {
    const config::Config& config;
    const std::string role;

    /// A portal that goes on by failsafe for days leaves a mark that stands still, and must be waited for all the same.
    [[nodiscard]] std::chrono::hours forget_after() const {
        return config.monitor.failsafe == config::Failsafe::on ? kNever : kForgetAfter;
    }
    [[nodiscard]] Milliseconds call() const { return std::min(config.monitor.fence_after / 2, kLongestCall); }

    std::unique_ptr<Arbiter> operator()(const config::FileArbiter& file) const {
        return std::make_unique<FileArbiter>(file.path, config.name);
    }
    std::unique_ptr<Arbiter> operator()(const config::EtcdArbiter& etcd) const {
        return std::make_unique<EtcdArbiter>(etcd, config.name, call(), forget_after());
    }
    std::unique_ptr<Arbiter> operator()(const config::KubernetesArbiter& kubernetes) const {
        return std::make_unique<KubernetesArbiter>(
            kubernetes::access_by(kubernetes, role), kubernetes.name, config.name,
            KubernetesArbiter::Timing{call(), config.monitor.lease, forget_after()});
    }
};

}  // namespace

std::unique_ptr<Arbiter> make_arbiter(const config::Config& config, std::string role) {
    return std::visit(Maker{config, std::move(role)}, config.arbiter);
}

}  // namespace portal::sentinel
