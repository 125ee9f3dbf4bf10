#include "sentinel/node_users.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using Due = std::vector<std::pair<std::string, std::string>>;
using Words = std::vector<std::string>;

// SHA-256 of "pw".
constexpr std::string_view kHash = "#30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";
const UsersSpared kNobody{"portal", {}};

TEST(NodeUsers, TheListIsReadWhateverBytesANameHas) {
    const auto users =
        users_in({"user default on nopass ~* &* +@all", "user we(ird\"n'me on ~a +get", "user \xff\xfe off -@all"});
    EXPECT_EQ(users.size(), 3U);
    EXPECT_EQ(users.at("we(ird\"n'me"), "on ~a +get");
    EXPECT_EQ(users.at("\xff\xfe"), "off -@all");
    EXPECT_EQ(users_in({"user bare"}), (Users{{"bare", ""}}));
    EXPECT_TRUE(users_in({}).empty());
    EXPECT_TRUE(users_in({"something else", ""}).empty());
}

TEST(NodeUsers, ASelectorIsOneWord) {
    EXPECT_EQ(
        words_of(
            "on ~a)b %R~x(y) resetchannels -@all +get (~foo) resetchannels -@all +get) (%R~z* &* -@all +@read -keys)"),
        (Words{"on", "~a)b", "%R~x(y)", "resetchannels", "-@all", "+get", "(~foo) resetchannels -@all +get)",
               "(%R~z* &* -@all +@read -keys)"}))
        << "a pattern may end with a parenthesis, too";
    EXPECT_EQ(words_of("(+@all) ~a"), (Words{"(+@all)", "~a"}));
    EXPECT_EQ(words_of("() ~a"), (Words{"()", "~a"}));
    EXPECT_EQ(words_of("(~* alldbs +@all) (~a db=1 -@all +get)"), (Words{"(~* alldbs +@all)", "(~a db=1 -@all +get)"}));
    EXPECT_EQ(words_of("  on   ~* "), (Words{"on", "~*"}));
    EXPECT_EQ(words_of("(~never +ended"), (Words{"(~never +ended"}));
}

TEST(NodeUsers, AUserIsSetFromNothing) {
    EXPECT_EQ(set_user("app", "on #00 ~* (~a +get)"),
              (Words{"ACL", "SETUSER", "app", "reset", "on", "#00", "~*", "(~a +get)"}));
}

TEST(NodeUsers, WhatMeansTheSameIsTheSame) {
    EXPECT_EQ(canonical("on sanitize-payload allkeys allchannels allcommands"), "on ~* &* +@all");
    EXPECT_EQ(canonical("on >pw -@all"), "on " + std::string(kHash) + " -@all");
    EXPECT_EQ(canonical("off skip-sanitize-payload"), "off skip-sanitize-payload");
}

TEST(NodeUsers, AReplicaIsToldWhatItLacksAndWhatDiffers) {
    const Users leader{{"a", "on ~a"}, {"b", "on ~b"}, {"c", "off"}, {"portal", "on +@all"}};
    const Users replica{
        {"a", "on sanitize-payload ~a"}, {"b", "on ~x"}, {"portal", "on +info"}, {"default", "on"}, {"old", "on"}};
    const UsersTold told;
    EXPECT_EQ(told.to_set(leader, replica, kNobody), (Due{{"b", "on ~b"}, {"c", "off"}})) << "never the monitor's own";
    EXPECT_EQ(told.to_delete(leader, replica, kNobody), Words{"old"}) << "never the default user";
    EXPECT_EQ(told.to_delete({{"a", ""}}, replica, {"portal", {"old"}}), Words{"b"}) << "never one that a node needs";
}

TEST(NodeUsers, WhatANodeWritesInItsOwnWayItIsToldOnce) {
    const Users wanted{{"a", "on ~a +@read -keys"}};
    UsersTold told;
    told.set("a", "on ~a +@read -keys", "on ~a resetchannels -@all +@read -keys");
    EXPECT_EQ(told.to_set(wanted, {{"a", "on ~a resetchannels -@all +@read -keys"}}, kNobody), Due{});
    EXPECT_EQ(told.to_set(wanted, {{"a", "on ~a resetchannels -@all"}}, kNobody).size(), 1U) << "somebody changed it";
    EXPECT_EQ(told.to_set(wanted, {}, kNobody).size(), 1U) << "somebody deleted it";
    told.forget();
    EXPECT_EQ(told.to_set(wanted, {{"a", "on ~a resetchannels -@all +@read -keys"}}, kNobody).size(), 1U);
}

TEST(NodeUsers, WhatIsRefusedIsNotToldAgain) {
    const Users wanted{{"a", "on +new.command"}, {"b", "on"}};
    UsersTold told;
    told.refused("a", "on +new.command", "ERR Unknown command");
    EXPECT_EQ(told.to_set(wanted, {{"b", "on"}}, kNobody), Due{});
    EXPECT_EQ(told.refusals(wanted), (std::map<std::string, std::string>{{"a", "ERR Unknown command"}}));
    EXPECT_TRUE(told.refusals({{"a", "on"}}).empty()) << "it is another one now";
    told.refused_to_delete("x", "ERR no");
    EXPECT_EQ(told.to_delete(wanted, {{"b", "on"}, {"x", "on"}}, kNobody), Words{});
}

TEST(NodeUsers, NoErrorTellsASecret) {
    const std::string hash(kHash);
    for (const std::string& secret :
         Words{hash, ">pa'ss", "<old", "!" + hash.substr(1), "(~a #x +nosuch)", "~key", "hunter2"}) {
        const auto text = harmless("ERR Error in ACL SETUSER modifier '" + secret + "': Syntax error");
        EXPECT_EQ(text, "ERR Error in ACL SETUSER modifier '...': Syntax error");
    }
    EXPECT_EQ(harmless("ERR Error in ACL SETUSER modifier '+nosuch': Unknown command"),
              "ERR Error in ACL SETUSER modifier '+nosuch': Unknown command");
    EXPECT_EQ(harmless("ERR modifier 'cut off"), "ERR modifier ");
    EXPECT_EQ(harmless("NOPERM no permissions to run the 'acl|setuser' command"),
              "NOPERM no permissions to run the 'acl|setuser' command");
    EXPECT_EQ(harmless("ERR something"), "ERR something");
}

TEST(NodeUsers, ANameIsShownInPlainCharacters) {
    EXPECT_EQ(shown_name("app-1"), "app-1");
    EXPECT_EQ(shown_name("a\xff\"\n"), "a???");
    EXPECT_EQ(shown_name(std::string(50, 'x')), std::string(40, 'x') + "...");
}

TEST(NodeUsers, ACommandIsRepeatedWithoutTheMonitorsOwnUser) {
    EXPECT_EQ(repeatable({"acl", "SetUser", "app", "on"}, "portal"), (Words{"acl", "SetUser", "app", "on"}));
    EXPECT_EQ(repeatable({"ACL", "SETUSER", "portal", "off"}, "portal"), std::nullopt);
    EXPECT_EQ(repeatable({"ACL", "DELUSER", "a", "portal", "b"}, "portal"), (Words{"ACL", "DELUSER", "a", "b"}));
    EXPECT_EQ(repeatable({"ACL", "DELUSER", "portal"}, "portal"), std::nullopt);
    EXPECT_EQ(repeatable({"ACL", "LOAD"}, "portal"), std::nullopt);
    EXPECT_EQ(repeatable({}, "portal"), std::nullopt);
}

TEST(NodeUsers, ALeaderThatLostUsersInARestartGetsThemBack) {
    UsersMemory memory;
    EXPECT_EQ(memory.target({"r0", "run1"}, {{"a", "1"}}), (Users{{"a", "1"}}));
    memory.note_leader({"r0", "run1"}, {{"a", "1"}, {"b", "1"}}, {});
    EXPECT_EQ(memory.target({"r0", "run1"}, {{"a", "1"}}), (Users{{"a", "1"}})) << "the same process: b was deleted";
    EXPECT_EQ(memory.target({"r0", "run2"}, {{"a", "2"}, {"c", "1"}}), (Users{{"a", "2"}, {"b", "1"}, {"c", "1"}}));
    EXPECT_EQ(memory.target({"r1", "run3"}, {{"a", "1"}}), (Users{{"a", "1"}})) << "another leader has its own word";
    EXPECT_EQ(memory.target({"r0", ""}, {{"a", "1"}}), (Users{{"a", "1"}})) << "nobody knows which process it is";
    memory.forget();
    EXPECT_EQ(memory.target({"r0", "run2"}, {{"a", "1"}}), (Users{{"a", "1"}}));
}

TEST(NodeUsers, AUserThatWasDeletedJustBeforeItsLeaderRestartedStaysDeleted) {
    UsersMemory memory;
    const auto group_had_both = [&memory](bool has_file) {
        memory.forget();
        memory.note_leader({"r0", "run1", has_file}, {{"a", "1"}, {"b", "1"}}, {});
        memory.note_replica("r1", {{"a", "1"}, {"b", "1"}}, "run5");
    };
    const Users without = {{"a", "1"}};
    group_had_both(true);
    EXPECT_EQ(memory.target({"r0", "run2", true}, without), without) << "its file is what was saved";

    group_had_both(false);
    memory.note_present("r1", "run5", without, {});
    EXPECT_EQ(memory.target({"r0", "run2"}, without), without) << "another portal has repeated the deletion there";

    group_had_both(false);
    memory.note_present("r1", "run5", without, {"b"});
    EXPECT_EQ(memory.target({"r0", "run2"}, without).size(), 2U) << "that replica never took it";

    group_had_both(false);
    memory.note_present("r1", "run6", without, {});
    EXPECT_EQ(memory.target({"r0", "run2"}, without).size(), 2U) << "both nodes were started again";

    group_had_both(false);
    memory.note_present("r1", "run5", without, {});
    memory.note_leader({"r0", "run1"}, {{"a", "1"}, {"b", "2"}}, {});
    EXPECT_EQ(memory.target({"r0", "run2"}, without).size(), 2U) << "it was made anew since";
}

TEST(NodeUsers, AUsersRulesCannotBeginALineOfAnother) {
    const Users users =
        users_in({"user zz on nopass -@all +select|x\nuser weak on nopass ~* &* +@all", "user weak on ~a +get"});
    EXPECT_EQ(users.size(), 2U);
    EXPECT_EQ(users.at("weak"), "on ~a +get");
    EXPECT_FALSE(unambiguous(users.at("zz")));
}

TEST(NodeUsers, RulesThatMayBeTakenForOthersAreNotPassedOn) {
    for (const char* rules : {"on nopass ~* &* +@all",
                              "on #ab ~a:* %R~b:* resetchannels &c -@all +get +select|0 (~b -@all +get) (%W~c +set)",
                              "off -@all", "on ~odd)key &c)d +get", ""}) {
        EXPECT_TRUE(unambiguous(rules)) << rules;
    }
    for (const char* rules :
         {"on -@all +select|x ~* &* +@all", "on ~a +select|x\ny", "on (~tmp:* -@all +select|a) +select|b)",
          "on -@all +select|x nopass", "on (~a -@all +select|x ~* +get)", "on +get\r"}) {
        EXPECT_FALSE(unambiguous(rules)) << rules;
    }
}

TEST(NodeUsers, WhatOnlyAReplicaHadBeforeAnybodyLookedIsNotDeleted) {
    UsersMemory memory;
    memory.note_leader({"r0", "run1"}, {{"a", "1"}, {"b", "1"}}, {});
    memory.note_replica("r1", {{"a", "1"}, {"local", "1"}}, "run9");
    ASSERT_EQ(memory.unclear().size(), 1U);
    EXPECT_EQ(memory.unclear().at("local"), "r1");
    memory.note_leader({"r0", "run1"}, {{"a", "1"}}, {});
    memory.note_replica("r1", {{"a", "1"}, {"b", "1"}, {"local", "1"}}, "run9");
    EXPECT_EQ(memory.unclear().size(), 1U) << "b was deleted";
    memory.note_replica("r1", {{"a", "1"}}, "run9");
    EXPECT_TRUE(memory.unclear().empty()) << "somebody deleted it";
    memory.note_replica("r2", {{"local", "1"}}, "run8");
    memory.note_leader({"r0", "run1"}, {{"local", "1"}}, {});
    EXPECT_TRUE(memory.unclear().empty()) << "the leader has it now";
    memory.note_replica("r0", {{"gone", "1"}}, "run7");
    EXPECT_TRUE(memory.unclear().empty()) << "it led before: what the leader lacks was deleted";
}

TEST(NodeUsers, WhatALeaderDoesNotTakeBackIsNotDeletedElsewhere) {
    UsersMemory memory;
    memory.note_leader({"r0", "run1"}, {{"a", "1"}, {"b", "+new.command"}}, {"b"});
    EXPECT_TRUE(memory.unclear().contains("b"));
    EXPECT_EQ(*memory.last(), (Users{{"a", "1"}}));
}

}  // namespace
}  // namespace portal::sentinel
