// A folder with the files that a configuration names, and short ways to load texts beside them.
#pragma once

#include "config/config_loader.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::config::testing {

/// Six lines; tests append to it, so their first own line is line 7.
inline const std::string kMinimal =
    "listen:\n"
    "  - {address: 127.0.0.1:6380, tls: null}\n"
    "nodes:\n"
    "  - {name: redis-0, address: 127.0.0.1:6390}\n"
    "arbiter:\n"
    "  file: {path: record}\n";

class ConfigTest : public ::testing::Test {
  protected:
    ConfigTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "portal-config-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("cannot make a folder for the test");
        }
        folder_ = pattern;
    }
    ~ConfigTest() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string write(const std::string& name, const std::string& content) const {
        std::filesystem::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name, std::ios::binary) << content;
        return path(name);
    }

    LoadResult load(const std::string& text) const { return load_text(text, path("portal.yaml")); }
    /// The configuration; the test fails with its problems when there are any.
    Config good(const std::string& text) const {
        const LoadResult result = load(text);
        EXPECT_TRUE(result.config) << all(result);
        return result.config.value_or(Config{});
    }
    static std::string all(const LoadResult& result) {
        std::string text;
        for (const Problem& problem : result.problems) {
            text += format_problem("F", problem) + "\n";
        }
        return text;
    }
    /// Expects exactly one problem, on this line, whose message has this part.
    void expect_problem(const std::string& text, int line, const std::string& part) const {
        const LoadResult result = load(text);
        EXPECT_FALSE(result.config) << text;
        ASSERT_EQ(result.problems.size(), 1U) << all(result) << text;
        EXPECT_EQ(result.problems[0].line, line) << all(result) << text;
        EXPECT_NE(result.problems[0].message.find(part), std::string::npos) << all(result) << "expected: " << part;
    }
    /// The same for lines that are appended to the smallest good configuration; `line` counts from there.
    void expect_problem_after_minimal(const std::string& lines, int line, const std::string& part) const {
        expect_problem(kMinimal + lines, line + 6, part);
    }

    std::filesystem::path folder_;
};

}  // namespace portal::config::testing
