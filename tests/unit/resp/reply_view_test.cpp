#include "resp/reply_view.hpp"

#include "resp/frame_scanner.hpp"
#include "resp/limits.hpp"
#include "tests/unit/resp/random_reply.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

using testing::Node;
using testing::RandomReply;

/// The tree below `view`, found by asking it.
Node seen(const ReplyView& view) {
    Node node{view.type(), {}, {}};
    if (const auto text = view.text()) {
        node.text = *text;
    } else if (const auto words = view.error()) {
        node.text = *words;
    } else if (const auto number = view.integer()) {
        node.text = std::to_string(*number);
    }
    auto elements = view.elements();
    while (elements.left() > 0) {
        node.elements.push_back(seen(elements.next()));
    }
    EXPECT_FALSE(elements.next()) << "nothing comes behind the last";
    return node;
}

/// Bytes in a block of their own, so that a sanitizer sees their end.
ReplyView look(std::unique_ptr<char[]>& block, std::string_view bytes) {
    block = std::make_unique<char[]>(bytes.size());
    bytes.copy(block.get(), bytes.size());
    return ReplyView::whole({block.get(), bytes.size()});
}

TEST(ReplyView, EachTypeAnswersItsOwnQuestionsOnly) {
    struct Case {
        const char* frame;
        char type;
        std::optional<std::string_view> text, error;
        std::optional<std::int64_t> integer;
    };
    for (const Case& each : std::vector<Case>{
             {"+OK\r\n", '+', "OK", {}, {}},
             {"$2\r\n\r\n\r\n", '$', "\r\n", {}, {}},
             {"=6\r\ntxt:ab\r\n", '=', "ab", {}, {}},
             {"=2\r\nab\r\n", '=', "ab", {}, {}},
             {"-ERR no\r\n", '-', {}, "ERR no", {}},
             {"!6\r\nERR no\r\n", '!', {}, "ERR no", {}},
             {":-17\r\n", ':', {}, {}, -17},
             {":\r\n", ':', {}, {}, {}},
             {":1x\r\n", ':', {}, {}, {}},
             {":9223372036854775808\r\n", ':', {}, {}, {}},
             {"$-1\r\n", '_', {}, {}, {}},
             {"*-1\r\n", '_', {}, {}, {}},
             {"_\r\n", '_', {}, {}, {}},
             {"#t\r\n", '#', {}, {}, {}},
             {",1.5\r\n", ',', {}, {}, {}},
             {"(12345678901234567890\r\n", '(', {}, {}, {}},
             {"*0\r\n", '*', {}, {}, {}},
             {"~1\r\n:1\r\n", '~', {}, {}, {}},
         }) {
        const auto view = ReplyView::whole(each.frame);
        ASSERT_TRUE(view) << each.frame;
        EXPECT_EQ(view.type(), each.type) << each.frame;
        EXPECT_EQ(view.text(), each.text) << each.frame;
        EXPECT_EQ(view.error(), each.error) << each.frame;
        EXPECT_EQ(view.integer(), each.integer) << each.frame;
        EXPECT_EQ(view.bytes(), each.frame);
    }
}

TEST(ReplyView, NothingAnswersEveryQuestionWithNothing) {
    const ReplyView nothing;
    EXPECT_FALSE(nothing);
    EXPECT_EQ(nothing.type(), '\0');
    EXPECT_EQ(nothing.bytes(), "");
    EXPECT_FALSE(nothing.text() || nothing.error() || nothing.integer());
    EXPECT_EQ(nothing.elements().left(), 0U);
    EXPECT_FALSE(nothing.elements().next());
    EXPECT_FALSE(nothing.value_of("key"));
}

TEST(ReplyView, AMapAndTheFlatArrayThatResp2MakesOfItAreReadAlike) {
    constexpr std::string_view pairs =
        "$4\r\nflag\r\n*2\r\n$4\r\nrole\r\n:9\r\n:5\r\n+odd\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$4\r\nrole\r\n$1\r\n2\r\n";
    for (const std::string head : {"*8\r\n", "%4\r\n"}) {
        const std::string frame = head + std::string(pairs);
        const auto view = ReplyView::whole(frame);
        EXPECT_EQ(view.value_of("role").text(), "master") << "not what is inside of another value, and the first";
        EXPECT_EQ(view.value_of("flag").bytes(), "*2\r\n$4\r\nrole\r\n:9\r\n");
        EXPECT_FALSE(view.value_of("rol"));
        EXPECT_FALSE(view.value_of("odd")) << "a value, no key";
    }
    EXPECT_FALSE(ReplyView::whole("*3\r\n+a\r\n+b\r\n+c\r\n").value_of("c")) << "a key without a value";
    EXPECT_FALSE(ReplyView::whole("+role\r\n").value_of("role"));
}

TEST(ReplyView, AttributesArePassedOverWhereverTheyStand) {
    const std::string attribute = "|1\r\n|1\r\n+a\r\n+b\r\n+key\r\n*1\r\n+value\r\n";
    const std::string frame = attribute + "*2\r\n" + attribute + "|0\r\n+x\r\n" + attribute + "%1\r\n" + attribute +
                              "+k\r\n" + attribute + ":7\r\n";
    const auto view = ReplyView::whole(frame);
    EXPECT_EQ(view.type(), '*');
    auto elements = view.elements();
    ASSERT_EQ(elements.left(), 2U);
    EXPECT_EQ(elements.next().text(), "x");
    EXPECT_EQ(elements.next().value_of("k").integer(), 7);
    EXPECT_FALSE(ReplyView::whole(attribute)) << "an attribute is no value";
}

TEST(ReplyView, WhatIsWrittenWronglyIsNothing) {
    for (const std::string_view frame :
         {"", "\r\n", "+\n", "+x", "x\r\n", "$\r\n", "$1\r\n", "$1\r\nab\r\n", "$2\r\na\r\n", "$01\r\na\r\n", "$-2\r\n",
          "$-0\r\n", "$+1\r\na\r\n", "$ 1\r\na\r\n", "$1 \r\na\r\n", "$1\r\naXY", "=-1\r\n", "!-1\r\n", "~-1\r\n",
          "%-1\r\n", ">-1\r\n", "*1\r\n", "*2\r\n+a\r\n", "%1\r\n+a\r\n", "*0\r\n+a\r\n", "*1\r\n+a\r\n+b\r\n",
          "*9223372036854775807\r\n+a\r\n", "%9223372036854775807\r\n+a\r\n+b\r\n", "*18446744073709551617\r\n+a\r\n",
          "$18446744073709551617\r\na\r\n", "$9223372036854775807\r\na\r\n", "*1\r\n|1\r\n+a\r\n+b\r\n",
          // streamed: no server sends them
          "$?\r\n;1\r\na\r\n;0\r\n", "*?\r\n+a\r\n.\r\n", "*1\r\n*?\r\n.\r\n"}) {
        EXPECT_FALSE(ReplyView::whole(frame)) << frame;
    }
}

TEST(ReplyView, NestingIsBoundedWhateverItIsMadeOf) {
    using Around = std::pair<std::string, std::string>;
    for (const auto& [before, behind] : std::vector<Around>{{"*1\r\n", ""},
                                                            {"~1\r\n", ""},
                                                            {">2\r\n$9\r\nsubscribe\r\n", ""},
                                                            {"%1\r\n+k\r\n", ""},
                                                            {"|1\r\n+k\r\n", ":1\r\n"}}) {
        std::string frame = "+x\r\n";
        for (std::size_t depth = 1; depth <= ReplyView::kDeepest; ++depth) {
            frame = before + frame + behind;
            EXPECT_TRUE(ReplyView::whole(frame)) << before << depth;
        }
        EXPECT_FALSE(ReplyView::whole(before + frame + behind)) << before;
    }
    std::string attributes;
    std::string thousands;
    for (int i = 0; i < 5000; ++i) {
        attributes += "|1\r\n+k\r\n+v\r\n";
        thousands += "*1\r\n";
    }
    attributes += "+x\r\n";
    EXPECT_EQ(ReplyView::whole(attributes).text(), "x") << "one behind the other is no nesting";
    EXPECT_FALSE(ReplyView::whole(thousands + "+x\r\n"));
}

TEST(ReplyView, SeesTheTreeThatWasWritten) {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        const RandomReply reply(random);
        std::unique_ptr<char[]> block;
        const auto view = look(block, reply.bytes());
        ASSERT_TRUE(view) << reply.bytes();
        ASSERT_EQ(seen(view), reply.tree()) << reply.bytes();
    }
}

TEST(ReplyView, AFrameThatIsCutAnywhereOrGoesOnIsNothing) {
    std::mt19937 random(2);
    for (int round = 0; round < 300; ++round) {
        const std::string frame = RandomReply(random).bytes();
        std::unique_ptr<char[]> block;
        for (std::size_t size = 0; size < frame.size(); ++size) {
            ASSERT_FALSE(look(block, std::string_view(frame).substr(0, size))) << frame << " at " << size;
        }
        ASSERT_FALSE(look(block, frame + "\n")) << frame;
        ASSERT_FALSE(look(block, frame + "+\r\n")) << frame;
    }
}

/// What is damaged is nothing, or another frame: the same as the scanner of links takes it for, and all that is seen of
/// it lies inside.
TEST(ReplyView, ADamagedFrameIsNothingOrAnotherFrame) {
    std::mt19937 random(3);
    const ReplyLimits limits;
    int other_frames = 0;
    for (int round = 0; round < 30000; ++round) {
        std::string frame = RandomReply(random).bytes();
        for (unsigned i = 0; i <= random() % 3; ++i) {
            frame[random() % frame.size()] = "+-:,(#_$=!*~>%|;?.0129\r\nx"[random() % 25];
        }
        std::unique_ptr<char[]> block;
        const auto view = look(block, frame);
        ReplyScanner scanner(limits);
        const ScanResult scanned = scanner.scan(frame);
        const bool whole = scanned.status == ScanStatus::complete && scanned.size == frame.size();
        if (view) {
            ASSERT_TRUE(whole) << frame;
            ASSERT_EQ(view.bytes().data() + view.bytes().size(), block.get() + frame.size()) << frame;
            (void)seen(view);
            ++other_frames;
        } else {
            ASSERT_TRUE(!whole || frame.find('?') != frame.npos) << frame;
        }
    }
    EXPECT_GT(other_frames, 1000);
}

}  // namespace
}  // namespace portal::resp
