#include "sentinel/arbiter/record_json.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

Record full_record() {
    Record record;
    record.id = "0123456789abcdef";
    record.epoch = replication::Epoch{12};
    record.phase = Phase::fencing;
    record.leader = "redis-0";
    record.in_sync = {"redis-0", "redis-1"};
    record.acting = "portal-1";
    record.renewals = 99;
    record.known["redis-0"] = {"run", "replid", 18446744073709551615ULL, 3};
    record.leader_since = 1'796'000'000;
    record.notice = 1'796'000'000'123;
    record.history = {R"({"epoch":11,"from":"redis-1","to":"redis-0"})"};
    record.reason = "redis-0 is \"gone\"\n";
    record.answered_id = "portal-0/1";
    record.answered_error = "no";
    return record;
}

TEST(RecordJson, a_record_comes_back_as_it_was) {
    std::string error;
    const auto read = decode_record(encode_record(full_record(), 5), error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->record, full_record());
    EXPECT_EQ(read->version, 5U);
}

TEST(RecordJson, the_number_of_a_notice_grows_also_when_clocks_go_back) {
    EXPECT_EQ(next_notice(0, 1'796'000'000'000), 1'796'000'000'000);
    EXPECT_EQ(next_notice(1'796'000'000'000, 1'796'000'050'000), 1'796'000'050'000);
    EXPECT_EQ(next_notice(1'796'000'000'000, 1'795'000'000'000), 1'796'000'000'002) << "its end has the one between";
}

/// Clients would drop every notice after it.
TEST(RecordJson, a_number_that_no_notice_can_have_is_none) {
    for (const std::string number : {"-1", "9007199254740993", "18446744073709551615", "\"x\"", "null"}) {
        std::string error;
        const auto read = decode_record(R"({"phase":"leading","leader":"a","epoch":1,"notice":)" + number + "}", error);
        ASSERT_TRUE(read) << error;
        EXPECT_EQ(read->record.notice, 0) << number;
    }
}

TEST(RecordJson, a_mark_comes_back_as_it_was) {
    const Mark mark{"portal-0",
                    3,
                    replication::Epoch{4},
                    true,
                    "redis-1",
                    "portal-0/2",
                    "redis-0",
                    replication::Epoch{3},
                    "bring redis-1 back",
                    "http://10.0.0.1:9380/"};
    std::string error;
    EXPECT_EQ(decode_mark(encode_mark(mark), error), mark);
}

TEST(RecordJson, it_keeps_the_newest_accounts_and_none_that_is_too_long) {
    Record record;
    for (int i = 0; i < 9; ++i) {
        add_account(record, "{\"epoch\":" + std::to_string(i) + "}");
    }
    add_account(record, "{\"reason\":\"" + std::string(kLongestAccount, 'x') + "\"}");
    ASSERT_EQ(record.history.size(), kKeptAccounts);
    EXPECT_EQ(record.history.front(), R"({"epoch":4})");
    EXPECT_EQ(record.history.back(), R"({"epoch":8})");
    record.history.push_back("no JSON");
    std::string error;
    const auto read = decode_record(encode_record(record, 0), error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->record.history.size(), kKeptAccounts) << "what is none is left out";
}

TEST(RecordJson, keys_of_a_newer_portal_are_ignored) {
    std::string error;
    const auto read = decode_record(R"({"phase":"leading","epoch":2,"leader":"redis-0","colour":"blue"})", error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->record.leader, "redis-0");
}

TEST(RecordJson, what_is_no_record_is_refused_with_a_reason) {
    for (const auto* text : {"", "{", "[]", "{}", R"({"phase":"dancing"})", R"({"phase":"leading","epoch":1})",
                             R"({"phase":"leading","leader":"redis-0"})"}) {
        std::string error;
        EXPECT_FALSE(decode_record(text, error)) << text;
        EXPECT_FALSE(error.empty());
    }
    std::string error;
    EXPECT_FALSE(decode_mark("{}", error));
}

TEST(RecordJson, fields_of_a_wrong_type_are_taken_for_missing) {
    std::string error;
    const auto read = decode_record(
        R"({"phase":"bootstrapping","epoch":"x","renewals":-1,"in_sync":[1,"a"],"known":{"n":3},"acting":7})", error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->record.renewals, 0U);
    EXPECT_EQ(read->record.in_sync, std::vector<std::string>{"a"});
    EXPECT_TRUE(read->record.known.empty());
}

TEST(RecordJson, every_torn_text_is_refused) {
    const auto whole = encode_record(full_record(), 1);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        std::string error;
        EXPECT_FALSE(decode_record(std::string_view(whole).substr(0, length), error)) << length;
    }
}

}  // namespace
}  // namespace portal::sentinel
