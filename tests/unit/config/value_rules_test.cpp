#include "config/value_rules.hpp"

#include <array>
#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

namespace portal::config {
namespace {

using namespace std::chrono_literals;

const DurationRule kAnyDuration{0ms, 1000h, ""};
const SizeRule kAnySize{{0}, {1ULL << 50U}};

TEST(DurationRule, reads_every_unit_and_prints_the_shortest) {
    for (const auto& [text, value] : std::initializer_list<std::pair<const char*, Milliseconds>>{
             {"0s", 0ms}, {"200ms", 200ms}, {"1s", 1s}, {"5m", 5min}, {"12h", 12h}, {"1500ms", 1500ms}, {"90s", 90s}}) {
        EXPECT_EQ(kAnyDuration.parse(text).value, value) << text;
        EXPECT_EQ(kAnyDuration.print(value), text);
    }
    EXPECT_EQ(kAnyDuration.print(60'000ms), "1m");
    EXPECT_EQ(kAnyDuration.parse("007ms").value, 7ms);
}

TEST(DurationRule, refuses_what_is_no_duration) {
    for (const std::string text : {"", " ", "1", "s", "1 s", "1S", "1d", "+1s", "1s ", "0x1s", "1e3s", "1s1s"}) {
        EXPECT_FALSE(kAnyDuration.parse(text).value) << text;
    }
}

TEST(NodeSettingRule, reads_what_redis_conf_would_hold) {
    const NodeSettingRule rule;
    for (const auto& [text, name, value] : std::initializer_list<std::array<const char*, 3>>{
             {"maxmemory 100mb", "maxmemory", "100mb"},
             {"SAVE \"\"", "save", ""},
             {"proc-title-template \"a b\"", "proc-title-template", "a b"},
             {"client-output-buffer-limit pubsub 32mb 8mb 60", "client-output-buffer-limit", "pubsub 32mb 8mb 60"}}) {
        const auto read = rule.parse(text).value;
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(read->name, name);
        EXPECT_EQ(read->value, value);
        EXPECT_EQ(rule.parse(rule.print(*read)).value, read) << "what is printed can be read again";
    }
}

TEST(NodeSettingRule, takes_no_secrets_and_nothing_that_is_for_the_monitor) {
    for (const std::string text : {"requirepass x", "masterauth x", "tls-key-file-pass x", "tls-client-key-file-pass x",
                                   "replicaof 127.0.0.1 1", "maxmemory", "maxmemory ", " x", "save \"a\"b\""}) {
        EXPECT_FALSE(NodeSettingRule().parse(text).value) << text;
    }
}

TEST(SizeRule, reads_every_unit_and_prints_binary_ones) {
    for (const auto& [text, value] :
         std::initializer_list<std::pair<const char*, std::uint64_t>>{{"0", 0},
                                                                      {"512", 512},
                                                                      {"16KiB", 16384},
                                                                      {"64MiB", 64U << 20U},
                                                                      {"1GiB", 1U << 30U},
                                                                      {"1TiB", 1ULL << 40U}}) {
        EXPECT_EQ(kAnySize.parse(text).value, Bytes{value}) << text;
        EXPECT_EQ(kAnySize.print({value}), text);
    }
    EXPECT_EQ(kAnySize.parse("512B").value, Bytes{512});
    EXPECT_EQ(kAnySize.parse("3KB").value, Bytes{3000});
    EXPECT_EQ(kAnySize.parse("3MB").value, Bytes{3'000'000});
    EXPECT_EQ(kAnySize.parse("1GB").value, Bytes{1'000'000'000});
    EXPECT_EQ(kAnySize.parse("1TB").value, Bytes{1'000'000'000'000});
}

TEST(SizeRule, refuses_what_is_no_size) {
    for (const std::string text : {"", "MiB", "1 MiB", "1mb", "1M", "-1", "1.5MiB", "18446744073709551616"}) {
        EXPECT_FALSE(kAnySize.parse(text).value) << text;
    }
}

TEST(AddressRule, prints_what_it_reads) {
    for (const std::string text : {"127.0.0.1:1", "redis-0.redis.svc:6379", "[::1]:65535", "[fe80::1%eth0]:6379"}) {
        const auto parsed = AddressRule{}.parse(text);
        ASSERT_TRUE(parsed.value) << parsed.complaint;
        EXPECT_EQ(AddressRule{}.print(*parsed.value), text);
    }
}

TEST(CountRule, reads_its_word_as_zero) {
    const CountRule rule{1, 8, "auto"};
    EXPECT_EQ(rule.parse("auto").value, 0U);
    EXPECT_EQ(rule.print(0), "auto");
    EXPECT_EQ(rule.parse("8").value, 8U);
    EXPECT_FALSE(rule.parse("9").value);
    EXPECT_FALSE((CountRule{1, 8, ""}.parse("auto").value));
}

TEST(CommandRule, keeps_commands_in_lower_case) {
    EXPECT_EQ(CommandRule{}.parse("FlushAll").value, "flushall");
    EXPECT_EQ(CommandRule{}.parse("CONFIG|SET").value, "config|set");
    EXPECT_EQ(CommandRule{}.parse("Module:FT.Search").value, "module:ft.search");
    for (const std::string text : {"", "|set", "config|", "a|b|c", "a b", "1a", "module:", "module:a b", "other:a"}) {
        EXPECT_FALSE(CommandRule{}.parse(text).value) << text;
    }
}

TEST(NameRule, takes_plain_names_only) {
    EXPECT_TRUE(NameRule{}.parse("Redis_0.east-1").value);
    for (const std::string& text : {std::string(), std::string("a b"), std::string("a/b"), std::string(64, 'a')}) {
        EXPECT_FALSE(NameRule{}.parse(text).value) << text;
    }
}

}  // namespace
}  // namespace portal::config
