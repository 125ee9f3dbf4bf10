#include "observe/log_line.hpp"

#include <limits>
#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace portal::observe {
namespace {

using namespace std::string_literals;

const auto kTime = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'767'323'045'067));

std::string logfmt(std::string_view message, std::initializer_list<Field> fields = {}) {
    return format_log_line(LogFormat::logfmt, {kTime, LogLevel::info, "session", message, fields});
}

std::string json(std::string_view message, std::initializer_list<Field> fields = {}) {
    return format_log_line(LogFormat::json, {kTime, LogLevel::warn, "session", message, fields});
}

bool is_one_printable_line(const std::string& line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        const bool c1 = byte == 0xC2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xA0;
        if (byte < 0x20 || byte == 0x7F || c1) {
            return false;
        }
    }
    return true;
}

TEST(LogLine, StartsWithTimeLevelLoggerAndMessage) {
    EXPECT_EQ(logfmt("leader changed"), "ts=2026-01-02T03:04:05.067Z level=info logger=session msg=\"leader changed\"");
    EXPECT_EQ(json("leader changed"),
              R"({"ts":"2026-01-02T03:04:05.067Z","level":"warn","logger":"session","msg":"leader changed"})");
}

TEST(LogLine, WritesFieldsOfEveryTypeInOrder) {
    const auto line = logfmt("m", {{"node", "redis-0"}, {"epoch", 7U}, {"delta", -3}, {"seconds", 1.5}, {"up", true}});
    EXPECT_EQ(line,
              "ts=2026-01-02T03:04:05.067Z level=info logger=session msg=m node=redis-0 epoch=7 delta=-3 seconds=1.5 "
              "up=true");
    const auto object =
        boost::json::parse(json("m", {{"node", "redis-0"}, {"epoch", 7U}, {"delta", -3}, {"up", false}})).as_object();
    EXPECT_EQ(object.at("node"), "redis-0");
    EXPECT_EQ(object.at("epoch").to_number<int>(), 7);
    EXPECT_EQ(object.at("delta"), -3);
    EXPECT_EQ(object.at("up"), false);
}

TEST(LogLine, QuotesWhatALogfmtReaderWouldSplit) {
    EXPECT_TRUE(logfmt("m", {{"a", ""}, {"b", 1}}).ends_with(R"(msg=m b=1)")) << "an empty text is left out";
    EXPECT_TRUE(logfmt("m", {{"a", "x y"}}).ends_with(R"(a="x y")"));
    EXPECT_TRUE(logfmt("m", {{"a", "x=y"}}).ends_with(R"(a="x=y")"));
    EXPECT_TRUE(logfmt("m", {{"a", R"(say "hi" \o/)"}}).ends_with(R"(a="say \"hi\" \\o/")"));
    EXPECT_TRUE(logfmt("m", {{"a", "größer"}}).ends_with("a=\"größer\""));
}

TEST(LogLine, ALineBreakInAValueCannotForgeALine) {
    const auto attack = "x\r\nts=2026-01-02T03:04:05.067Z level=error logger=monitor msg=forged"s;
    EXPECT_NE(logfmt("m", {{"name", attack}}).find(R"(name="x\r\nts=2026)"), std::string::npos);
    for (const auto& line :
         {logfmt(attack), logfmt("m", {{"name", attack}}), json(attack), json("m", {{"name", attack}})}) {
        EXPECT_TRUE(is_one_printable_line(line)) << line;
    }
    EXPECT_EQ(boost::json::parse(json("m", {{"name", attack}})).at("name"), boost::json::string(attack));
}

TEST(LogLine, NoByteOfAnyValueLeavesAControlCharacter) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string alone(1, static_cast<char>(byte));
        for (const auto& text : {alone, "a" + alone + "b", "\xC2" + alone, "\xE2\x80" + alone}) {
            EXPECT_TRUE(is_one_printable_line(logfmt(text, {{"v", text}}))) << byte;
            const auto line = json(text, {{"v", text}});
            EXPECT_TRUE(is_one_printable_line(line)) << byte;
            boost::json::error_code error;
            boost::json::parse(line, error);  // also refuses broken UTF-8
            EXPECT_FALSE(error) << byte << ' ' << line;
        }
    }
}

TEST(LogLine, UnicodeLineSeparatorsAreEscaped) {
    EXPECT_EQ(logfmt("a\u2028b").find("\u2028"), std::string::npos);
    EXPECT_EQ(json("a\u2029b").find("\u2029"), std::string::npos);
}

TEST(LogLine, KeysCannotCarrySyntaxOrReplaceTheLinesOwn) {
    const auto line = logfmt("m", {{"a b=c\n", 1}, {"msg", "other"}});
    EXPECT_TRUE(line.ends_with("a_b_c_=1 field_msg=other")) << line;
    const auto object = boost::json::parse(json("m", {{"level", "other"}})).as_object();
    EXPECT_EQ(object.at("level"), "warn");
    EXPECT_EQ(object.at("field_level"), "other");
}

TEST(LogLine, LongTextsAreCut) {
    const std::string text(10 * kMaxLogText, 'x');
    EXPECT_LT(logfmt(text).size(), kMaxLogText + 200);
    EXPECT_TRUE(logfmt(text).ends_with("...(cut)\""));
    EXPECT_LT(json(text).size(), kMaxLogText + 200);
}

TEST(LogLine, NumbersThatJsonCannotHoldBecomeText) {
    const auto object = boost::json::parse(
        json("m", {{"v", std::numeric_limits<double>::infinity()}, {"w", std::numeric_limits<double>::quiet_NaN()}}));
    EXPECT_EQ(object.at("v"), "inf");
    EXPECT_EQ(object.at("w"), "nan");
}

}  // namespace
}  // namespace portal::observe
