// What every arbiter must keep, shown on all of them: a file, real etcd (one and three members, TLS, password) and the
// stand-in for the Kubernetes API server. Those that are reached over a network must keep it on a bad one, too.
#include "arbiter_stores.hpp"
#include "one_loop.hpp"
#include "sentinel/observation.hpp"

#include <functional>
#include <iostream>
#include <map>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EtcdStore;
using testing::KubernetesStore;
using testing::OneLoop;
using testing::Store;
using testing::Traffic;

struct Kind {
    std::string name;
    std::function<std::string()> unavailable;
    std::function<std::unique_ptr<Store>()> make;
};
void PrintTo(const Kind& kind, std::ostream* out) {
    *out << kind.name;
}

const Kind kFile{"file", [] { return std::string(); }, [] { return std::make_unique<testing::FileStore>(); }};
const Kind kEtcd{"etcd", EtcdStore::unavailable, [] {
                     return std::make_unique<EtcdStore>(EtcdStore::Options{1, false, false, false});
                 }};
const Kind kEtcdOfThree{"etcd_of_three", EtcdStore::unavailable, [] {
                            return std::make_unique<EtcdStore>(EtcdStore::Options{3, false, false, false});
                        }};
const Kind kSecuredEtcd{"etcd_with_tls_and_password", EtcdStore::unavailable, [] {
                            return std::make_unique<EtcdStore>(EtcdStore::Options{1, true, true, false});
                        }};
const Kind kKubernetes{"kubernetes_stand_in", KubernetesStore::unavailable,
                       [] { return std::make_unique<KubernetesStore>(true); }};

Record record_of(std::uint64_t epoch) {
    Record record;
    record.epoch = replication::Epoch{epoch};
    record.phase = Phase::leading;
    record.leader = "redis-0";
    record.in_sync = {"redis-0", "redis-1"};
    record.acting = "portal-0";
    record.renewals = 7;
    record.known["redis-0"] = {"run", "repl", 42, 3};
    record.reason = "a \"quoted\" reason, with ünicode";
    return record;
}
Mark mark_of(const std::string& portal, std::uint64_t beat = 1) {
    Mark mark;
    mark.portal = portal;
    mark.beat = beat;
    mark.fenced = replication::Epoch{3};
    mark.suspects = "redis-0";
    return mark;
}

class ArbiterContract : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        if (const auto why = GetParam().unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
        store = GetParam().make();
        first = store->arbiter("portal-0", true);
        second = store->arbiter("portal-1", false);
    }

    Snapshot read(Arbiter& arbiter) {
        const auto result = loop.finish(arbiter.read());
        EXPECT_EQ(result.error, "");
        return result.snapshot.value_or(Snapshot{});
    }
    WriteStatus write(Arbiter& arbiter, const Record& record, const std::string& expected) {
        return loop.finish(arbiter.write(record, expected)).status;
    }
    /// Reads until it works, as the monitor does.
    Snapshot read_at_last(Arbiter& arbiter) {
        const auto give_up = Clock::now() + seconds(20);
        for (;;) {
            auto result = loop.finish(arbiter.read());
            if (result.snapshot || Clock::now() > give_up) {
                EXPECT_EQ(result.error, "");
                return result.snapshot.value_or(Snapshot{});
            }
            loop.run_for(milliseconds(50));
        }
    }
    void watch(Arbiter& arbiter) {
        arbiter.watch(loop.executor(), [this] { ++changes; });
    }
    bool reported(milliseconds limit = seconds(10)) {
        const bool seen = loop.run_until([this] { return changes > 0; }, limit);
        changes = 0;
        return seen;
    }
    /// Lets a watch that has just begun tell what it tells at its beginning.
    void settle() {
        while (reported(milliseconds(300))) {
        }
    }

    OneLoop loop;
    std::unique_ptr<Store> store;
    std::unique_ptr<Arbiter> first;
    std::unique_ptr<Arbiter> second;
    int changes = 0;
    std::uint64_t beats = 1;
};
INSTANTIATE_TEST_SUITE_P(Of, ArbiterContract, ::testing::Values(kFile, kEtcd, kEtcdOfThree, kSecuredEtcd, kKubernetes),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(ArbiterContract, there_is_no_record_at_first_and_what_one_writes_the_other_reads) {
    EXPECT_FALSE(read(*first).record);
    EXPECT_EQ(read(*first).version, "");
    const auto written = loop.finish(first->write(record_of(1), ""));
    EXPECT_EQ(written.status, WriteStatus::written) << written.error;
    const auto seen = read(*second);
    EXPECT_EQ(seen.record, record_of(1));
    EXPECT_EQ(seen.version, written.version);
    const auto again = loop.finish(second->write(record_of(2), seen.version));
    EXPECT_EQ(again.status, WriteStatus::written) << again.error;
    EXPECT_EQ(read(*first).version, again.version);
}

TEST_P(ArbiterContract, of_two_that_write_upon_the_same_version_one_wins) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    EXPECT_EQ(write(*second, record_of(2), ""), WriteStatus::conflict);
    const auto version = read(*first).version;
    EXPECT_EQ(write(*second, record_of(3), version), WriteStatus::written);
    EXPECT_EQ(write(*first, record_of(4), version), WriteStatus::conflict);
    EXPECT_EQ(read(*first).record, record_of(3));
}

/// `unknown`: writes of which a starved store did not say in time whether it took them.
boost::asio::awaitable<void> count_up(Arbiter& arbiter, int times, std::uint64_t& unknown) {
    while (times > 0) {
        auto result = co_await arbiter.read();
        if (!result.snapshot) {
            continue;
        }
        auto snapshot = std::move(*result.snapshot);
        auto next = snapshot.record.value_or(record_of(1));
        ++next.renewals;
        const auto written = co_await arbiter.write(std::move(next), std::move(snapshot.version));
        times -= written.status == WriteStatus::written ? 1 : 0;
        unknown += written.status == WriteStatus::unknown ? 1 : 0;
    }
}

TEST_P(ArbiterContract, no_update_is_lost_when_two_race) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    std::uint64_t unknown = 0;
    auto one = loop.spawn(count_up(*first, 20, unknown));
    auto other = loop.spawn(count_up(*second, 20, unknown));
    ASSERT_TRUE(loop.run_until([&] { return testing::is_ready(one) && testing::is_ready(other); }, seconds(60)));
    const std::uint64_t counted = read(*first).record->renewals - record_of(1).renewals;
    EXPECT_GE(counted, 40U);
    EXPECT_LE(counted, 40U + unknown);
}

TEST_P(ArbiterContract, marks_are_seen_by_all_and_gone_when_removed) {
    EXPECT_EQ(loop.finish(first->write_mark(mark_of("portal-0"))), "");
    EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1"))), "");
    EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1", 2))), "");
    std::map<std::string, Mark> marks;
    for (const auto& mark : read(*first).marks) {
        marks[mark.portal] = mark;
    }
    EXPECT_EQ(marks,
              (std::map<std::string, Mark>{{"portal-0", mark_of("portal-0")}, {"portal-1", mark_of("portal-1", 2)}}));
    EXPECT_EQ(loop.finish(second->remove_mark()), "");
    ASSERT_EQ(read(*first).marks.size(), 1U);
    EXPECT_EQ(read(*first).marks[0].portal, "portal-0");
}

TEST_P(ArbiterContract, a_mark_does_not_get_in_the_way_of_the_record) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    const auto version = read(*first).version;
    EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1"))), "");
    EXPECT_EQ(loop.finish(first->write_mark(mark_of("portal-0"))), "");
    EXPECT_EQ(write(*first, record_of(2), version), WriteStatus::written);
    EXPECT_EQ(read(*first).marks.size(), 2U);
}

TEST_P(ArbiterContract, the_watch_reports_the_record_and_marks_of_others_but_not_the_own_mark) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1"))), "");
    watch(*first);
    settle();
    EXPECT_EQ(write(*second, record_of(2), read(*second).version), WriteStatus::written);
    EXPECT_TRUE(reported());
    settle();
    EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1", 2))), "");
    EXPECT_TRUE(reported());
    settle();
    EXPECT_EQ(loop.finish(first->write_mark(mark_of("portal-0"))), "");
    EXPECT_FALSE(reported(milliseconds(300)));
    EXPECT_EQ(loop.finish(second->remove_mark()), "");
    EXPECT_TRUE(reported());
    first->close();
}

/// Arbiters that are reached over a network.
class ArbiterOverNetwork : public ArbiterContract {};
INSTANTIATE_TEST_SUITE_P(Of, ArbiterOverNetwork, ::testing::Values(kEtcd, kEtcdOfThree, kSecuredEtcd, kKubernetes),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(ArbiterOverNetwork, a_write_whose_answer_was_lost_is_unknown_and_the_next_read_tells) {
    const auto before = loop.finish(first->write(record_of(1), "")).version;
    EXPECT_EQ(read(*first).record, record_of(1)) << "a connection is open and in use";
    store->set(Traffic::lose_answers);
    const auto lost = loop.finish(first->write(record_of(2), before));
    EXPECT_EQ(lost.status, WriteStatus::unknown);
    EXPECT_NE(lost.error, "");
    store->set(Traffic::pass);
    const auto seen = read_at_last(*first);
    EXPECT_TRUE(seen.record == record_of(1) || seen.record == record_of(2));
    EXPECT_EQ(write(*first, record_of(3), seen.version), WriteStatus::written) << "and upon it one can build";
}

TEST_P(ArbiterOverNetwork, no_call_takes_much_longer_than_it_may) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    store->set(Traffic::hold);
    const auto began = Clock::now();
    EXPECT_FALSE(loop.finish(first->read()).snapshot);
    EXPECT_EQ(write(*first, record_of(2), "1"), WriteStatus::unknown);
    EXPECT_NE(loop.finish(first->write_mark(mark_of("portal-0"))), "");
    EXPECT_LT(Clock::now() - began, 3 * testing::kCallTime + seconds(2));
    store->set(Traffic::pass);
    EXPECT_EQ(read_at_last(*first).record, record_of(1));
}

TEST_P(ArbiterOverNetwork, a_store_that_was_away_is_as_it_was_when_it_comes_back) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    watch(*first);
    settle();
    store->stop();
    const auto result = loop.finish(first->read());
    EXPECT_FALSE(result.snapshot);
    EXPECT_NE(result.error.find("127.0.0.1"), std::string::npos) << "it says who does not answer: " << result.error;
    store->start();
    const auto seen = read_at_last(*first);
    EXPECT_EQ(seen.record, record_of(1));
    EXPECT_EQ(write(*first, record_of(2), seen.version), WriteStatus::written);
    // The watch comes back by itself.
    EXPECT_TRUE(loop.run_until(
        [&] {
            settle();
            EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1", ++beats))), "");
            return reported(milliseconds(500));
        },
        seconds(20)));
    first->close();
}

TEST_P(ArbiterOverNetwork, what_happened_while_the_watch_was_cut_off_is_reported) {
    EXPECT_EQ(write(*first, record_of(1), ""), WriteStatus::written);
    watch(*first);
    settle();
    store->set(Traffic::cut);
    reported(milliseconds(500));
    EXPECT_EQ(write(*second, record_of(2), read(*second).version), WriteStatus::written);
    store->set(Traffic::pass);
    EXPECT_TRUE(reported());
    first->close();
}

TEST_P(ArbiterOverNetwork, a_mark_that_stands_still_for_long_is_removed_but_not_one_that_moves) {
    auto gone = store->arbiter("portal-2", false);
    EXPECT_EQ(loop.finish(gone->write_mark(mark_of("portal-2"))), "");
    const auto until = Clock::now() + testing::kForgetTime + seconds(20);
    std::size_t marks = 0;
    do {
        EXPECT_EQ(loop.finish(second->write_mark(mark_of("portal-1", ++beats))), "");
        marks = read(*first).marks.size();
        loop.run_for(milliseconds(50));
    } while (marks != 1 && Clock::now() < until);
    ASSERT_EQ(marks, 1U);
    EXPECT_EQ(read(*first).marks[0].portal, "portal-1");
}

}  // namespace
}  // namespace portal::sentinel
