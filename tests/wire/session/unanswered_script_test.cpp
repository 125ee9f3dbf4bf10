// A script may be answered too seldom. Whatever its client does before and behind it, nobody waits for ever.
#include "portal_fixture.hpp"

#include <map>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

class UnansweredScriptTest : public PortalTest {
  protected:
    static std::string answer(const Words& words) {
        static const std::map<std::string, std::string> kAnswers{
            {"EVAL", FakeNode::kSilence},
            {"MULTI", "-NOPERM User app has no permissions to run the 'multi' command\r\n"},
            {"DISCARD", "-ERR DISCARD without MULTI\r\n"},
            {"EXEC", "-ERR EXEC without MULTI\r\n"},
            {"GET", "$5\r\nvalue\r\n"}};
        const auto found = kAnswers.find(words[0]);
        return found == kAnswers.end() ? "+OK\r\n" : found->second;
    }
    /// So many replies come, whatever they are; each one here is a line, or a string of one line.
    void expect_replies(const TestClient& app, int count) {
        std::string bytes;
        for (int lines = 0; lines < count;) {
            const std::string byte = app.read(1);
            ASSERT_FALSE(byte.empty()) << count << " lines are due; these came: " << bytes;
            bytes += byte;
            lines += byte == "\n" ? 1 : 0;
            count += byte == "$" ? 1 : 0;
        }
    }
};

TEST_F(UnansweredScriptTest, BehindAMultiThatIsRefusedLetsNobodyWait) {
    for (const char* end : {"DISCARD", "EXEC", "GET b"}) {
        SCOPED_TRACE(end);
        FakeNode node(answer);
        lead(node);
        const auto app = client();
        app->send("MULTI\r\nGET a\r\nEVAL x 0\r\n" + std::string(end) + "\r\n");
        expect_replies(*app, 4);
        if (HasFailure()) {
            return;
        }
    }
}

TEST_F(UnansweredScriptTest, BeforeATransactionLetsNobodyWait) {
    FakeNode node([](const Words& words) { return words[0] == "MULTI" ? "+OK\r\n" : answer(words); });
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send("EVAL x 0\r\nMULTI\r\n");
    expect_replies(*app, 2);
}

}  // namespace
}  // namespace portal::testing
