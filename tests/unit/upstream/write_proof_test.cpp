#include "upstream/write_proof.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using namespace std::chrono_literals;
using Place = WriteProof::Place;

const std::vector<replication::Confirmer> kOne{{"redis-1", {"10.0.0.1", "redis-1"}, 6379}};
const std::vector<replication::Confirmer> kTwo{{"redis-1", {"10.0.0.1"}, 6379}, {"redis-2", {"10.0.0.2"}, 6379}};

LeaderRole role(std::uint64_t offset, std::vector<ConfirmedOffset> replicas = {}) {
    return {offset, std::move(replicas)};
}

class WriteProofTest : public ::testing::Test {
  protected:
    WriteProof proof_{true};
    WriteProof::Clock::time_point now_{};

    void ready(WriteProof& proof, const std::vector<replication::Confirmer>& required) {
        proof.require(required);
        proof.link_opened();
        proof.link_ready();
    }
    /// A whole round: the leader is at `offset`, `waited` replicas answered WAIT, and then `replicas` are listed.
    bool round(WriteProof& proof, std::uint64_t offset, std::uint64_t waited, std::vector<ConfirmedOffset> replicas,
               bool permitted = true) {
        EXPECT_TRUE(proof.round_due());
        (void)proof.begin(now_);
        proof.note_offset(role(offset));
        proof.note_waited(waited);
        return proof.finish(role(offset + 100, std::move(replicas)), permitted, now_ += 1ms).has_value();
    }
};

TEST_F(WriteProofTest, ARoundReleasesWhatWasAnsweredBeforeItBeganAndNothingElse) {
    ready(proof_, kOne);
    EXPECT_EQ(proof_.place(true), Place::wait);
    const Ticket first = proof_.gathering();
    EXPECT_EQ(proof_.begin(now_), 1U);
    EXPECT_EQ(proof_.place(true), Place::wait);
    const Ticket second = proof_.gathering();
    EXPECT_GT(second, first);
    EXPECT_FALSE(proof_.round_due()) << "one is on its way";
    proof_.note_offset(role(500));
    proof_.note_waited(1);
    EXPECT_EQ(proof_.finish(role(900, {{"10.0.0.1", 6379, 500}}), true, now_ + 3ms), 3ms);
    EXPECT_GE(proof_.proven(), first);
    EXPECT_LT(proof_.proven(), second);
    EXPECT_TRUE(round(proof_, 900, 1, {{"10.0.0.1", 6379, 900}}));
    EXPECT_GE(proof_.proven(), second);
    EXPECT_FALSE(proof_.round_due());
}

TEST_F(WriteProofTest, AReplicaThatIsBehindOrUnknownProvesNothing) {
    ready(proof_, kOne);
    (void)proof_.place(true);
    EXPECT_FALSE(round(proof_, 500, 0, {{"10.0.0.1", 6379, 499}}));
    EXPECT_TRUE(proof_.failing());
    EXPECT_FALSE(round(proof_, 500, 0, {{"10.0.0.9", 6379, 800}}));
    EXPECT_FALSE(round(proof_, 500, 0, {{"10.0.0.1", 6380, 800}}));
    EXPECT_FALSE(round(proof_, 500, 0, {}));
    EXPECT_EQ(proof_.proven(), Ticket{0});
    EXPECT_TRUE(round(proof_, 500, 1, {{"redis-1", 6379, 500}}));
    EXPECT_FALSE(proof_.failing());
}

TEST_F(WriteProofTest, EveryReplicaThatMayBePromotedMustConfirm) {
    ready(proof_, kTwo);
    (void)proof_.place(true);
    EXPECT_FALSE(round(proof_, 500, 1, {{"10.0.0.1", 6379, 600}}));
    EXPECT_FALSE(round(proof_, 500, 1, {{"10.0.0.1", 6379, 600}, {"10.0.0.2", 6379, 1}}));
    EXPECT_TRUE(round(proof_, 500, 2, {{"10.0.0.1", 6379, 600}, {"10.0.0.2", 6379, 500}}));
}

TEST_F(WriteProofTest, WhenAnotherReplicaWasQuickerOneMoreIsWaitedForAndWritesGoOn) {
    ready(proof_, kOne);
    (void)proof_.place(true);
    EXPECT_FALSE(round(proof_, 500, 1, {{"10.0.0.9", 6379, 600}, {"10.0.0.1", 6379, 3}}));
    EXPECT_FALSE(proof_.failing());
    EXPECT_TRUE(proof_.open());
    EXPECT_TRUE(proof_.due_at_once());
    EXPECT_EQ(proof_.begin(now_), 2U);
    proof_.note_offset(role(500));
    proof_.note_waited(2);
    EXPECT_TRUE(proof_.finish(role(700, {{"10.0.0.9", 6379, 600}, {"10.0.0.1", 6379, 600}}), true, now_));
}

TEST_F(WriteProofTest, ANodeThatNoLongerLeadsProvesNothing) {
    ready(proof_, kOne);
    (void)proof_.place(true);
    (void)proof_.begin(now_);
    proof_.note_offset(std::nullopt);
    proof_.note_waited(1);
    EXPECT_FALSE(proof_.finish(role(900, {{"10.0.0.1", 6379, 900}}), true, now_));
    (void)proof_.begin(now_);
    proof_.note_offset(role(900));
    EXPECT_FALSE(proof_.finish(std::nullopt, true, now_));
    EXPECT_FALSE(proof_.open());
}

TEST_F(WriteProofTest, WithoutAConfirmedRecordNothingIsReleased) {
    ready(proof_, kOne);
    (void)proof_.place(true);
    EXPECT_FALSE(round(proof_, 500, 1, {{"10.0.0.1", 6379, 500}}, false));
    EXPECT_EQ(proof_.proven(), Ticket{0});
    EXPECT_TRUE(round(proof_, 500, 1, {{"10.0.0.1", 6379, 500}}));
    WriteProof available(false);
    ready(available, {});
    EXPECT_EQ(available.place(true), Place::pass);
    EXPECT_EQ(available.place(false), Place::wait);
    EXPECT_FALSE(available.release_unrequired(false));
    EXPECT_TRUE(available.release_unrequired(true));
    EXPECT_FALSE(available.release_unrequired(true)) << "nothing waits any more";
}

TEST_F(WriteProofTest, AfterAFailedRoundNewWritesWaitUntilOneSucceeds) {
    ready(proof_, kOne);
    EXPECT_TRUE(proof_.open());
    (void)proof_.place(true);
    EXPECT_FALSE(round(proof_, 500, 0, {}));
    EXPECT_FALSE(proof_.open());
    EXPECT_FALSE(proof_.due_at_once());
    EXPECT_TRUE(round(proof_, 500, 1, {{"10.0.0.1", 6379, 500}}));
    EXPECT_TRUE(proof_.open());
}

TEST_F(WriteProofTest, StrictNeedsAReplicaAndAvailableGoesOnOnceNoneIsRequired) {
    ready(proof_, {});
    EXPECT_FALSE(proof_.open());
    EXPECT_EQ(proof_.place(true), Place::wait);
    EXPECT_FALSE(proof_.round_due()) << "there is nobody to ask for";
    EXPECT_FALSE(proof_.release_unrequired(true));

    WriteProof available(false);
    ready(available, kOne);
    (void)available.place(true);
    EXPECT_FALSE(round(available, 500, 0, {}));
    EXPECT_FALSE(available.open());
    EXPECT_EQ(available.place(true), Place::wait) << "not before the record says so";
    const Ticket waiting = available.gathering();
    available.require({});
    EXPECT_TRUE(available.open());
    EXPECT_TRUE(available.release_unrequired(true));
    EXPECT_GE(available.proven(), waiting);
    EXPECT_EQ(available.place(true), Place::pass);
}

TEST_F(WriteProofTest, WithItsLinkEverythingThatWaitsIsLost) {
    proof_.require(kOne);
    EXPECT_EQ(proof_.place(true), Place::lost);
    proof_.link_opened();
    EXPECT_EQ(proof_.place(true), Place::lost) << "it may lead to another process than the one that has answered";
    EXPECT_FALSE(proof_.open());
    ready(proof_, kOne);
    EXPECT_EQ(proof_.place(true), Place::wait);
    (void)proof_.begin(now_);
    proof_.link_lost();
    EXPECT_FALSE(proof_.finish(role(900, {{"10.0.0.1", 6379, 900}}), true, now_)) << "its round went with it";
    EXPECT_FALSE(proof_.round_due());
    EXPECT_EQ(proof_.place(true), Place::lost);
    ready(proof_, kOne);
    EXPECT_FALSE(proof_.round_due()) << "nothing waits on the new one";
    EXPECT_EQ(proof_.place(true), Place::wait);
    EXPECT_GT(proof_.gathering(), proof_.proven());
}

TEST(RoleReply, ALeaderTellsItsOffsetAndItsReplicas) {
    const auto found = parse_leader_role(
        "*3\r\n$6\r\nmaster\r\n:413\r\n*2\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n28702\r\n$3\r\n363\r\n"
        "*3\r\n$2\r\nr2\r\n$4\r\n6379\r\n$1\r\n0\r\n");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->offset, 413U);
    ASSERT_EQ(found->replicas.size(), 2U);
    EXPECT_EQ(found->replicas[0].host, "127.0.0.1");
    EXPECT_EQ(found->replicas[0].port, 28702);
    EXPECT_EQ(found->replicas[0].offset, 363U);
    EXPECT_EQ(found->replicas[1].host, "r2");
}

TEST(RoleReply, AnythingElseIsNoLeaderAndNoPartOfItIsRead) {
    const std::string whole =
        "*3\r\n$6\r\nmaster\r\n:413\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n28702\r\n$3\r\n363\r\n";
    ASSERT_TRUE(parse_leader_role(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_leader_role(std::string_view(whole).substr(0, size))) << size;
    }
    for (const char* text :
         {"-NOPERM no\r\n", "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n", "+OK\r\n", ":1\r\n",
          "*3\r\n$6\r\nmaster\r\n:-1\r\n*0\r\n", "*3\r\n$6\r\nmaster\r\n:5\r\n*99999999\r\n",
          "*3\r\n$99999999999\r\nmaster\r\n",
          // a length that, with the line end behind it, seems to be none
          "*3\r\n$6\r\nmaster\r\n:413\r\n*1\r\n*3\r\n$18446744073709551614\r\n$5\r\n28702\r\n$3\r\n363\r\n"}) {
        EXPECT_FALSE(parse_leader_role(text)) << text;
    }
}

}  // namespace
}  // namespace portal::upstream
