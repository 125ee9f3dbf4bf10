#include "command/tracking.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

std::string frame(const std::vector<std::string>& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return out;
}

std::optional<std::uint64_t> redirect_of(const std::vector<std::string>& words) {
    const std::string bytes = frame(words);
    return Tracking::redirect_of(resp::RequestView(bytes));
}

void accept(Tracking& tracking, const std::vector<std::string>& words) {
    const std::string bytes = frame(words);
    tracking.accept(resp::RequestView(bytes));
}

TEST(Tracking, FindsTheClientOfARedirectionAndNothingThatOnlyLooksLikeOne) {
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "bcast", "redirect", "7"}), 7U);
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "PREFIX", "REDIRECT", "BCAST"}), std::nullopt);
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "REDIRECT"}), std::nullopt);
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "REDIRECT", "seven"}), std::nullopt);
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "REDIRECT", "-7"}), std::nullopt);
    EXPECT_EQ(redirect_of({"CLIENT", "TRACKING", "ON", "PREFIX", "a", "REDIRECT", "7"}), 7U);
}

TEST(Tracking, ARedirectionNamesTheNodesConnectionInsteadOfTheClient) {
    const std::string bytes = frame({"CLIENT", "TRACKING", "ON", "PREFIX", "redirect", "REDIRECT", "7", "NOLOOP"});
    EXPECT_EQ(Tracking::redirected(resp::RequestView(bytes), "123"),
              frame({"CLIENT", "TRACKING", "ON", "PREFIX", "redirect", "REDIRECT", "123", "NOLOOP"}));
}

TEST(Tracking, IsSwitchedOnAgainWithTheLastOptionsAndAllPrefixes) {
    Tracking tracking;
    accept(tracking, {"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "NOLOOP"});
    accept(tracking, {"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b", "PREFIX", "a"});
    EXPECT_TRUE(tracking.broadcasts());
    EXPECT_EQ(tracking.request(std::nullopt),
              frame({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "b"}));
}

TEST(Tracking, IsSwitchedOnAgainWithTheConnectionOfTheDay) {
    Tracking tracking;
    accept(tracking, {"CLIENT", "TRACKING", "ON", "REDIRECT", "7", "OPTIN"});
    EXPECT_FALSE(tracking.broadcasts());
    EXPECT_EQ(tracking.request(55), frame({"CLIENT", "TRACKING", "ON", "OPTIN", "REDIRECT", "55"}));
}

}  // namespace
}  // namespace portal::command
