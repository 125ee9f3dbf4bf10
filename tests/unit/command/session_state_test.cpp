#include "command/session_state.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

TEST(SessionState, ResetForgetsEverything) {
    SessionState state;
    state.database = 3;
    state.name = "x";
    state.protocol = resp::Protocol::resp3;
    state.monitoring = true;
    state.listens = true;
    state.reset();
    EXPECT_EQ(state.database, 0U);
    EXPECT_EQ(state.name, "");
    EXPECT_EQ(state.protocol, resp::Protocol::resp2);
    EXPECT_FALSE(state.needs_link());
}

TEST(SessionState, FieldsetsNeedALinkUntilTheLastIsDiscarded) {
    SessionState state;
    state.note_fieldset("prepare", false, "+OK\r\n");
    state.note_fieldset("prepare", false, "+OK\r\n");
    EXPECT_TRUE(state.needs_link());
    state.note_fieldset("discard", false, ":1\r\n");
    state.note_fieldset("discard", false, ":0\r\n");
    EXPECT_TRUE(state.needs_link()) << "the second was of no fieldset";
    state.note_fieldset("discard", false, ":1\r\n");
    EXPECT_FALSE(state.needs_link());
    state.note_fieldset("discard", false, ":1\r\n");
    EXPECT_FALSE(state.needs_link());

    state.note_fieldset("prepare", true, "+QUEUED\r\n");
    state.note_fieldset("discard", true, "+QUEUED\r\n");
    state.note_fieldset("discardall", true, "+QUEUED\r\n");
    EXPECT_TRUE(state.needs_link()) << "whether EXEC ran them nobody has looked";
    state.note_fieldset("discardall", false, ":0\r\n");
    EXPECT_FALSE(state.needs_link());
    state.note_fieldset("prepare", false, "+OK\r\n");
    state.reset();
    EXPECT_FALSE(state.needs_link());
}

TEST(SessionState, OnlyARespTwoClientIsBoundToListenWhileItIsSubscribed) {
    SessionState state;
    EXPECT_FALSE(state.resp2_subscriber());
    state.listens = true;
    EXPECT_TRUE(state.resp2_subscriber());
    EXPECT_FALSE(state.needs_link()) << "subscriptions live on a link that many share";
    state.protocol = resp::Protocol::resp3;
    EXPECT_FALSE(state.resp2_subscriber());
}

}  // namespace
}  // namespace portal::command
