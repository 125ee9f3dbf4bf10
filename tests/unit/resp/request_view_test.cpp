#include "resp/request_view.hpp"

#include "resp/frame_scanner.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

std::vector<std::string> arguments(std::string_view frame) {
    const RequestView view(frame);
    std::vector<std::string> result;
    for (std::size_t i = 0; i < view.argc(); ++i) {
        result.emplace_back(view.arg(i));
    }
    return result;
}

using Words = std::vector<std::string>;

/// The words of an inline line after its conversion, which must scan as one whole request; {"unbalanced"} without one.
Words words_of(std::string_view line) {
    const std::optional<std::string> request = inline_to_multibulk(line);
    if (!request) {
        return {"unbalanced"};
    }
    if (request->empty()) {
        return {};
    }
    const RequestLimits limits;
    RequestScanner scanner(limits);
    const ScanResult result = scanner.scan(*request);
    EXPECT_EQ(result.status, ScanStatus::complete);
    EXPECT_EQ(result.size, request->size());
    return arguments(*request);
}

TEST(RequestView, GivesTheArgumentsAsViewsIntoTheFrame) {
    const std::string frame = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n$1\r\n";
    const RequestView view(frame);
    ASSERT_EQ(view.argc(), 3U);
    EXPECT_EQ(view.arg(0), "SET");
    EXPECT_EQ(view.arg(1), "");
    EXPECT_EQ(view.arg(2), "\r\n$1");
    EXPECT_EQ(view.arg(0).data(), frame.data() + 8);
    EXPECT_EQ(view.frame().data(), frame.data());
    EXPECT_EQ(view.frame().size(), frame.size());
}

TEST(RequestView, GivesArgumentsInAnyOrder) {
    std::string frame = "*12\r\n";
    for (int i = 0; i < 12; ++i) {
        const std::string argument(static_cast<std::size_t>(i), static_cast<char>('a' + i));
        frame += "$" + std::to_string(i) + "\r\n" + argument + "\r\n";
    }
    const RequestView view(frame);
    ASSERT_EQ(view.argc(), 12U);
    for (const std::size_t index : {3U, 3U, 11U, 0U, 0U, 11U, 11U, 10U, 1U, 2U, 5U, 4U}) {
        EXPECT_EQ(view.arg(index), std::string(index, static_cast<char>('a' + index))) << index;
    }
}

TEST(RequestView, DoesNotMindWhatStandsInTheLineEndsAsTheScannerDoesNot) {
    EXPECT_EQ(arguments("*2\rx$4\ryECHO?!$1\r\naXY"), (Words{"ECHO", "a"}));
}

TEST(RequestView, ACopyStandsOnItsOwn) {
    const std::string frame = "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    const RequestView view(frame);
    EXPECT_EQ(view.arg(1), "b");
    const RequestView copy = view;  // NOLINT: the copy is the point
    EXPECT_EQ(copy.arg(0), "a");
    EXPECT_EQ(view.arg(1), "b");
    EXPECT_EQ(copy.arg(1), "b");
}

TEST(RequestView, StaysInsideAFrameThatNoScannerHasSeen) {
    for (const std::string_view frame :
         {"", "*", "*3", "*3\r", "*2\r\n$", "*2\r\n$9\r\nab", "*1\r\n$99999999999999\r\n"}) {
        const std::string copy(frame);
        const RequestView view(copy);
        for (std::size_t i = 0; i < view.argc(); ++i) {
            EXPECT_LE(view.arg(i).size(), copy.size());
        }
    }
}

TEST(IsInline, IsEverythingThatDoesNotStartWithAStar) {
    EXPECT_TRUE(is_inline("PING\r\n"));
    EXPECT_TRUE(is_inline("\r\n"));
    EXPECT_TRUE(is_inline(""));
    EXPECT_FALSE(is_inline("*1\r\n$4\r\nPING\r\n"));
}

TEST(InlineToMultibulk, MakesTheRequestThatAClientLibraryWouldSend) {
    EXPECT_EQ(inline_to_multibulk("SET key value\r\n"), "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
    EXPECT_EQ(inline_to_multibulk("PING\n"), "*1\r\n$4\r\nPING\r\n");
    EXPECT_EQ(inline_to_multibulk("PING"), "*1\r\n$4\r\nPING\r\n");
}

TEST(InlineToMultibulk, MakesNothingOfALineWithoutAWord) {
    for (const std::string_view line : {"", "\r\n", "\n", "  ", " \t\v\f\r \r\n"}) {
        EXPECT_EQ(inline_to_multibulk(line), "") << line;
    }
}

TEST(InlineToMultibulk, SplitsWordsAsRedisServerDoes) {
    const std::vector<std::pair<std::string, Words>> lines = {
        {"  a \t b  ", {"a", "b"}},
        {"a\rb", {"a", "b"}},
        {"\va\vb\fc \f", {"a\vb\fc"}},
        {"\"\"", {""}},
        {"'' \"\"", {"", ""}},
        {"\"a b\" 'c d'", {"a b", "c d"}},
        {"\"a\"\t'b'\v\"c\"\f", {"a", "b", "c"}},
        {"a\"b c\"", {"ab c"}},
        {"a'b c' d", {"ab c", "d"}},
        {R"("\n\r\t\b\a\\\"\q")", {"\n\r\t\b\a\\\"q"}},
        {R"("\x41\x6a\xFf")", {"Aj\xff"}},
        {R"("\x4" "\xg1" "\x")", {"x4", "xg1", "x"}},
        {R"('\n\x41\\ ')", {R"(\n\x41\\ )"}},
        {R"('it\'s')", {"it's"}},
        {R"(\n \x41 a\"b")", {"\\n", "\\x41", "a\\b"}},
        {"'\"' \"'\"", {"\"", "'"}},
        {"\"a\r\"", {"a\r"}},
        {"\x80\xff", {"\x80\xff"}},
    };
    for (const auto& [line, words] : lines) {
        EXPECT_EQ(words_of(line), words) << line;
        EXPECT_EQ(words_of(line + "\n"), words) << line;
        EXPECT_EQ(words_of(line + "\r\n"), words) << line;
    }
    EXPECT_EQ(words_of("\"\\x00\""), Words{std::string(1, '\0')});
}

TEST(InlineToMultibulk, RefusesUnbalancedQuotes) {
    for (const std::string_view line :
         {"\"", "'", "a \"b", "\"a\"b", "'a'b", "'a''b'", "\"a\\\"", "'a\\'", "'\\\\'", "\"\\"}) {
        EXPECT_FALSE(inline_to_multibulk(line)) << line;
        EXPECT_FALSE(inline_to_multibulk(std::string(line) + "\r\n")) << line;
    }
}

}  // namespace
}  // namespace portal::resp
