// docs/use/configuration.md holds the table of keys between two markers, and a complete example. PORTAL_UPDATE_DOCS=1
// writes the table anew.
#include "config/config_reference.hpp"

#include "config_fixture.hpp"

#include <cstdlib>
#include <set>
#include <sstream>

namespace portal::config {
namespace {

using testing::ConfigTest;

constexpr auto kPage = PORTAL_SOURCE_DIR "/docs/use/configuration.md";

std::string page() {
    std::ifstream in(kPage, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    return content.str();
}

/// Compares what stands between the markers of `what` with the table, or writes it there.
void expect_table(const std::string& what, const std::vector<KeyRow>& rows) {
    const std::string marked_begin = "<!-- " + what + ": begin -->\n";
    const std::string marked_end = "<!-- " + what + ": end -->\n";
    std::string text = page();
    const std::size_t begin = text.find(marked_begin);
    const std::size_t end = text.find(marked_end);
    ASSERT_NE(begin, std::string::npos) << kPage << " lacks the marker " << marked_begin;
    ASSERT_NE(end, std::string::npos) << kPage << " lacks the marker " << marked_end;
    const std::size_t from = begin + marked_begin.size();
    if (std::getenv("PORTAL_UPDATE_DOCS") != nullptr) {
        text.replace(from, end - from, key_reference(rows));
        std::ofstream(kPage, std::ios::binary) << text;
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), key_reference(rows))
        << "Run this test with PORTAL_UPDATE_DOCS=1 in the environment to write the table anew.";
}

TEST(ConfigReference, the_page_holds_exactly_the_table_of_keys) {
    expect_table("keys", key_rows());
}

TEST(ConfigReference, the_page_holds_exactly_the_table_of_the_agents_keys) {
    expect_table("agent keys", agent_key_rows());
}

TEST(ConfigReference, every_key_has_a_kind_and_a_sentence) {
    std::set<std::string> paths;
    for (const KeyRow& row : key_rows()) {
        EXPECT_FALSE(row.kind.empty()) << row.path;
        EXPECT_TRUE(row.help.ends_with('.')) << row.path << ": " << row.help;
        EXPECT_TRUE(paths.insert(row.path).second) << row.path;
    }
    EXPECT_TRUE(paths.contains("listen[].tls.min_version"));
    EXPECT_TRUE(paths.contains("arbiter.kubernetes.namespace"));
}

TEST(ConfigReference, knows_which_section_a_key_belongs_to) {
    EXPECT_EQ(section_of_key("down_after"), "monitor");
    EXPECT_EQ(section_of_key("threads"), "the top level");
    EXPECT_EQ(section_of_key("certificate"), "");  // more than one
    EXPECT_EQ(section_of_key("nonsense"), "");
}

class ConfigurationPage : public ConfigTest {};

TEST_F(ConfigurationPage, its_complete_example_parses_and_names_every_section) {
    const std::string text = page();
    const std::string fence = "```yaml\n";
    const std::size_t begin = text.find(fence, text.find("## Complete example"));
    ASSERT_NE(begin, std::string::npos);
    const std::size_t from = begin + fence.size();
    const std::string example = text.substr(from, text.find("```", from) - from);
    for (const char* file : {"tls.crt", "tls.key", "clients-ca.crt", "redis-ca.crt"}) {
        write(file, "x");
    }
    write("monitor-password", "secret\n");
    write("cluster-keys.json", R"({"keys":[]})");
    write("cart-password", std::string(32, 'p'));
    write("reports-password", std::string(32, 'p'));
    write("ticket-secret", std::string(64, 's'));
    const Config config = good(example);
    EXPECT_EQ(config.nodes.size(), 2U);
    for (const KeyRow& row : key_rows()) {
        if (row.path.find('.') == std::string::npos) {
            EXPECT_NE(("\n" + example).find("\n" + row.path + ":"), std::string::npos) << row.path;
        }
    }
}

}  // namespace
}  // namespace portal::config
