#include "certs/ending_certificates.hpp"

#include <gtest/gtest.h>

namespace portal::certs {
namespace {

using std::chrono::hours;

class EndingCertificatesTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::size_t told(hours left, hours passed = hours{0}) {
        return ending.to_tell({{"0.0.0.0:6380", start + left}}, start + passed).size();
    }

    EndingCertificates ending;
    EndingCertificates::TimePoint start{hours{24 * 20000}};
};

TEST_F(EndingCertificatesTest, one_that_lasts_is_not_spoken_of) {
    EXPECT_EQ(told(EndingCertificates::kSoon + hours{1}), 0U);
}

TEST_F(EndingCertificatesTest, one_that_ends_soon_is_told_of_once_a_day) {
    const hours left{24 * 14 - 1};
    EXPECT_EQ(told(left), 1U);
    EXPECT_EQ(told(left, hours{1}), 0U);
    EXPECT_EQ(told(left, hours{24}), 1U);
    EXPECT_EQ(told(left, hours{25}), 0U);
}

TEST_F(EndingCertificatesTest, the_sentence_names_listener_and_end) {
    const auto sentences = ending.to_tell({{"[::]:6380", start + hours{30}}}, start);
    ASSERT_EQ(sentences.size(), 1U);
    EXPECT_NE(sentences[0].find("[::]:6380 ends on 2024-10-05"), std::string::npos) << sentences[0];
}

TEST_F(EndingCertificatesTest, one_that_has_ended_is_told_as_such) {
    const auto sentences = ending.to_tell({{"a", start}}, start + hours{1});
    ASSERT_EQ(sentences.size(), 1U);
    EXPECT_NE(sentences[0].find("ended on"), std::string::npos) << sentences[0];
}

TEST_F(EndingCertificatesTest, each_listener_and_each_new_certificate_counts_for_itself) {
    EXPECT_EQ(ending.to_tell({{"a", start + hours{30}}, {"b", start + hours{30}}}, start).size(), 2U);
    EXPECT_EQ(ending.to_tell({{"a", start + hours{31}}, {"b", start + hours{30}}}, start).size(), 1U);
}

}  // namespace
}  // namespace portal::certs
