#include "session/client_pause.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using Mode = ClientPause::Mode;

template <typename... Words>
PauseRequest read(Words... words) {
    std::string frame;
    resp::write_request(frame, "CLIENT", words...);
    const resp::RequestView request(frame);
    return read_pause(command::classify(request), request);
}

bool paused(Mode mode, std::string_view command, bool queued_writes = false) {
    std::string frame;
    resp::write_request(frame, command, "k", "v");
    return pauses(mode, command::classify(resp::RequestView(frame)), queued_writes);
}

TEST(ClientPause, IsReadWithItsTimeAndMode) {
    EXPECT_EQ(read("PAUSE", "250").mode, Mode::all);
    EXPECT_EQ(read("PAUSE", "250").time, std::chrono::milliseconds(250));
    EXPECT_EQ(read("PAUSE", "0", "write").mode, Mode::writes);
    EXPECT_EQ(read("PAUSE", "1", "ALL").mode, Mode::all);
    EXPECT_EQ(read("UNPAUSE").mode, Mode::none);
    EXPECT_EQ(read("UNPAUSE").error, "");
}

TEST(ClientPause, MistakesAreAnsweredAsRedisDoes) {
    EXPECT_TRUE(read("PAUSE", "x").error.starts_with("ERR timeout is not an integer"));
    EXPECT_TRUE(read("PAUSE", "9223372036854775807").error.starts_with("ERR timeout is not an integer"));
    EXPECT_TRUE(read("PAUSE", "-1").error.starts_with("ERR timeout is negative"));
    EXPECT_NE(read("PAUSE", "1", "some").error, "");
    EXPECT_NE(read("PAUSE", "1", "all", "x").error, "");
}

TEST(ClientPause, OfWritesStopsWhatMayReachTheReplicas) {
    EXPECT_FALSE(paused(Mode::writes, "GET"));
    EXPECT_TRUE(paused(Mode::writes, "SET"));
    EXPECT_TRUE(paused(Mode::writes, "FLUSHALL"));
    EXPECT_TRUE(paused(Mode::writes, "PUBLISH"));
    EXPECT_TRUE(paused(Mode::writes, "NOSUCH"));
    EXPECT_FALSE(paused(Mode::writes, "EXEC", false));
    EXPECT_TRUE(paused(Mode::writes, "EXEC", true));
    EXPECT_TRUE(paused(Mode::all, "GET"));
    EXPECT_FALSE(paused(Mode::none, "SET"));
}

TEST(ClientPause, IsNeverMadeWeakerOrShorterByTheNext) {
    ClientPause pause;
    const net::Turn::Clock::time_point now{std::chrono::seconds(1)};
    pause.extend(Mode::all, now + std::chrono::seconds(2));
    pause.extend(Mode::writes, now + std::chrono::seconds(1));
    EXPECT_EQ(pause.mode, Mode::all);
    EXPECT_EQ(pause.until, now + std::chrono::seconds(2));
}

}  // namespace
}  // namespace portal::session
