// The section `identity`: what it takes, and every way to write it wrong.
#include "config/config_change.hpp"
#include "config/effective_config.hpp"
#include "config/identity_rules.hpp"
#include "tests/unit/config/config_fixture.hpp"

namespace portal::config {
namespace {

using testing::kMinimal;

class IdentitySection : public testing::ConfigTest {
  protected:
    IdentitySection() {
        write("keys.json", R"({"keys":[]})");
        write("app.secret", "a-long-password-of-the-portal\n");
    }
    /// Nine lines, of which the first is line 7 of the file; the rules begin in line 11.
    static std::string section(const std::string& rules, const std::string& more = {}) {
        return "identity:\n"
               "  issuers:\n"
               "    - {name: main, issuer: \"https://i\", audience: \"redis://o\", jwks: keys.json}\n"
               "  users: [{name: app, password_file: app.secret}]\n"
               "  rules:\n" +
               rules + more;
    }
};

TEST_F(IdentitySection, is_absent_by_default) {
    EXPECT_FALSE(good(kMinimal).identity);
}

TEST_F(IdentitySection, is_read_with_its_files) {
    const Config config = good(kMinimal + section("    - when: {sub: alice, groups: [a, \"b*\"], ok: true, n: 7}\n"
                                                  "      user: app\n",
                                                  "  grace: 2m\n"));
    ASSERT_TRUE(config.identity);
    EXPECT_EQ(config.identity->issuers.at(0).keys, R"({"keys":[]})");
    EXPECT_EQ(config.identity->users.at(0).password, "a-long-password-of-the-portal");
    EXPECT_EQ(config.identity->grace, std::chrono::minutes(2));
    const IdentityRule& rule = config.identity->rules.at(0);
    ASSERT_EQ(rule.when.size(), 4U);
    EXPECT_EQ(rule.when[0].claim, "sub");
    EXPECT_EQ(rule.when[1].values, (std::vector<std::string>{"a", "b*"}));
    EXPECT_EQ(rule.when[2].values, std::vector<std::string>{"true"});
    EXPECT_EQ(rule.when[3].values, std::vector<std::string>{"7"});
}

TEST_F(IdentitySection, is_printed_as_it_can_be_read_without_secrets) {
    const std::string text = kMinimal + section("    - {when: {sub: \"*\", g: [a, b]}, user: \"{n}\"}\n");
    const Config config = good(text);
    const std::string printed = effective_yaml(config, {});
    EXPECT_EQ(printed.find("a-long-password"), std::string::npos);
    const Config again = good(printed);
    ASSERT_TRUE(again.identity);
    EXPECT_EQ(effective_yaml(again, {}), printed);
    EXPECT_EQ(again.identity->rules.at(0).when.at(1).values, (std::vector<std::string>{"a", "b"}));
}

TEST_F(IdentitySection, names_what_is_wrong_with_a_rule) {
    expect_problem_after_minimal(section("    - {user: app}\n"), 6, "when");
    expect_problem_after_minimal(section("    - {when: {}, user: app}\n"), 6, "at least one claim");
    expect_problem_after_minimal(section("    - {when: sub, user: app}\n"), 6, "at least one claim");
    expect_problem_after_minimal(section("    - {when: {sub: []}, user: app}\n"), 6, "no claim fits");
    expect_problem_after_minimal(section("    - {when: {sub: {a: b}}, user: app}\n"), 6, "single value");
    expect_problem_after_minimal(section("    - {when: {sub: \"a*b\"}, user: app}\n"), 6, "not at its end");
    expect_problem_after_minimal(section("    - {when: {\"a//b\": c}, user: app}\n"), 6, "no claim");
    expect_problem_after_minimal(section("    - {when: {\"a~b\": c}, user: app}\n"), 6, "~1");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: other}\n"), 6, "not under identity.users");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: \"{a}{b}\"}\n"), 6, "two claims");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: \"{a}-{b}\"}\n"), 6, "two claims");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: \"x{a\"}\n"), 6, "without a }");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: \"x y\"}\n"), 6, "character");
    expect_problem_after_minimal(section("    - {issuer: second, when: {sub: a}, user: app}\n"), 6,
                                 "no name of an issuer");
}

TEST_F(IdentitySection, lets_no_issuer_speak_for_another) {
    const std::string rules = "    - {when: {sub: a}, user: app}\n";
    std::string text = section(rules);
    text.insert(text.find("  users:"), "    - {name: two, issuer: \"https://j\", audience: x, jwks: keys.json}\n");
    expect_problem_after_minimal(text, 7, "whose tokens it is for");
    text = section(rules);
    text.insert(text.find("  users:"), "    - {name: two, issuer: \"https://i\", audience: x, jwks: keys.json}\n");
    text.insert(text.find("{when"), "{issuer: main, ");
    text.erase(text.find("{when"), 1);
    expect_problem_after_minimal(text, 4, "twice");
}

TEST_F(IdentitySection, wants_long_passwords) {
    write("app.secret", "short\n");
    expect_problem_after_minimal(section("    - {when: {sub: a}, user: app}\n"), 4, "fewer than 16");
}

TEST_F(IdentitySection, counts_as_changed_when_a_file_has) {
    const std::string text = kMinimal + section("    - {when: {sub: a}, user: app}\n");
    const PortalFile before{good(text), {}};
    write("keys.json", R"({"keys":[1]})");
    write("app.secret", "another-long-password\n");
    const ConfigChange change = compare(before, {good(text), {}});
    EXPECT_EQ(change.reloadable,
              (std::vector<std::string>{"identity.issuers[0].jwks", "identity.users[0].password_file"}));
    EXPECT_TRUE(change.restart.empty());
}

TEST(UserParts, keep_claims_apart) {
    const auto parts = user_parts("app-{a/b}:{sub}");
    ASSERT_TRUE(parts.value) << parts.complaint;
    ASSERT_EQ(parts.value->size(), 4U);
    EXPECT_EQ(parts.value->at(1).text, "a/b");
    EXPECT_TRUE(parts.value->at(1).is_claim);
    EXPECT_EQ(parts.value->at(2).text, ":");
    for (const char* text : {"", "{}", "{", "}", "{a}x{b}", "a\nb", "{a}{b}", "{{a}}"}) {
        EXPECT_FALSE(user_parts(text).value) << text;
    }
}

}  // namespace
}  // namespace portal::config
