// How many listen: clients, where the node counts the link that they share.
#include "pubsub_node.hpp"

#include <atomic>
#include <utility>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

using SubscriberCountsTest = SessionPubSubTest;

/// What redis-server answers that knows of one connection that listens, whoever is behind it.
std::string counting_node(const Words& words) {
    if (words[0] == "PUBSUB") {
        return words[1] == "SHARDCHANNELS" ? "*3\r\n" + bulk("a") + bulk("__redis-portal__:subscribers") + bulk("b")
                                           : "*4\r\n" + bulk("c") + ":1\r\n" + bulk("nobody") + ":0\r\n";
    }
    if (words[0] == "MULTI" || words[0] == "EXEC") {
        return words[0] == "MULTI" ? "+OK\r\n" : "*1\r\n:1\r\n";
    }
    return words[0] == "PUBLISH" || words[0] == "SPUBLISH" ? std::string(":1\r\n") : pubsub_node(words);
}

TEST_F(SubscriberCountsTest, ClientsAreCountedWhereTheNodeCountsTheLinkThatTheyShare) {
    std::atomic<bool> queues{false};
    FakeNode node([&](const std::vector<std::string>& words) {
        queues = words[0] == "MULTI" || (queues && words[0] != "EXEC");
        return queues && words[0] == "PUBLISH" ? std::string("+QUEUED\r\n") : counting_node(words);
    });
    lead(node);
    const auto asks = client();
    asks->expect("PUBLISH c x\r\n", ":1\r\n");
    std::vector<std::unique_ptr<TestClient>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(client());
        all.back()->expect("SUBSCRIBE c\r\nSUBSCRIBE c\r\n",
                           confirmed("subscribe", "c", 1) + confirmed("subscribe", "c", 1));
    }
    const std::string counted = "*4\r\n" + bulk("c") + ":5\r\n" + bulk("nobody") + ":0\r\n";
    asks->expect("PUBLISH c x\r\nPUBSUB NUMSUB c nobody\r\n", ":5\r\n" + counted);
    asks->expect("SPUBLISH c x\r\n", ":1\r\n");  // a shard channel is another one
    for (int i = 0; i < 3; ++i) {
        all[static_cast<std::size_t>(i)]->expect("PSUBSCRIBE c* ?\r\n",
                                                 confirmed("psubscribe", "c*", 2) + confirmed("psubscribe", "?", 3));
        all[static_cast<std::size_t>(i)]->expect("SSUBSCRIBE c\r\n", confirmed("ssubscribe", "c", 1));
    }
    asks->expect("PUBLISH c x\r\nPUBLISH x x\r\nPUBLISH cc x\r\nSPUBLISH c x\r\n", ":9\r\n:3\r\n:3\r\n:3\r\n");
    asks->expect("PUBSUB SHARDCHANNELS\r\n", "*2\r\n" + bulk("a") + bulk("b"));
    asks->expect("MULTI\r\nPUBLISH c x\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");  // Redis's own
    all[4].reset();
    wait_for([&] { return counters().client_connections.get() == 5; }, "it is gone");
    all[3]->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 0));
    asks->expect("PUBLISH c x\r\n", ":7\r\n");
    node.cut();
    const auto counted_again = [&] {
        asks->send("PUBLISH c x\r\n");
        return asks->line() == ":7\r\n";
    };
    wait_for(counted_again, "they listen again");
}

TEST_F(SubscriberCountsTest, AnErrorOrAQueuedPublishIsNoCount) {
    FakeNode node([](const Words& words) {
        return words[0] == "PUBLISH" ? std::string("-NOPERM no\r\n") : counting_node(words);
    });
    lead(node);
    const auto first = client();
    const auto second = client();
    const auto asks = client();
    first->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    second->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    asks->expect("PUBLISH c x\r\nPUBLISH c\r\n", "-NOPERM no\r\n-NOPERM no\r\n");
}

/// Queues what comes behind MULTI, as redis-server does.
class QueueingNode {
  public:
    std::string operator()(const Words& words) {
        if (words[0] == "MULTI") {
            queued_ = 0;
            open_ = true;
            return "+OK\r\n";
        }
        if (words[0] == "EXEC") {
            open_ = false;
            return "*" + std::to_string(queued_) + "\r\n" + std::exchange(answers_, {});
        }
        if (!open_) {
            return counting_node(words);
        }
        ++queued_;
        answers_ += counting_node(words);
        return "+QUEUED\r\n";
    }

  private:
    std::string answers_;
    int queued_ = 0;
    bool open_ = false;
};

TEST_F(SubscriberCountsTest, TheyAreTheSameInsideOfATransaction) {
    FakeNode node([one = QueueingNode()](const Words& words) mutable { return one(words); });
    lead(node);
    const auto first = client();
    const auto second = client();
    const auto asks = client();
    first->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    second->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    const std::string queued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n";
    const std::string ran = "*3\r\n*2\r\n" + bulk("a") + bulk("b") + "*4\r\n" + bulk("c") + ":2\r\n" + bulk("nobody") +
                            ":0\r\n" + "+OK\r\n";
    const std::string in_one_piece = frame_of({"MULTI"}) + frame_of({"PUBSUB", "SHARDCHANNELS"}) +
                                     frame_of({"PUBSUB", "NUMSUB", "c", "nobody"}) + frame_of({"SET", "a", "1"}) +
                                     frame_of({"EXEC"});
    asks->expect(in_one_piece, queued + ran);
    asks->expect("MULTI\r\n", "+OK\r\n");
    for (const char* each : {"PUBSUB SHARDCHANNELS\r\n", "PUBSUB NUMSUB c nobody\r\n", "SET a 1\r\n"}) {
        asks->expect(each, "+QUEUED\r\n");
    }
    asks->expect("EXEC\r\n", ran);
}

}  // namespace
}  // namespace portal::testing
