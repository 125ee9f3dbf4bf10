// What clients have loaded is known at the next leader before the first EVALSHA reaches it.
#include "portal_fixture.hpp"
#include "script_node.hpp"

#include <algorithm>
#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kRan = bulk("ran");
const std::string kBody = "return 1";
const std::string kNoPermission = "-NOPERM User app has no permissions to run the 'script|load' command\r\n";

std::string evalsha(std::string_view body) {
    return frame_of({"EVALSHA", sha1_of(body), "0"});
}

class ScriptsTest : public PortalTest {
  protected:
    /// The portal has asked the leader for all that it is not sure of.
    void wait_known(std::uint64_t scripts) {
        wait_for([&] { return counters().scripts_known.get() == scripts; }, "scripts that are known");
    }
    /// What of the node's commands names a script, or brings one along.
    static Words about_scripts(const FakeNode& node) {
        Words found;
        for (const std::string& each : node.seen()) {
            if (each.starts_with("SCRIPT") || each.starts_with("EVAL")) {
                found.push_back(each);
            }
        }
        return found;
    }
    static bool loads(const std::string& seen) { return seen.starts_with("SCRIPT LOAD"); }

    ScriptNode first_;
    ScriptNode second_;
};

TEST_F(ScriptsTest, WhatAClientLoadedIsThereBeforeTheFirstEvalshaReachesTheNextLeader) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"SCRIPT", "LOAD", kBody}), bulk(sha1_of(kBody)));
    lead(second_.node());
    app->expect(evalsha(kBody), kRan);
    EXPECT_EQ(about_scripts(second_.node()),
              (Words{"SCRIPT EXISTS " + sha1_of(kBody), "SCRIPT LOAD " + kBody, "EVALSHA " + sha1_of(kBody) + " 0"}));
    EXPECT_EQ(counters().scripts_loaded.get(), 1U);
}

TEST_F(ScriptsTest, WhatCameAlongWithAnEvalIsThere) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    app->expect(frame_of({"EVAL_RO", "return 2", "0"}), kRan);
    app->expect(frame_of({"EVAL", "#!lua flags=no-writes\nreturn 3", "0"}), kRan);
    lead(second_.node());
    app->expect(evalsha(kBody), kRan);
    app->expect(frame_of({"EVALSHA_RO", sha1_of("return 2"), "0"}), kRan);
    app->expect(evalsha("#!lua flags=no-writes\nreturn 3"), kRan);
}

TEST_F(ScriptsTest, ATransactionInOnePieceMeetsItsScripts) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(second_.node());
    app->expect("*1\r\n$5\r\nMULTI\r\n" + evalsha(kBody) + "*1\r\n$4\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n" + kRan);
}

TEST_F(ScriptsTest, ATransactionThatIsOpenWhileTheLeaderChangesMeetsItsScripts) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    app->expect("MULTI\r\n" + evalsha(kBody), "+OK\r\n+QUEUED\r\n");
    first_.node().die();
    lead(second_.node());
    app->expect("EXEC\r\n", "*1\r\n" + kRan);
}

TEST_F(ScriptsTest, ATransactionThatBeginsAtTheNextLeaderMeetsItsScripts) {
    ScriptNode slow([](const Words& words) {
        return words[0] == "SCRIPT" && words[1] == "LOAD" ? FakeNode::kPause + bulk(sha1_of(words[2]))
                                                          : ScriptNode::kGoOn;
    });
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(slow.node());
    app->expect("MULTI\r\n", "+OK\r\n");
    app->send(evalsha(kBody));
    wait_for([&] { return std::ranges::any_of(slow.node().seen(), loads); }, "the script is on its way");
    EXPECT_TRUE(app->silent());
    slow.learn(kBody);
    slow.node().release();
    app->expect("EXEC\r\n", "+QUEUED\r\n*1\r\n" + kRan);
}

TEST_F(ScriptsTest, WhoNeedsNoScriptDoesNotWaitForOne) {
    ScriptNode slow([](const Words& words) {
        return words[0] == "SCRIPT" && words[1] == "LOAD" ? FakeNode::kSilence : ScriptNode::kGoOn;
    });
    lead(first_.node());
    const auto app = client();
    const auto other = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(slow.node());
    app->send(evalsha(kBody));
    other->expect("GET k\r\n", bulk("value"));
    other->expect("MULTI\r\nGET k\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n" + bulk("value"));
    EXPECT_TRUE(app->silent());
}

// ------------------------------------------------------------------------------------------ what was never accepted

TEST_F(ScriptsTest, WhatTheNodeRefusedIsNotLoadedAnywhere) {
    ScriptNode strict([](const Words& words) {
        const bool runs = words[0] == "EVAL" && words[1] == kBody;
        return runs ? "-NOPERM User app has no permissions to run the 'eval' command\r\n" : ScriptNode::kGoOn;
    });
    lead(strict.node());
    const auto app = client();
    app->send(frame_of({"EVAL", kBody, "0"}));
    EXPECT_TRUE(app->read(7) == "-NOPERM");
    const auto next = client();
    next->send(frame_of({"EVAL", "syntax error", "0"}));
    EXPECT_TRUE(next->read(4) == "-ERR");
    const auto third = client();
    third->expect(frame_of({"EVAL", "return 2", "0"}), kRan);
    wait_known(1);
    lead(second_.node());
    third->expect(evalsha("return 2"), kRan);
    EXPECT_TRUE(second_.knows("return 2"));
    EXPECT_FALSE(second_.knows(kBody));
    EXPECT_FALSE(second_.knows("syntax error"));
}

TEST_F(ScriptsTest, AScriptThatEndsInAnErrorOfItsOwnIsKnownAllTheSame) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", "fail", "0"}), "-MYERR it says\r\n");
    wait_for(
        [&] {
            return std::ranges::any_of(about_scripts(first_.node()),
                                       [](const std::string& each) { return each.starts_with("SCRIPT EXISTS"); });
        },
        "the node is asked whether it knows the script");
    wait_known(1);
    lead(second_.node());
    app->expect(evalsha("fail"), kRan);
}

TEST_F(ScriptsTest, ANodeThatAnswersAnotherDigestHasLoadedNothing) {
    ScriptNode liar([](const Words& words) {
        return words[0] == "SCRIPT" && words[1] == "LOAD" ? bulk(sha1_of("another")) : ScriptNode::kGoOn;
    });
    lead(liar.node());
    const auto app = client();
    app->expect(frame_of({"SCRIPT", "LOAD", kBody}), bulk(sha1_of("another")));
    lead(second_.node());
    app->expect(evalsha(kBody), ScriptNode::kNoScript);
    EXPECT_EQ(second_.count(), 0U);
}

TEST_F(ScriptsTest, InATransactionCountsWhatExecHasRun) {
    lead(first_.node());
    const auto app = client();
    app->expect("MULTI\r\n" + frame_of({"EVAL", kBody, "0"}), "+OK\r\n+QUEUED\r\n");
    app->expect("DISCARD\r\n", "+OK\r\n");
    app->expect("MULTI\r\n" + frame_of({"EVAL", "return 2", "0"}), "+OK\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", "*1\r\n" + kRan);
    app->expect("*1\r\n$5\r\nMULTI\r\n" + frame_of({"EVAL", "return 3", "0"}) + "*1\r\n$4\r\nEXEC\r\n",
                "+OK\r\n+QUEUED\r\n*1\r\n" + kRan);
    wait_known(2);
    lead(second_.node());
    app->expect(evalsha("return 2"), kRan);
    app->expect(evalsha("return 3"), kRan);
    EXPECT_FALSE(second_.knows(kBody));
}

// --------------------------------------------------------------------------------------------------------- the end

TEST_F(ScriptsTest, AFlushIsRespectedAlsoByTheOtherShard) {
    config_.threads = 2;
    lead(first_.node());
    const auto one = client();
    const auto two = client();  // on the other shard
    one->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    two->expect(frame_of({"EVAL", "return 2", "0"}), kRan);
    two->expect(frame_of({"SCRIPT", "FLUSH"}), "+OK\r\n");
    wait_known(0);
    one->expect(frame_of({"EVAL", "return 3", "0"}), kRan);
    lead(second_.node());
    one->expect(evalsha("return 3"), kRan);
    one->expect(evalsha(kBody), ScriptNode::kNoScript);
    two->expect(evalsha("return 2"), ScriptNode::kNoScript);
    EXPECT_EQ(second_.count(), 1U);
}

TEST_F(ScriptsTest, WhatOneShardHasSeenIsThereForTheClientsOfAnother) {
    config_.threads = 2;
    lead(first_.node());
    const auto one = client();
    const auto two = client();
    one->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    nobody_leads("a failover");
    lead(second_.node());
    two->expect("*1\r\n$5\r\nMULTI\r\n" + evalsha(kBody) + "*1\r\n$4\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n" + kRan);
}

TEST_F(ScriptsTest, AFlushThatCameByAnotherWayIsNoticed) {
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    first_.flush();
    app->expect(frame_of({"EVAL", "return 2", "0"}), kRan);  // which a client brings again
    wait_known(1);
    lead(second_.node());
    app->expect(evalsha(kBody), ScriptNode::kNoScript);
    app->expect(evalsha("return 2"), kRan);
}

TEST_F(ScriptsTest, WhatAnotherPortalLoadsIsWaitedFor) {
    lead(first_.node());
    const auto app = client();
    first_.learn(kBody);
    app->expect(evalsha(kBody), kRan);
    lead(second_.node());
    app->send(evalsha(kBody));
    wait_for([&] { return !about_scripts(second_.node()).empty(); }, "the node is asked for it");
    EXPECT_TRUE(app->silent());
    second_.learn(kBody);
    app->expect(kRan);
}

TEST_F(ScriptsTest, WhatNobodyLoadsIsNotWaitedForForEver) {
    lead(first_.node());
    const auto app = client();
    first_.learn(kBody);
    app->expect(evalsha(kBody), kRan);
    lead(second_.node());
    app->expect(evalsha(kBody), ScriptNode::kNoScript);
}

// --------------------------------------------------------------------------------------------------- hostile nodes

TEST_F(ScriptsTest, ANodeThatRefusesLoadsOrLiesServesItsClientsAsItIs) {
    for (const std::string& answer : {kNoPermission, bulk(sha1_of("another")), std::string("+OK\r\n"),
                                      std::string("*0\r\n"), FakeNode::kCutThis, std::string(":1\r\n:2\r\n")}) {
        SCOPED_TRACE(answer);
        ScriptNode hostile([&](const Words& words) {
            return words[0] == "SCRIPT" && words[1] == "LOAD" ? answer : ScriptNode::kGoOn;
        });
        lead(first_.node());
        const auto app = client();
        app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
        lead(hostile.node());
        app->expect(evalsha(kBody), ScriptNode::kNoScript);
    }
}

TEST_F(ScriptsTest, ANodeThatStallsIsNotWaitedForForEver) {
    config_.monitor.down_after = std::chrono::milliseconds(200);
    for (const char* word : {"EXISTS", "LOAD"}) {
        SCOPED_TRACE(word);
        ScriptNode stalls([word](const Words& words) {
            return words[0] == "SCRIPT" && words[1] == word ? FakeNode::kSilence : ScriptNode::kGoOn;
        });
        lead(first_.node());
        const auto app = client();
        app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
        lead(stalls.node());
        app->expect(evalsha(kBody), ScriptNode::kNoScript);
    }
}

TEST_F(ScriptsTest, ANodeThatIsNotReadyYetIsAskedAgain) {
    std::atomic<int> asked{0};
    ScriptNode loads([&](const Words& words) {
        return words[0] == "SCRIPT" && ++asked < 3 ? "-LOADING Redis is loading the dataset in memory\r\n"
                                                   : ScriptNode::kGoOn;
    });
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(loads.node());
    app->expect(evalsha(kBody), kRan);
}

TEST_F(ScriptsTest, ANodeThatDoesNotSayWhatItKnowsIsGivenAllOfIt) {
    ScriptNode silent([](const Words& words) {
        return words[0] == "SCRIPT" && words[1] == "EXISTS" ? "-NOPERM no\r\n" : ScriptNode::kGoOn;
    });
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(silent.node());
    app->expect(evalsha(kBody), kRan);
}

TEST_F(ScriptsTest, ANodeThatRefusesToTellWhatItKnowsIsAskedOnce) {
    ScriptNode silent([](const Words& words) {
        return words[0] == "SCRIPT" && words[1] == "EXISTS" ? kNoPermission : ScriptNode::kGoOn;
    });
    lead(silent.node());
    const auto asked = [&] {
        return std::ranges::count_if(silent.node().seen(),
                                     [](const std::string& each) { return each.starts_with("SCRIPT EXISTS"); });
    };
    const auto app = client();
    for (int i = 0; i < 5; ++i) {
        app->expect(frame_of({"EVAL", "fail" + std::to_string(i), "0"}), "-MYERR it says\r\n");
        wait_known(0);
        wait_for([&] { return asked() > 0; }, "the question at the node");
    }
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    wait_known(1);
    EXPECT_EQ(asked(), 1);
    lead(second_.node());
    app->expect(evalsha(kBody), kRan);
}

// ---------------------------------------------------------------------------------------------------------- bounds

TEST_F(ScriptsTest, TenThousandTextsStayWithinTheBoundAndPushOutNoneThatIsUsed) {
    config_.limits.script_bytes = {256 * 1024};
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    app->expect(evalsha(kBody), kRan);
    for (int i = 0; i < 100; ++i) {
        std::string requests;
        std::string replies;
        for (int j = 0; j < 100; ++j) {
            requests += frame_of({"EVAL", "return " + std::to_string(i * 100 + j) + std::string(1000, ' '), "0"});
            replies += kRan;
        }
        app->expect(requests, replies);
        ASSERT_LE(counters().script_bytes.get(), 256U * 1024U);
    }
    EXPECT_GT(counters().scripts_known.get(), 100U);
    lead(second_.node());
    app->expect(evalsha(kBody), kRan);
    EXPECT_LE(second_.count(), 501U);
}

TEST_F(ScriptsTest, WhoMayRunNoScriptPushesOutNoneOfOthers) {
    const std::string refusal = "-NOPERM User app has no permissions to run the 'eval' command\r\n";
    ScriptNode strict([&](const Words& words) {
        return words[0] == "EVAL" && words[1].starts_with("forbidden") ? refusal : ScriptNode::kGoOn;
    });
    lead(strict.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    const auto other = client();
    for (int i = 0; i < 6; ++i) {
        std::string requests;
        std::string replies;
        for (int j = 0; j < 100; ++j) {
            requests += frame_of({"EVAL", "forbidden " + std::to_string(i * 100 + j), "0"});
            replies += refusal;
        }
        other->expect(requests, replies);
    }
    wait_known(1);
    lead(second_.node());
    app->expect(evalsha(kBody), kRan);
}

TEST_F(ScriptsTest, AScriptTooLargeToBeGatheredIsNotKept) {
    const std::string body = "return 1 --" + std::string(1024 * 1024, 'x');
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", body, "0"}), kRan);
    app->expect(evalsha(body), kRan);
    EXPECT_LT(counters().script_bytes.get(), 1024U);
    lead(second_.node());
    app->expect(evalsha(body), ScriptNode::kNoScript);
    app->expect(frame_of({"EVAL", body, "0"}), kRan);
}

TEST_F(ScriptsTest, WithoutABoundNothingIsKept) {
    config_.limits.script_bytes = {0};
    lead(first_.node());
    const auto app = client();
    app->expect(frame_of({"EVAL", kBody, "0"}), kRan);
    lead(second_.node());
    app->expect(evalsha(kBody), ScriptNode::kNoScript);
    EXPECT_EQ(about_scripts(second_.node()), (Words{"EVALSHA " + sha1_of(kBody) + " 0"}));
}

// ---------------------------------------------------------------------------------------------------------- rights

TEST_F(ScriptsTest, WhereThePortalsLoginMayNotTheLoginThatLoadedItDoes) {
    config_.monitor.username = "monitor";
    config_.monitor.password = "secret";
    std::atomic<int> refused{0};
    const auto logins = [&](const Words& words) {
        return words[0] == "AUTH" || words[0] == "HELLO" ? "+OK\r\n" : ScriptNode::kGoOn;
    };
    ScriptNode first(logins);
    // Which login a connection has the fake node does not know; so it refuses the first who asks, which is the portal.
    ScriptNode second([&](const Words& words) {
        const bool load = words[0] == "SCRIPT" && words[1] == "LOAD";
        return load && refused.fetch_add(1) == 0 ? kNoPermission : logins(words);
    });
    lead(first.node());
    const auto app = client();
    app->expect(frame_of({"AUTH", "app", "word"}), "+OK\r\n");
    app->expect(frame_of({"SCRIPT", "LOAD", kBody}), bulk(sha1_of(kBody)));
    lead(second.node());
    app->expect(evalsha(kBody), kRan);
    EXPECT_EQ(refused.load(), 2);
}

}  // namespace
}  // namespace portal::testing
