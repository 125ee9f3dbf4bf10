#include "net/name_lookup.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using boost::asio::ip::make_address;

/// Stands for the system's resolver: says what the test says, and nothing while it is shut.
class Resolver {
  public:
    void shut(bool shut) {
        {
            const std::lock_guard lock(mutex_);
            shut_ = shut;
        }
        changed_.notify_all();
    }
    void say(NameLookup::Found found) {
        const std::lock_guard lock(mutex_);
        found_ = std::move(found);
    }
    NameLookup::Found operator()(const std::string& /*host*/) {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return !shut_; });
        ++answered_;
        changed_.notify_all();
        return found_;
    }
    int asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    void wait_asked(int count) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(5), [&] { return asked_ >= count; }));
    }
    void wait_answered(int count) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(5), [&] { return answered_ >= count; }));
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool shut_ = false;
    int asked_ = 0;
    int answered_ = 0;
    NameLookup::Found found_{{make_address("10.0.0.1"), make_address("fd00::1")}, {}};
};

class NameLookupTest : public ::testing::Test {
  protected:
    Turn turn_;
    Loop loop_{turn_};
    Loop::Timer deadline_{loop_};
    std::shared_ptr<Resolver> resolver_ = std::make_shared<Resolver>();
    NameLookup names_{loop_, [resolver = resolver_](const std::string& host) { return (*resolver)(host); }};
    std::vector<std::string> got_;

    void run() {
        deadline_.start(std::chrono::seconds(5), [this] {
            ADD_FAILURE() << "nothing has stopped the loop";
            loop_.stop();
        });
        loop_.run();
        deadline_.cancel();
    }
    /// Notes the answer; stops the loop when `last` are noted.
    NameLookup::Wanted ask(std::size_t last, const std::string& host = "redis-0") {
        return names_.find(host, 6379, [this, last](const NameLookup::Answer& answer) {
            std::string all = answer.error;
            for (const auto& each : answer.endpoints) {
                EXPECT_EQ(each.port(), 6379);
                all += (all.empty() ? "" : " ") + each.address().to_string();
            }
            got_.push_back(all);
            if (got_.size() == last) {
                loop_.stop();
            }
        });
    }
    void pass_time(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }
};

TEST_F(NameLookupTest, AThousandWhoAskForOneNameCostOneLookup) {
    resolver_->shut(true);
    std::vector<NameLookup::Wanted> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(ask(1000));
    }
    resolver_->shut(false);
    run();
    EXPECT_EQ(got_.front(), "10.0.0.1 fd00::1");
    EXPECT_EQ(resolver_->asked(), 1);
    const auto another = ask(1001);
    run();
    EXPECT_EQ(resolver_->asked(), 1);
}

TEST_F(NameLookupTest, AnAnswerThatNobodyWantsIsDropped) {
    auto dropped =
        names_.find("redis-0", 1, [](const NameLookup::Answer&) { ADD_FAILURE() << "nobody waits for this"; });
    dropped.reset();
    const auto wanted = ask(1);
    run();
}

TEST_F(NameLookupTest, OneNameThatTakesLongKeepsNoOtherWaiting) {
    resolver_->shut(true);
    NameLookup both(loop_, [resolver = resolver_](const std::string& host) {
        return host == "slow" ? (*resolver)(host) : NameLookup::Found{{make_address("10.0.0.7")}, {}};
    });
    const auto slow = both.find("slow", 1, [](const NameLookup::Answer&) { ADD_FAILURE() << "it is not known yet"; });
    resolver_->wait_asked(1);
    const auto quick = both.find("quick", 1, [this](const NameLookup::Answer& answer) {
        EXPECT_EQ(answer.endpoints.front().address().to_string(), "10.0.0.7");
        loop_.stop();
    });
    run();
    resolver_->shut(false);
}

TEST_F(NameLookupTest, AnOlderAnswerIsGivenAtOnceAndTheFreshOneWhenItDiffers) {
    const auto first = ask(1);
    run();
    pass_time(NameLookup::kFresh);
    resolver_->say({{make_address("10.0.0.2")}, {}});  // the pod has moved
    const auto second = ask(3);
    run();
    EXPECT_EQ(got_, (std::vector<std::string>{"10.0.0.1 fd00::1", "10.0.0.1 fd00::1", "10.0.0.2"}));
}

TEST_F(NameLookupTest, AnOlderAnswerOutlivesALookupThatFails) {
    const auto first = ask(1);
    run();
    pass_time(NameLookup::kFresh);
    resolver_->say({{}, "temporary failure"});
    const auto second = ask(2);
    run();
    resolver_->wait_answered(2);
    const auto third = ask(3);
    run();
    EXPECT_EQ(got_, (std::vector<std::string>(3, "10.0.0.1 fd00::1")));
}

TEST_F(NameLookupTest, WhereNobodyAnsweredIsLookedUpBeforeItIsUsedAgain) {
    const auto first = ask(1);
    run();
    names_.doubt("redis-0");  // fresh: looking it up again would say the same
    const auto second = ask(2);
    run();
    EXPECT_EQ(resolver_->asked(), 1);
    pass_time(NameLookup::kFresh);
    names_.doubt("redis-0");
    resolver_->say({{make_address("10.0.0.2")}, {}});
    const auto third = ask(3);
    run();
    EXPECT_EQ(got_.back(), "10.0.0.2");
    EXPECT_EQ(resolver_->asked(), 2);
}

TEST_F(NameLookupTest, AnErrorIsNotKept) {
    resolver_->say({{}, "no such name"});
    const auto first = ask(1);
    run();
    resolver_->say({{make_address("10.0.0.3")}, {}});
    const auto second = ask(2);
    run();
    EXPECT_EQ(got_, (std::vector<std::string>{"no such name", "10.0.0.3"}));
}

TEST_F(NameLookupTest, TheAddressThatAnsweredComesFirstAlsoAfterTheNextLookup) {
    const auto first = ask(1);
    run();
    names_.prefer("redis-0", make_address("fd00::1"));
    const auto second = ask(2);
    run();
    pass_time(NameLookup::kFresh);
    names_.doubt("redis-0");
    const auto third = ask(3);
    run();
    EXPECT_EQ(got_, (std::vector<std::string>{"10.0.0.1 fd00::1", "fd00::1 10.0.0.1", "fd00::1 10.0.0.1"}));
}

TEST_F(NameLookupTest, WhatIsLearnedElsewhereServesThoseWhoWaitAndNeedsNoLookup) {
    resolver_->shut(true);
    const auto waiting = ask(1);
    loop_.post([this] { names_.learn("redis-0", {make_address("10.0.0.9")}); });
    run();
    names_.learn("redis-1", {make_address("10.0.0.8")});
    const auto next = ask(2, "redis-1");
    run();
    EXPECT_EQ(got_, (std::vector<std::string>{"10.0.0.9", "10.0.0.8"}));
    resolver_->wait_asked(1);
    EXPECT_EQ(resolver_->asked(), 1);
    resolver_->shut(false);
}

TEST_F(NameLookupTest, TheEndDoesNotWaitForALookupThatIsUnderWay) {
    resolver_->shut(true);
    auto ending = std::make_unique<NameLookup>(
        loop_, [resolver = resolver_](const std::string& host) { return (*resolver)(host); });
    const auto wanted = ending->find("redis-0", 1, [](const NameLookup::Answer&) { ADD_FAILURE() << "it has ended"; });
    resolver_->wait_asked(1);
    ending.reset();  // and not only when the resolver answers
    resolver_->shut(false);
    resolver_->wait_answered(1);
    loop_.post([this] { loop_.stop(); });
    run();
}

TEST_F(NameLookupTest, TheSystemIsAskedForRealNames) {
    EXPECT_TRUE(NameLookup::ask_system("localhost").addresses.at(0).is_loopback());
    const auto nothing = NameLookup::ask_system("no-such-host.invalid");
    EXPECT_TRUE(nothing.addresses.empty());
    EXPECT_FALSE(nothing.error.empty());
}

}  // namespace
}  // namespace portal::net
