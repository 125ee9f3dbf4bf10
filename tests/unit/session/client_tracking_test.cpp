#include "session/client_tracking.hpp"

#include "command/classifier.hpp"
#include "fake_feature_host.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

constexpr std::string_view kOk = "+OK\r\n";

template <typename... Words>
std::string request(Words... words) {
    std::string frame;
    resp::write_request(frame, words...);
    return frame;
}

TEST(ClientTracking, IsOnFromTheNodesWordUntilItSaysOff) {
    FakeFeatureHost host;
    ClientTracking tracking(host);
    const std::string on = request("CLIENT", "TRACKING", "ON", "BCAST");
    tracking.accept(resp::RequestView(on), "-ERR no\r\n", nullptr);
    EXPECT_FALSE(host.client.tracking);
    tracking.accept(resp::RequestView(on), kOk, nullptr);
    EXPECT_TRUE(host.client.tracking);
    EXPECT_TRUE(host.client.needs_link());
    EXPECT_TRUE(tracking.broadcasts());
    EXPECT_EQ(tracking.target(), 0U);
    const std::string off = request("CLIENT", "TRACKING", "OFF");
    tracking.accept(resp::RequestView(off), kOk, nullptr);
    EXPECT_FALSE(host.client.tracking);
    EXPECT_FALSE(tracking.broadcasts());
}

TEST(ClientTracking, EverythingIsInvalidatedOnceWhenItsLinkIsLost) {
    FakeFeatureHost host;
    host.client.protocol = resp::Protocol::resp3;
    ClientTracking tracking(host);
    tracking.invalidate_all();
    EXPECT_TRUE(host.pushes.empty()) << "nothing was tracked";
    const std::string on = request("CLIENT", "TRACKING", "ON");
    tracking.accept(resp::RequestView(on), kOk, nullptr);
    tracking.invalidate_all();
    tracking.invalidate_all();
    ASSERT_EQ(host.pushes.size(), 1U) << "it is not tracked again yet";
    EXPECT_EQ(host.pushes[0], ">2\r\n$10\r\ninvalidate\r\n_\r\n");
    EXPECT_TRUE(host.client.tracking);
}

TEST(ClientTracking, WhatTheNextNodeDoesNotAllowCutsTheClientOff) {
    FakeFeatureHost host;
    ClientTracking tracking(host);
    tracking.note_switched_on(kOk);
    EXPECT_TRUE(host.cut_offs.empty());
    tracking.note_switched_on("-NOPERM no\r\n");
    EXPECT_EQ(host.cut_offs, std::vector{observe::Closed::backend});
}

TEST(ClientTracking, AnAnswerAboutAnotherClientIsForgottenWhenTheCommandHasGoneOn) {
    FakeFeatureHost host;
    ClientTracking tracking(host);
    host.waits = Wait::drained;
    tracking.note_target(0, 7, false);
    EXPECT_FALSE(tracking.has_redirect());
    host.waits = Wait::reply;
    tracking.note_target(1, 7, false);
    EXPECT_FALSE(tracking.has_redirect()) << "it answers another question";
    EXPECT_FALSE(tracking.redirects());
}

TEST(ClientTracking, WithoutALeaderARedirectionIsRefusedWhenTheHoldIsOver) {
    FakeFeatureHost host;
    ClientTracking tracking(host);
    host.refuses = true;
    const std::string frame = request("CLIENT", "TRACKING", "ON", "REDIRECT", "7");
    EXPECT_TRUE(tracking.take(command::classify(resp::RequestView(frame)), resp::RequestView(frame)));
    EXPECT_EQ(host.replies, std::vector<std::string>{"-NOLEADER\r\n"});
}

TEST(ClientTracking, ARedirectionToNobodyNamesAClientThatNoNodeHas) {
    const std::string frame = request("CLIENT", "TRACKING", "ON", "REDIRECT", "7");
    EXPECT_EQ(ClientTracking::redirected(resp::RequestView(frame), nullptr),
              request("CLIENT", "TRACKING", "ON", "REDIRECT", "9223372036854775807"));
}

TEST(Invalidation, IsAPushOrForASubscriberOfTheOldProtocolAMessage) {
    command::SessionState client;
    const std::string keys = "*1\r\n$1\r\nk\r\n";
    EXPECT_EQ(invalidation_for(client, keys), "") << "it cannot be told";
    client.listens = true;
    EXPECT_EQ(invalidation_for(client, keys), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n" + keys);
    EXPECT_EQ(invalidation_for(client, "_\r\n"), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n");
    client.protocol = resp::Protocol::resp3;
    EXPECT_EQ(invalidation_for(client, keys), ">2\r\n$10\r\ninvalidate\r\n" + keys);
}

}  // namespace
}  // namespace portal::session
