// Events at the stand-in for the API server (tests/support/api_server_stand_in.py): what is written, how often, and
// what becomes of Events that the server refuses or cannot take.
#include "storage/event_writer.hpp"

#include "arbiter_stores.hpp"
#include "net/http/json_fields.hpp"
#include "one_loop.hpp"
#include "storage/volume_claim.hpp"

#include <iostream>

#include <gtest/gtest.h>

namespace portal::storage {
namespace {

using net::number_at;
using net::object_at;
using net::text_at;
using testing::KubernetesStore;

class EventWriterTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = KubernetesStore::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
        store = std::make_unique<KubernetesStore>(false);
        writer = std::make_unique<EventWriter>(kubernetes::access_by(store->kubernetes(false)), "portal-0");
    }
    void tell(std::string message) {
        writer->tell({{"coordination.k8s.io/v1", "Lease", "cache", {}}, true, "LeaseLost", std::move(message)});
    }
    std::size_t write() {
        loop.finish(write_waiting(*writer));
        return writer->waiting();
    }
    /// By message.
    std::map<std::string, boost::json::object> written() {
        net::HttpClient client({net::server_of(*store->kubernetes(false).api_server)}, {});
        net::HttpRequest request;
        request.target = "/stand-in/events";
        const auto reply = loop.finish(client.ask(request, sentinel::Clock::now() + testing::kCallTime));
        std::string error;
        std::map<std::string, boost::json::object> events;
        for (const auto& [name, event] : net::parse_object(reply.body, error).value_or(boost::json::object{})) {
            events[net::text_at(event.as_object(), "message")] = event.as_object();
        }
        return events;
    }

    testing::OneLoop loop;
    std::unique_ptr<KubernetesStore> store;
    std::unique_ptr<EventWriter> writer;

  private:
    static boost::asio::awaitable<int> write_waiting(EventWriter& writer) {
        co_await writer.write_waiting();
        co_return 0;
    }
};

TEST_F(EventWriterTest, people_see_what_happened_to_what_and_who_says_so) {
    tell("portal-0 acts no longer.");
    EXPECT_EQ(write(), 0U);
    const auto event = written().at("portal-0 acts no longer.");
    EXPECT_EQ(net::text_at(event, "reason"), "LeaseLost");
    EXPECT_EQ(net::text_at(event, "type"), "Warning");
    EXPECT_EQ(net::text_at(event, "reportingInstance"), "portal-0");
    EXPECT_EQ(net::text_at(net::object_at(event, "involvedObject"), "kind"), "Lease");
    EXPECT_EQ(net::text_at(net::object_at(event, "involvedObject"), "name"), "cache");
    EXPECT_EQ(net::number_at(event, "count"), 1U);
}

TEST_F(EventWriterTest, the_same_again_within_a_minute_is_not_told_again) {
    tell("once");
    tell("once");
    EXPECT_EQ(write(), 0U);
    tell("once");
    EXPECT_EQ(write(), 0U);
    EXPECT_EQ(net::number_at(written().at("once"), "count"), 1U);
}

TEST_F(EventWriterTest, what_the_api_server_could_not_take_waits_and_keeps_its_time) {
    store->fail("create", 500);
    tell("lost while the server was away");
    const auto told_before = time_text(std::chrono::system_clock::now());
    EXPECT_EQ(write(), 1U);
    EXPECT_TRUE(written().empty());
    EXPECT_EQ(write(), 1U) << "the server is left alone for a while";
    EXPECT_TRUE(loop.run_until([this] { return write() == 0; }, std::chrono::seconds(20)));
    EXPECT_LE(net::text_at(written().at("lost while the server was away"), "firstTimestamp"), told_before);
}

TEST_F(EventWriterTest, what_the_api_server_refuses_is_not_told_again) {
    store->fail("create", 403);
    tell("denied");
    tell("allowed");
    EXPECT_EQ(write(), 0U);
    EXPECT_EQ(written().size(), 1U);
    EXPECT_TRUE(written().contains("allowed"));
    const auto denials = kubernetes::denied_requests();
    EXPECT_GE(denials.at({"create", "events"}), 1U);
}

TEST_F(EventWriterTest, few_are_written_in_a_minute_and_few_wait) {
    const auto told = EventWriter::kMostWaiting + 1;
    for (std::size_t i = 0; i < told; ++i) {
        tell("number " + std::to_string(i));
    }
    EXPECT_EQ(writer->waiting(), EventWriter::kMostWaiting);
    EXPECT_EQ(write(), EventWriter::kMostWaiting - EventWriter::kMostPerMinute);
    EXPECT_EQ(written().size(), EventWriter::kMostPerMinute);
    EXPECT_EQ(write(), EventWriter::kMostWaiting - EventWriter::kMostPerMinute);
}

}  // namespace
}  // namespace portal::storage
