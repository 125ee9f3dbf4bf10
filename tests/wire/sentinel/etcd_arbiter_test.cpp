// What is special about the arbiter on etcd: several members, and logins.
#include "sentinel/arbiter/etcd_arbiter.hpp"

#include "arbiter_stores.hpp"
#include "one_loop.hpp"

#include <csignal>
#include <fstream>
#include <iostream>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using std::chrono::seconds;
using testing::EtcdStore;

Record leading(std::uint64_t epoch) {
    Record record;
    record.epoch = replication::Epoch{epoch};
    record.phase = Phase::leading;
    record.leader = "redis-0";
    return record;
}

class EtcdArbiterTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = EtcdStore::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
    }
    testing::OneLoop loop;
};

TEST_F(EtcdArbiterTest, the_call_that_finds_its_member_dead_goes_on_with_another) {
    EtcdStore etcd({3, false, false, false});
    const auto arbiter = etcd.arbiter("portal-0", false);
    // The third has not been asked yet, and is a follower or the leader: both must do.
    ASSERT_EQ(loop.finish(arbiter->write(leading(1), "")).status, WriteStatus::written);
    etcd.member(0).kill();
    EXPECT_TRUE(loop.run_until(
        [&] {
            const auto result = loop.finish(arbiter->read());
            return result.snapshot && result.snapshot->record == leading(1);
        },
        seconds(20)))
        << "an election may come between";
    EXPECT_TRUE(loop.finish(arbiter->read()).snapshot) << "it stays with a member that answers";
}

TEST_F(EtcdArbiterTest, a_member_that_is_paused_costs_half_of_one_call) {
    EtcdStore etcd({3, false, false, false});
    auto settings = etcd.etcd(false);
    const auto arbiter = etcd.arbiter("portal-0", false);
    ASSERT_TRUE(loop.finish(arbiter->read()).snapshot);
    etcd.member(0).signal(SIGSTOP);
    EXPECT_TRUE(loop.run_until([&] { return loop.finish(arbiter->read()).snapshot.has_value(); }, seconds(20)));
    etcd.member(0).signal(SIGCONT);
}

TEST_F(EtcdArbiterTest, without_a_majority_nothing_is_read_and_nothing_written) {
    EtcdStore etcd({3, false, false, false});
    const auto arbiter = etcd.arbiter("portal-0", false);
    const auto version = loop.finish(arbiter->write(leading(1), "")).version;
    etcd.member(1).kill();
    etcd.member(2).kill();
    EXPECT_FALSE(loop.finish(arbiter->read()).snapshot) << "what one member remembers may be old";
    EXPECT_EQ(loop.finish(arbiter->write(leading(2), version)).status, WriteStatus::unknown);
}

TEST_F(EtcdArbiterTest, a_token_that_etcd_has_forgotten_is_renewed_within_the_same_call) {
    EtcdStore etcd({1, true, true, false});
    const auto arbiter = etcd.arbiter("portal-0", false);
    ASSERT_EQ(loop.finish(arbiter->write(leading(1), "")).status, WriteStatus::written);
    // Simple tokens are in the memory of the server.
    etcd.stop();
    etcd.start();
    const auto result = loop.finish(arbiter->read());
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(loop.finish(arbiter->write(leading(2), result.snapshot->version)).status, WriteStatus::written);
}

TEST_F(EtcdArbiterTest, a_wrong_password_is_named_and_the_right_one_is_found_without_a_restart) {
    EtcdStore etcd({1, false, true, false});
    const auto file = etcd.folder().path() / "password";
    std::ofstream(file) << "secret-2\n";
    const auto arbiter = etcd.arbiter("portal-0", false);
    const auto refused = loop.finish(arbiter->read());
    EXPECT_NE(refused.error.find("login as root failed"), std::string::npos) << refused.error;
    EXPECT_EQ(refused.error.find("secret"), std::string::npos) << refused.error;
    std::ofstream(file) << "secret-1\n";
    EXPECT_TRUE(loop.finish(arbiter->read()).snapshot);
}

TEST_F(EtcdArbiterTest, a_certificate_of_another_authority_is_refused) {
    EtcdStore etcd({1, true, false, false});
    EtcdStore other({1, true, false, false});
    auto settings = etcd.etcd(false);
    settings.ca = other.etcd(false).ca;
    EtcdArbiter arbiter(settings, "portal-0", testing::kCallTime);
    const auto result = loop.finish(arbiter.read());
    EXPECT_NE(result.error.find("TLS handshake failed"), std::string::npos) << result.error;
}

TEST_F(EtcdArbiterTest, a_client_certificate_is_shown_to_a_server_that_wants_one) {
    EtcdStore etcd({1, true, false, true});
    EXPECT_EQ(loop.finish(etcd.arbiter("portal-0", false)->read()).error, "");
    auto without_pair = etcd.etcd(false);
    without_pair.certificate.reset();
    without_pair.key.reset();
    EtcdArbiter refused(without_pair, "portal-0", testing::kCallTime);
    EXPECT_NE(loop.finish(refused.read()).error, "");
}

TEST_F(EtcdArbiterTest, what_is_no_record_is_reported_and_never_built_upon) {
    EtcdStore etcd({1, false, false, false});
    auto settings = etcd.etcd(false);
    net::HttpClient client(net::servers_of(settings.endpoints), {});
    net::HttpRequest request;
    request.method = net::HttpMethod::post;
    request.target = "/v3/kv/put";
    request.body = R"({"key":"L3JlZGlzLXBvcnRhbC9yZWNvcmQ=","value":"aGVsbG8="})";
    ASSERT_EQ(loop.finish(client.ask(request, Clock::now() + testing::kCallTime)).status, 200U);
    const auto arbiter = etcd.arbiter("portal-0", false);
    const auto result = loop.finish(arbiter->read());
    EXPECT_NE(result.error.find("/redis-portal/record holds no record"), std::string::npos) << result.error;
    EXPECT_EQ(loop.finish(arbiter->write(leading(1), "")).status, WriteStatus::conflict);
}

}  // namespace
}  // namespace portal::sentinel
