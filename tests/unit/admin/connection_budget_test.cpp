#include "admin/connection_budget.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::admin {
namespace {

using State = ConnectionBudget::State;

struct BudgetTest : testing::Test {
    ConnectionBudget budget{4};
    std::string closed;  // the names of those that had to go, in that order
    std::vector<std::unique_ptr<ConnectionBudget::Place>> places;

    ConnectionBudget::Place& add(char name, State state = State::asking) {
        places.push_back(std::make_unique<ConnectionBudget::Place>(budget, [this, name] { closed += name; }));
        places.back()->begin(state);
        return *places.back();
    }
};

TEST_F(BudgetTest, WhileThereIsRoomNobodyGoes) {
    for (const char name : {'a', 'b', 'c', 'd'}) {
        EXPECT_TRUE(budget.make_room());
        add(name);
    }
    EXPECT_EQ(closed, "");
}

TEST_F(BudgetTest, WhoHasSaidNothingForLongestGoesFirst) {
    auto& first = add('a');
    add('b');
    add('c');
    add('d');
    first.begin(State::served);
    first.begin(State::asking);
    EXPECT_TRUE(budget.make_room());
    EXPECT_EQ(closed, "b");
    EXPECT_TRUE(places[1]->lost());
    EXPECT_EQ(budget.count(), 3U);
    EXPECT_TRUE(budget.make_room());
    EXPECT_EQ(closed, "b") << "there is room already";
    add('e');
    EXPECT_TRUE(budget.make_room());
    EXPECT_EQ(closed, "bc");
}

TEST_F(BudgetTest, WhoDoesNotTakeItsAnswerGoesNextAndWhoIsServedNever) {
    add('a', State::served);
    add('b', State::reading);
    add('c', State::asking);
    add('d', State::reading);
    for (const char name : {'e', 'f', 'g'}) {
        EXPECT_TRUE(budget.make_room());
        add(name, State::served);
    }
    EXPECT_EQ(closed, "cbd");
    EXPECT_FALSE(budget.make_room());
    places.erase(places.begin());
    EXPECT_TRUE(budget.make_room());
    EXPECT_EQ(closed, "cbd");
}

TEST_F(BudgetTest, ALostConnectionThatGoesOnIsNotCountedAgain) {
    auto& lost = add('a');
    for (const char name : {'b', 'c', 'd'}) {
        add(name, State::served);
    }
    EXPECT_TRUE(budget.make_room());
    lost.begin(State::served);
    EXPECT_EQ(budget.count(), 3U);
    places.erase(places.begin());
    EXPECT_EQ(budget.count(), 3U);
}

TEST_F(BudgetTest, APartIsKeptForProbes) {
    for (const char name : {'a', 'b', 'c'}) {
        EXPECT_TRUE(add(name).may_be_served(false));
        places.back()->begin(State::served);
    }
    const auto& last = add('d');
    EXPECT_FALSE(last.may_be_served(false));
    EXPECT_TRUE(last.may_be_served(true));
}

TEST(SmallBudget, OneConnectionIsServedWhateverItAsks) {
    ConnectionBudget budget{1};
    const ConnectionBudget::Place place(budget, [] {});
    EXPECT_TRUE(place.may_be_served(false));
}

}  // namespace
}  // namespace portal::admin
