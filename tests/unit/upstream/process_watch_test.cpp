// Whether connections that are made after a loss may be used, by what the monitor has seen meanwhile.
#include "upstream/process_watch.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using std::chrono::milliseconds;
using Sighting = ProcessWatch::Sighting;

constexpr ProcessWatch::Time kNow{std::chrono::hours(1)};
constexpr milliseconds kMoment{1};

class ProcessWatchTest : public testing::Test {
  protected:
    ProcessWatchTest() { watch_.expect("one"); }
    bool doubtful(const std::optional<Sighting>& seen) { return watch_.doubtful(seen); }
    ProcessWatch watch_;
};

TEST_F(ProcessWatchTest, AsLongAsNothingIsLostNothingIsDoubtful) {
    EXPECT_FALSE(watch_.doubts());
    EXPECT_FALSE(doubtful(Sighting{"another", kNow}));
}

TEST_F(ProcessWatchTest, WhatWasAskedBeforeTheLossTellsNothing) {
    watch_.link_lost(kNow);
    EXPECT_TRUE(watch_.doubts());
    EXPECT_TRUE(doubtful(std::nullopt));
    EXPECT_TRUE(doubtful(Sighting{"one", kNow - kMoment}));
    EXPECT_FALSE(doubtful(Sighting{"one", kNow}));
    EXPECT_FALSE(watch_.doubts());
    EXPECT_FALSE(doubtful(std::nullopt)) << "until the next loss";
}

TEST_F(ProcessWatchTest, AnotherProcessIsNotUsedBeforeItIsTheOneThatIsRoutedTo) {
    watch_.link_lost(kNow);
    EXPECT_TRUE(doubtful(Sighting{"another", kNow}));
    EXPECT_FALSE(watch_.expect("one"));
    EXPECT_TRUE(watch_.expect("another"));
    EXPECT_FALSE(doubtful(Sighting{"another", kNow}));
}

TEST_F(ProcessWatchTest, AProcessThatHasNoNameIsNotWatched) {
    EXPECT_FALSE(watch_.expect(""));
    watch_.link_lost(kNow);
    EXPECT_FALSE(watch_.doubts());
}

}  // namespace
}  // namespace portal::upstream
