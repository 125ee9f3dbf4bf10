// Where a fence goes, and what its answer proves: scripts of what is sent on a link and what the node answers.
#include "upstream/link_fences.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using Look = LinkFences::Look;
using Trial = LinkFences::Trial;

using std::chrono::milliseconds;
using Use = LinkStanding::Use;

class Nobody final : public ReplySink {
  public:
    bool on_reply(PendingRequest&, const resp::ReplyHead&, std::string_view) override { return true; }
    void on_lost(PendingRequest&, std::string_view, const Loss&) override {}
    void on_refused(PendingRequest&, std::string_view, std::string_view) override {}
    bool take_push(const resp::ReplyHead&, const PendingRequest*) override { return false; }
    void on_pinned_lost() override {}
};

/// Of a command, see PendingRequest.
struct Kind {
    Effect effect = Effect::none;
    bool free_text = false;
    bool no_fence = false;
    bool unit = false;
    bool inside = false;
};
constexpr Kind kPlain{};
constexpr Kind kCode{.free_text = true};

/// A link without a connection: what is sent stands in a queue, all of it written.
class Script : public testing::Test {
  protected:
    /// True if a fence has gone before it.
    bool send(const ReplySinkPtr& sink, Kind kind = kPlain) {
        PendingRequest request;
        request.sink = sink;
        request.effect = kind.effect;
        request.free_text = kind.free_text;
        request.no_fence = kind.no_fence;
        request.unit = kind.unit;
        request.inside = kind.inside;
        const bool fenced = fences_.due_before(request, use_, now_);
        if (fenced) {
            fence();
        }
        watch_ = fences_.sent(request, use_) || watch_;
        EXPECT_TRUE(queue_.push("*1\r\n$3\r\nGET\r\n", std::move(request), now_));
        queue_.note_sent(queue_.unsent());
        return fenced;
    }
    void fence() {
        std::string frame;
        fences_.write(frame, nonces_, ready_);
        EXPECT_TRUE(queue_.push(frame, fences_.request(), now_));
        fences_.began(now_);
        queue_.note_sent(queue_.unsent());
        last_ = frame;
    }

    static resp::ReplyHead reply(std::string_view bytes) { return {bytes, bytes.front(), true}; }
    /// What an honest node says to that fence.
    static std::string answer_to(const std::string& frame) {
        const std::string nonce = frame.substr(frame.size() - 34, 32);
        return frame.find("ECHO") != std::string::npos ? "$32\r\n" + nonce + "\r\n"
                                                       : "-ERR unknown command '" + nonce + "'\r\n";
    }
    /// The front request is a fence, and this comes.
    bool answer_fence(const std::string& bytes, bool complete = true) {
        EXPECT_NE(queue_.front().fence, Fence::none);
        const bool good = fences_.answered(queue_.front().fence, queue_.front_command(),
                                           resp::ReplyHead(bytes, bytes.front(), complete));
        EXPECT_TRUE(queue_.pop(now_));
        return good;
    }
    /// What has come is `bytes`, and begins with the answer to the front request, a fence.
    Trial tried(std::string_view bytes, bool free = true) {
        const std::string_view first = bytes.substr(0, bytes.find("\r\n") + 2);
        return fences_.doubts(queue_.front().fence, first) ? fences_.tried(bytes, queue_, limits_, free) : Trial::none;
    }
    void answer() {
        EXPECT_EQ(queue_.front().fence, Fence::none);
        EXPECT_TRUE(queue_.pop(now_));
    }

    PendingQueue::Time now_{};
    Use use_ = Use::shared;
    bool ready_ = true;
    bool watch_ = false;  // look() was asked for
    LinkFences fences_{now_};
    PendingQueue queue_;
    resp::ReplyLimits limits_;
    NonceSource nonces_;
    std::string last_;
    ReplySinkPtr ann_{new Nobody}, bob_{new Nobody};
};

using LinkFencesScript = Script;

TEST_F(LinkFencesScript, OrdinaryCommandsOfManyNeedNone) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(send(i % 2 == 0 ? ann_ : bob_));
    }
    EXPECT_FALSE(watch_);
}

TEST_F(LinkFencesScript, ABusyLinkIsFencedFromTimeToTime) {
    EXPECT_FALSE(send(ann_));
    now_ += LinkFences::kEvery - milliseconds(1);
    EXPECT_FALSE(send(ann_));
    now_ += milliseconds(1);
    EXPECT_TRUE(send(ann_));
    EXPECT_FALSE(send(ann_));
}

TEST_F(LinkFencesScript, WhatComesBehindCodeOfOthersIsFencedAlsoForWhoHasSentIt) {
    EXPECT_FALSE(send(ann_, kCode));
    EXPECT_TRUE(send(ann_));
    EXPECT_FALSE(send(bob_));
    EXPECT_FALSE(send(bob_, kCode));
    EXPECT_TRUE(send(ann_, kCode));
    EXPECT_TRUE(send(bob_));
}

TEST_F(LinkFencesScript, NothingGoesBetweenTheCommandsOfOneTransaction) {
    EXPECT_FALSE(send(ann_, kCode));
    EXPECT_TRUE(send(bob_, {.effect = Effect::multi, .unit = true}));
    EXPECT_FALSE(send(bob_, {.free_text = true, .unit = true}));
    now_ += LinkFences::kEvery;
    EXPECT_FALSE(send(bob_, {.unit = true}));
    EXPECT_FALSE(send(bob_, {.effect = Effect::exec, .free_text = true, .unit = true}));
    EXPECT_TRUE(send(ann_));
}

TEST_F(LinkFencesScript, ALeasedLinkIsFencedBetweenItsHolders) {
    use_ = Use::leased;
    EXPECT_FALSE(send(ann_));
    now_ += 2 * LinkFences::kEvery;
    EXPECT_FALSE(send(ann_)) << "nobody else can get its replies";
    EXPECT_FALSE(fences_.bars(ann_->serial()));
    EXPECT_TRUE(fences_.bars(bob_->serial()));
    EXPECT_TRUE(send(bob_));
    EXPECT_FALSE(send(bob_));
    use_ = Use::shared;
    EXPECT_TRUE(send(bob_)) << "what it had alone may still be answered";
    EXPECT_FALSE(send(ann_));
}

TEST_F(LinkFencesScript, AHolderIsFencedFromItsOwnScriptsUnlessThatWouldDoHarm) {
    use_ = Use::leased;
    EXPECT_FALSE(send(ann_, kCode));
    EXPECT_FALSE(send(ann_, {.no_fence = true})) << "it is in the midst of something";
    EXPECT_TRUE(send(ann_));
    EXPECT_FALSE(send(ann_));
}

TEST_F(LinkFencesScript, ThePortalsOwnQuestionsNeedNone) {
    use_ = Use::questions;
    EXPECT_FALSE(send(ann_, kCode));
    now_ += LinkFences::kEvery;
    EXPECT_FALSE(send(bob_, kCode));
    use_ = Use::logins;
    EXPECT_FALSE(send(bob_)) << "what newcomers must do";
}

TEST_F(LinkFencesScript, EachLoginIsFencedFromTheOneBefore) {
    use_ = Use::logins;
    EXPECT_TRUE(send(ann_, {.effect = Effect::lasting}));
    EXPECT_TRUE(send(ann_, {.effect = Effect::lasting})) << "also from its own";
    EXPECT_EQ(last_.find("ECHO"), std::string::npos) << "nobody knows what the user before may do";
    EXPECT_TRUE(send(bob_, {.effect = Effect::lasting}));
}

TEST_F(LinkFencesScript, WhoHadAnIdleLinkLastIsRemembered) {
    fences_.set_last_user(ann_->serial());
    EXPECT_EQ(fences_.last_user(), ann_->serial());
    use_ = Use::leased;
    EXPECT_FALSE(send(ann_));
    fences_.set_last_user(bob_->serial());
    EXPECT_TRUE(send(ann_));
}

TEST_F(LinkFencesScript, CodeWithNothingBehindItIsFencedAfterAWhile) {
    send(ann_, kCode);
    EXPECT_TRUE(std::exchange(watch_, false));
    send(ann_, kCode);
    EXPECT_FALSE(watch_) << "it is watched already";
    EXPECT_EQ(fences_.look(true, true), Look::fence);
    fence();
    send(ann_, kCode);
    EXPECT_TRUE(std::exchange(watch_, false));
    send(ann_);
    EXPECT_EQ(fences_.look(true, true), Look::done) << "a fence has gone behind it";
}

TEST_F(LinkFencesScript, CodeOnALinkThatIsNotFreeIsLookedAtUntilItIs) {
    send(ann_, kCode);
    EXPECT_TRUE(std::exchange(watch_, false));
    EXPECT_EQ(fences_.look(true, false), Look::later);
    send(ann_, kCode);
    EXPECT_FALSE(watch_) << "it is watched still";
    EXPECT_EQ(fences_.look(true, true), Look::fence);
    EXPECT_EQ(fences_.look(false, true), Look::done) << "everything is answered";
}

TEST_F(LinkFencesScript, WithinATransactionOfTheHoldersItsScriptsAreNotFenced) {
    use_ = Use::leased;
    send(ann_, kCode);
    EXPECT_FALSE(send(ann_, {.inside = true}));
    EXPECT_TRUE(send(ann_));
}

TEST_F(LinkFencesScript, AFenceBehindTheLastCommandThatWouldDoHarmIsNotSent) {
    send(ann_, {.free_text = true, .no_fence = true});
    EXPECT_EQ(fences_.look(true, true), Look::later);
    send(ann_, kCode);
    EXPECT_EQ(fences_.look(true, true), Look::fence);
}

TEST_F(LinkFencesScript, OnlyItsOwnNonceAnswersAFence) {
    send(ann_, kCode);
    send(bob_);
    const std::string first = last_;
    send(bob_, kCode);
    send(ann_);
    answer();
    EXPECT_TRUE(answer_fence(answer_to(first)));
    answer();
    answer();
    EXPECT_FALSE(answer_fence(answer_to(first)));
}

TEST_F(LinkFencesScript, AnythingElseIsNoAnswer) {
    for (const std::string_view wrong :
         {"$3\r\nfoo\r\n", "+OK\r\n", "-NOPERM no\r\n", "-BUSY Redis is busy\r\n", "*0\r\n"}) {
        send(ann_, kCode);
        send(bob_);
        answer();
        EXPECT_FALSE(answer_fence(std::string(wrong))) << wrong;
        answer();
    }
}

TEST_F(LinkFencesScript, AnAnswerWithoutEndIsNone) {
    now_ += LinkFences::kEvery;
    send(ann_);
    EXPECT_FALSE(answer_fence("-BUSY " + std::string(LinkFences::kLongestAnswer, 'x'), false));
}

TEST_F(LinkFencesScript, ANodeThatRefusesEverythingIsBelievedWhereNothingBeforeCanHaveSaidSo) {
    now_ += LinkFences::kEvery;
    send(ann_);
    EXPECT_TRUE(last_.find("ECHO") != std::string::npos);
    EXPECT_TRUE(answer_fence("-NOPERM this user has no permissions to run the 'echo' command\r\n"));
    answer();
    now_ += LinkFences::kEvery;
    send(ann_);
    EXPECT_EQ(last_.find("ECHO"), std::string::npos) << "an unknown command is answered in any case";
    EXPECT_TRUE(answer_fence(answer_to(last_)));
}

constexpr std::string_view kBusy = "-BUSY Redis is busy running a script.\r\n";

TEST_F(LinkFencesScript, ABusyNodeIsBelievedOnceAFenceThatItCannotRefuseIsAnsweredInItsPlace) {
    send(ann_, kCode);
    send(bob_);
    answer();
    const std::string busy(kBusy);
    EXPECT_EQ(tried(busy), Trial::begins);
    fence();
    EXPECT_EQ(last_.find("ECHO"), std::string::npos) << "an unknown command is answered in any case";
    EXPECT_EQ(tried(busy), Trial::waits);
    EXPECT_EQ(tried(busy + busy), Trial::waits);
    EXPECT_EQ(tried(busy + ">2\r\n+a\r\n+b\r\n" + busy + answer_to(last_).substr(0, 5)), Trial::waits);
    EXPECT_EQ(tried(busy + ">2\r\n+a\r\n+b\r\n" + busy + answer_to(last_)), Trial::none);
    EXPECT_TRUE(answer_fence(busy));
    answer();
    EXPECT_TRUE(answer_fence(answer_to(last_)));
    send(ann_, kCode);
    send(bob_);
    answer();
    EXPECT_EQ(tried(busy), Trial::begins) << "the next time it is to be shown again";
}

TEST_F(LinkFencesScript, ARightToEchoThatIsWithdrawnIsFoundOutInTheSameWay) {
    const std::string refusal = "-NOPERM this user has no permissions to run the 'echo' command\r\n";
    send(ann_, kCode);
    send(bob_);
    answer();
    EXPECT_EQ(tried(refusal), Trial::begins);
    fence();
    EXPECT_EQ(tried(refusal + "$3\r\nfoo\r\n" + answer_to(last_)), Trial::none);
    EXPECT_TRUE(answer_fence(refusal));
    answer();
    EXPECT_TRUE(answer_fence(answer_to(last_)));
    send(ann_, kCode);
    send(bob_);
    EXPECT_EQ(last_.find("ECHO"), std::string::npos) << "it is asked so from now on";
}

TEST_F(LinkFencesScript, ANodeThatAnswersTooOftenOrTooSeldomIsNotBelievedToBeBusy) {
    const std::string busy(kBusy);
    for (const std::string& between : {"$3\r\nfoo\r\n" + busy, std::string(), "$" + std::string(30, '9') + "\r\n"}) {
        send(ann_, kCode);
        send(bob_);
        answer();
        EXPECT_EQ(tried(busy), Trial::begins);
        fence();
        EXPECT_EQ(tried(busy + between + answer_to(last_)), between.empty() ? Trial::waits : Trial::failed);
        EXPECT_EQ(tried(busy + between + answer_to(last_) + busy), Trial::failed);
        EXPECT_FALSE(answer_fence(busy));
        fences_ = LinkFences(now_);
        queue_ = PendingQueue();
    }
}

TEST_F(LinkFencesScript, WhatMayNotBeFencedIsNotTried) {
    send(ann_, kCode);
    send(bob_);
    answer();
    EXPECT_EQ(tried(kBusy, false), Trial::none);
    EXPECT_EQ(tried("-ERR x\r\n"), Trial::none);
    EXPECT_FALSE(answer_fence(std::string(kBusy)));
}

TEST_F(LinkFencesScript, WhatComesWithoutEndWhileItIsTriedIsNotKept) {
    send(ann_, kCode);
    send(bob_);
    answer();
    EXPECT_EQ(tried(std::string(kBusy)), Trial::begins);
    fence();
    EXPECT_EQ(tried(std::string(kBusy) + "$9999999\r\n" + std::string(1024 * 1024, 'x')), Trial::failed);
}

TEST_F(LinkFencesScript, AnAnswerThatComesBeforeItsTurnIsNoticed) {
    send(ann_, kCode);
    EXPECT_FALSE(fences_.overtaken(reply("+OK\r\n"), queue_));
    send(bob_);
    const std::string answer = answer_to(last_);
    EXPECT_TRUE(fences_.overtaken(reply(answer), queue_));
    EXPECT_FALSE(fences_.overtaken(reply("$32\r\n0123456789abcdef0123456789abcdef\r\n"), queue_));
    this->answer();
    EXPECT_TRUE(answer_fence(answer));
    EXPECT_FALSE(fences_.overtaken(reply(answer), queue_)) << "none is on its way";
}

TEST_F(LinkFencesScript, NobodyKnowsWhatAUserMayDoBeforeTheLinkIsReadyOrBehindALogin) {
    ready_ = false;
    fence();
    EXPECT_EQ(last_.find("ECHO"), std::string::npos);
    ready_ = true;
    fence();
    EXPECT_NE(last_.find("ECHO"), std::string::npos);
    send(ann_, {.effect = Effect::lasting});
    fence();
    EXPECT_EQ(last_.find("ECHO"), std::string::npos);
    fences_.set_style(FenceStyle::echo);
    fence();
    EXPECT_EQ(last_.find("ECHO"), std::string::npos) << "what is answered always stays";
}

TEST_F(LinkFencesScript, AUserThatMayNotEchoIsAskedOtherwise) {
    fences_.set_style(FenceStyle::unknown_command);
    fence();
    EXPECT_EQ(last_.find("ECHO"), std::string::npos);
    EXPECT_TRUE(answer_fence(answer_to(last_)));
}

}  // namespace
}  // namespace portal::upstream
