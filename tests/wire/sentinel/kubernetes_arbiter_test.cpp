// What is special about the arbiter on a Kubernetes Lease: tokens, refusals of the API server, and what people see. The
// server is a stand-in: tests/support/api_server_stand_in.py.
#include "sentinel/arbiter/kubernetes_arbiter.hpp"

#include "arbiter_stores.hpp"
#include "net/http/json_fields.hpp"
#include "one_loop.hpp"

#include <cstdlib>
#include <iostream>
#include <regex>
#include <stdexcept>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::KubernetesStore;

Record acting(const std::string& portal, std::uint64_t renewals) {
    Record record;
    record.epoch = replication::Epoch{1};
    record.phase = Phase::leading;
    record.leader = "redis-0";
    record.acting = portal;
    record.renewals = renewals;
    return record;
}

class KubernetesArbiterTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = KubernetesStore::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
        store = std::make_unique<KubernetesStore>(false);
        arbiter = store->arbiter("portal-0", false);
    }
    std::string read_error() { return loop.finish(arbiter->read()).error; }
    std::string mark_error() {
        Mark mark;
        mark.portal = "portal-0";
        return loop.finish(arbiter->write_mark(mark));
    }
    boost::json::object lease(const std::string& name) const {
        std::string error;
        return net::parse_object(store->lease(name), error).value_or(boost::json::object{});
    }

    testing::OneLoop loop;
    std::unique_ptr<KubernetesStore> store;
    std::unique_ptr<Arbiter> arbiter;
};

TEST_F(KubernetesArbiterTest, people_see_who_acts_since_when_and_who_leads) {
    auto version = loop.finish(arbiter->write(acting("portal-0", 1), "")).version;
    const auto created = lease("cache");
    EXPECT_EQ(net::text_at(net::object_at(created, "spec"), "holderIdentity"), "portal-0");
    EXPECT_EQ(net::number_at(net::object_at(created, "spec"), "leaseDurationSeconds"), 4U);
    EXPECT_EQ(net::text_at(net::object_at(net::object_at(created, "metadata"), "annotations"), "redis-portal/leader"),
              "redis-0");

    version = loop.finish(arbiter->write(acting("portal-0", 2), version)).version;
    const auto renewed = lease("cache");
    EXPECT_EQ(net::object_at(renewed, "spec").at("acquireTime"), net::object_at(created, "spec").at("acquireTime"));
    EXPECT_GT(net::text_at(net::object_at(renewed, "spec"), "renewTime"),
              net::text_at(net::object_at(created, "spec"), "renewTime"));

    version = loop.finish(arbiter->write(acting("portal-1", 3), version)).version;
    const auto taken = lease("cache");
    EXPECT_EQ(net::number_at(net::object_at(taken, "spec"), "leaseTransitions"),
              net::number_at(net::object_at(created, "spec"), "leaseTransitions") + 1);
    EXPECT_GT(net::text_at(net::object_at(taken, "spec"), "acquireTime"),
              net::text_at(net::object_at(created, "spec"), "acquireTime"));

    loop.finish(arbiter->write(acting("", 4), version));
    EXPECT_FALSE(net::object_at(lease("cache"), "spec").contains("holderIdentity")) << "given away";
}

TEST_F(KubernetesArbiterTest, what_others_put_on_the_lease_stays) {
    auto version = loop.finish(arbiter->write(acting("portal-0", 1), "")).version;
    net::HttpClient client({net::server_of(*store->kubernetes(false).api_server)}, {});
    net::HttpRequest request;
    request.method = net::HttpMethod::patch;
    request.target = "/apis/coordination.k8s.io/v1/namespaces/redis/leases/cache";
    request.content_type = "application/merge-patch+json";
    request.authorization = "Bearer token-1";
    request.body = R"({"metadata":{"labels":{"team":"cache"}}})";
    ASSERT_EQ(loop.finish(client.ask(request, Clock::now() + testing::kCallTime)).status, 200U);
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 2), version)).status, WriteStatus::conflict);
    version = loop.finish(arbiter->read()).snapshot->version;
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 2), version)).status, WriteStatus::written);
    EXPECT_EQ(net::text_at(net::object_at(net::object_at(lease("cache"), "metadata"), "labels"), "team"), "cache");
}

TEST_F(KubernetesArbiterTest, a_lease_that_somebody_made_by_hand_is_taken_over) {
    net::HttpClient client({net::server_of(*store->kubernetes(false).api_server)}, {});
    net::HttpRequest request;
    request.method = net::HttpMethod::post;
    request.target = "/apis/coordination.k8s.io/v1/namespaces/redis/leases";
    request.authorization = "Bearer token-1";
    for (const auto* name : {"cache", "cache-portals"}) {
        request.body = std::string(R"({"metadata":{"name":")") + name + R"("}})";
        ASSERT_EQ(loop.finish(client.ask(request, Clock::now() + testing::kCallTime)).status, 201U);
    }
    EXPECT_EQ(loop.finish(arbiter->read()).snapshot->version, "");
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 1), "")).status, WriteStatus::conflict);
    const auto found = loop.finish(arbiter->read()).snapshot->version;
    EXPECT_NE(found, "");
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 1), found)).status, WriteStatus::written);
    EXPECT_EQ(mark_error(), "");
    EXPECT_EQ(loop.finish(arbiter->read()).snapshot->marks.size(), 1U);
}

TEST_F(KubernetesArbiterTest, a_token_that_was_renewed_is_read_again_within_the_call_that_was_refused) {
    EXPECT_EQ(read_error(), "");
    store->set_server_token("token-2");
    store->set_client_token("token-2");
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 1), "")).status, WriteStatus::written);
}

TEST_F(KubernetesArbiterTest, a_token_that_is_refused_is_said_and_never_printed) {
    store->set_server_token("token-2");
    const auto error = read_error();
    EXPECT_NE(error.find("401"), std::string::npos) << error;
    EXPECT_EQ(error.find("token-1"), std::string::npos) << error;
    store->set_client_token("token-2");
    EXPECT_EQ(read_error(), "");
}

TEST_F(KubernetesArbiterTest, a_refused_verb_is_named_with_the_role_that_would_allow_it) {
    EXPECT_EQ(mark_error(), "");
    for (const std::string verb : {"list", "patch", "create"}) {
        store->fail(verb, 403, 1);
        std::string error;
        if (verb == "list") {
            error = read_error();
        } else if (verb == "patch") {
            error = mark_error();
        } else {
            error = loop.finish(arbiter->write(acting("portal-0", 1), "")).error;
        }
        EXPECT_NE(error.find("denies \"" + verb + "\" on leases in namespace redis"), std::string::npos) << error;
        EXPECT_NE(error.find("Role with the verbs list, watch, create and patch"), std::string::npos) << error;
    }
    EXPECT_EQ(read_error(), "") << "and all is well once it is allowed";
}

TEST_F(KubernetesArbiterTest, each_denied_verb_is_counted_with_its_resource) {
    EXPECT_EQ(mark_error(), "");
    const auto denied = [](const std::string& verb) {
        const auto counts = kubernetes::denied_requests();
        const auto found = counts.find({verb, "leases"});
        return found == counts.end() ? 0 : found->second;
    };
    const auto before = denied("patch");
    store->fail("patch", 403, 2);
    EXPECT_NE(mark_error(), "");
    EXPECT_NE(mark_error(), "");
    EXPECT_EQ(denied("patch"), before + 2);
    EXPECT_EQ(mark_error(), "");
    EXPECT_EQ(denied("patch"), before + 2);
}

TEST_F(KubernetesArbiterTest, a_refused_watch_leaves_the_rest_working) {
    store->fail("watch", 403, 1000);
    int changes = 0;
    arbiter->watch(loop.executor(), [&] { ++changes; });
    EXPECT_TRUE(loop.run_until([&] { return changes > 0; }, seconds(10))) << "the owner reads instead";
    EXPECT_EQ(read_error(), "");
    EXPECT_EQ(loop.finish(arbiter->write(acting("portal-0", 1), "")).status, WriteStatus::written);
    arbiter->close();
}

TEST_F(KubernetesArbiterTest, a_server_that_asks_for_patience_is_left_alone_for_that_long) {
    store->fail("list", 429, 1, 1);
    EXPECT_NE(read_error().find("429"), std::string::npos);
    EXPECT_NE(read_error().find("patience"), std::string::npos) << "no request is made, though it would succeed";
    EXPECT_TRUE(loop.run_until([&] { return read_error().empty(); }, seconds(10)));
}

TEST_F(KubernetesArbiterTest, a_server_error_is_unknown_for_a_write_and_an_error_for_a_read) {
    store->fail("create", 500, 1);
    const auto result = loop.finish(arbiter->write(acting("portal-0", 1), ""));
    EXPECT_EQ(result.status, WriteStatus::unknown);
    EXPECT_NE(result.error.find("500"), std::string::npos) << result.error;
    store->fail("list", 503, 1);
    EXPECT_NE(read_error().find("503"), std::string::npos);
    EXPECT_EQ(read_error(), "");
}

TEST_F(KubernetesArbiterTest, a_watch_that_is_gone_begins_anew_and_the_owner_reads) {
    int changes = 0;
    arbiter->watch(loop.executor(), [&] { ++changes; });
    const auto quiet = [&] {
        while (loop.run_until([&] { return std::exchange(changes, 0) > 0; }, milliseconds(300))) {
        }
    };
    quiet();
    store->end_watches();
    EXPECT_TRUE(loop.run_until([&] { return changes > 0; }, seconds(10)));
    quiet();
    const auto other = store->arbiter("portal-1", false);
    EXPECT_EQ(loop.finish(other->write(acting("portal-1", 1), "")).status, WriteStatus::written);
    EXPECT_TRUE(loop.run_until([&] { return changes > 0; }, seconds(10))) << "the new watch works";
    arbiter->close();
}

TEST(KubernetesAccess, is_what_kubernetes_tells_every_container) {
    ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    config::KubernetesArbiter settings;
    settings.namespace_name = "redis";
    const auto access = kubernetes::access_by(settings);
    EXPECT_EQ(access.server.host, "fd00::1");
    EXPECT_EQ(access.server.port, 443);
    EXPECT_TRUE(access.server.tls);
    EXPECT_EQ(access.tls.ca, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
    EXPECT_EQ(access.token_file, "/var/run/secrets/kubernetes.io/serviceaccount/token");
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    EXPECT_THROW(kubernetes::access_by(settings), std::runtime_error) << "no pod, and no api_server";
}

}  // namespace
}  // namespace portal::sentinel
