// The arbiter for portals in pods: two Leases of the Kubernetes API (coordination.k8s.io/v1), whose etcd is the
// consensus. Lease NAME holds the record in an annotation, compared by resourceVersion, and shows people who acts.
// Lease NAME-portals holds one annotation per portal: marks are merged in without a resourceVersion, so that they
// neither conflict with each other nor with the record. Every call ends within a given time.
#pragma once

#include "kubernetes/client.hpp"
#include "sentinel/arbiter/arbiter.hpp"
#include "sentinel/arbiter/still_marks.hpp"

#include <boost/json/object.hpp>

namespace portal::sentinel {

class HttpWatch;

class KubernetesArbiter final : public Arbiter {
  public:
    struct Timing {
        Milliseconds call;   // how long one call may take
        Milliseconds lease;  // shown to people as leaseDurationSeconds
        std::chrono::milliseconds forget_after{kForgetAfter};
    };
    KubernetesArbiter(kubernetes::Access access, std::string lease_name, std::string portal_name, Timing timing);
    ~KubernetesArbiter() override;

    void watch(boost::asio::any_io_executor executor, std::function<void()> changed) override;
    void close() override;
    boost::asio::awaitable<ReadResult> read() override;
    boost::asio::awaitable<WriteResult> write(Record record, std::string expected) override;
    boost::asio::awaitable<std::string> write_mark(Mark mark) override;
    boost::asio::awaitable<std::string> remove_mark() override;
    [[nodiscard]] std::string describe() const override;

  private:
    /// How the Lease shows the record to people; kept from the last read or write.
    struct Shown {
        std::string holder;
        std::string acquired;
        std::uint64_t transitions = 0;
    };
    using MarkVersions = std::map<std::string, std::string>;  // by portal

    boost::asio::awaitable<kubernetes::Client::Answer> patch_marks(boost::json::object annotations,
                                                                   std::string version);
    boost::asio::awaitable<WriteResult> create(Record record);
    [[nodiscard]] ReadResult snapshot_of(const boost::json::object& list, MarkVersions& marks_of_others,
                                         std::string& marks_version);
    [[nodiscard]] net::HttpRequest list() const;
    [[nodiscard]] net::HttpRequest post(const boost::json::object& lease) const;
    [[nodiscard]] net::HttpRequest patch(const std::string& lease, const boost::json::object& changes) const;
    [[nodiscard]] boost::json::object spec_of(const Record& record) const;
    void remember(const boost::json::object& lease);
    [[nodiscard]] std::string marks_lease() const { return lease_ + "-portals"; }

    const std::string lease_;
    const std::string portal_name_;
    const Timing timing_;
    kubernetes::Client client_;
    Shown shown_;
    StillMarks still_marks_;
    std::shared_ptr<HttpWatch> watch_;
};

}  // namespace portal::sentinel
