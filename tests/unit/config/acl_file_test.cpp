#include "config/acl_file.hpp"

#include <gtest/gtest.h>

namespace portal::config {
namespace {

TEST(AclFile, LinesAreUsers) {
    const auto read = parse_acl_file("# made by hand\r\n\n  user app on  >pw ~* +@all\t\r\nuser \xff(x off\nuser bare");
    ASSERT_TRUE(read.value) << read.complaint;
    EXPECT_EQ(*read.value,
              (std::map<std::string, std::string>{{"app", "on >pw ~* +@all"}, {"bare", ""}, {"\xff(x", "off"}}));
}

TEST(AclFile, WhatIsWrongIsSaidWithoutWhatItHolds) {
    const auto complaint = [](std::string_view text) {
        const auto read = parse_acl_file(text);
        EXPECT_EQ(read.value, std::nullopt);
        EXPECT_EQ(read.complaint.find("s3cret"), std::string::npos) << read.complaint;
        return read.complaint;
    };
    EXPECT_NE(complaint("user a on\napp on >s3cret").find("line 2"), std::string::npos);
    EXPECT_NE(complaint("user").find("line 1"), std::string::npos);
    EXPECT_NE(complaint("user a on\nuser b on\nuser a on >s3cret").find("line 3"), std::string::npos);
    EXPECT_NE(complaint(std::string_view("user a\0b >s3cret", 16)).find("line 1"), std::string::npos);
    EXPECT_EQ(complaint(""), "names no user");
    EXPECT_EQ(complaint("# user a on\n\n"), "names no user");
}

}  // namespace
}  // namespace portal::config
