// What is taken from a JWKS, and what is no key for a token.
#include "identity/base64url.hpp"
#include "tests/unit/identity/identity_fixture.hpp"

#include <random>
#include <string>

namespace portal::identity::testing {
namespace {

using Keys = IdentityTest;

std::size_t usable(const std::string& elements) {
    const auto read = KeySet::read(key_set(elements));
    return read.keys ? read.keys->keys().size() : 0;
}

TEST_F(Keys, that_are_for_something_else_are_left_out) {
    EXPECT_EQ(usable(rsa().jwk() + "," + ec().jwk() + "," + ed().jwk()), 3U);
    EXPECT_EQ(usable(rsa().jwk(R"("use":"sig","alg":"RS256",)")), 1U);
    EXPECT_EQ(usable(rsa().jwk(R"("use":"enc",)")), 0U);
    EXPECT_EQ(usable(rsa().jwk(R"("alg":"RSA-OAEP",)")), 0U);
    EXPECT_EQ(usable(rsa().jwk(R"("alg":"PS256",)")), 0U);
    EXPECT_EQ(usable(rsa().jwk(R"("alg":"HS256",)")), 0U);
    EXPECT_EQ(usable(rsa().jwk(R"("key_ops":["verify"],)")), 1U);
    EXPECT_EQ(usable(rsa().jwk(R"("key_ops":["encrypt"],)")), 0U);
    EXPECT_EQ(usable(ec().jwk(R"("alg":"RS256",)")), 0U);
}

TEST_F(Keys, that_are_weak_or_broken_are_left_out) {
    EXPECT_EQ(usable(SigningKey(Algorithm::rs256, "weak", 1024).jwk()), 0U);
    std::string off_curve = ec().jwk();
    const std::size_t y = off_curve.find("\"y\":\"") + 5;
    off_curve[y] = off_curve[y] == 'A' ? 'B' : 'A';
    EXPECT_EQ(usable(off_curve), 0U);
    EXPECT_EQ(usable(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"), 0U);
    EXPECT_EQ(usable(R"({"kty":"RSA"})"), 0U);
    EXPECT_EQ(usable(R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})"), 0U);
    EXPECT_EQ(usable(R"({"kty":"OKP","crv":"X25519","x":")" + std::string(43, 'A') + "\"}"), 0U);
    EXPECT_EQ(usable(R"({"kty":["RSA"]})" + std::string(",") + ed().jwk()), 1U);
    std::string exponent = rsa().jwk();
    exponent.replace(exponent.find("AQAB"), 4, "AQ");  // 1: every message would be its own signature
    EXPECT_EQ(usable(exponent), 0U);
}

TEST_F(Keys, that_are_secret_are_refused_as_a_whole) {
    EXPECT_FALSE(KeySet::read(key_set(ed().jwk(R"("d":"AAAA",)"))).keys);
    const auto shared = KeySet::read(key_set(ed().jwk() + R"(,{"kty":"oct","k":"AAAA"})"));
    EXPECT_FALSE(shared.keys);
    EXPECT_NE(shared.complaint.find("secret key"), std::string::npos);
}

TEST_F(Keys, need_a_list) {
    for (const char* text :
         {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})", "{\"keys\":[{}]}"}) {
        EXPECT_FALSE(KeySet::read(text).keys) << text;
    }
    std::string many;
    for (int i = 0; i < 65; ++i) {
        many += (i > 0 ? "," : "") + ed().jwk();
    }
    EXPECT_FALSE(KeySet::read(key_set(many)).keys);
}

TEST(Base64url, has_one_way_to_write_each_value) {
    std::minstd_rand random(3);
    for (std::size_t size = 0; size < 200; ++size) {
        std::string bytes(size, '\0');
        for (char& c : bytes) {
            c = static_cast<char>(random() % 256);
        }
        EXPECT_EQ(decode_base64url(encode_base64url(bytes)), bytes);
    }
    for (const char* text : {"A", "AB", "AAB", "AA=", "AA==", "A A", "AA\n", "+A", "/A", "AAAAA"}) {
        EXPECT_FALSE(decode_base64url(text)) << text;
    }
    EXPECT_EQ(decode_base64url("AA"), std::string(1, '\0'));
    EXPECT_EQ(decode_base64url(""), "");
}

}  // namespace
}  // namespace portal::identity::testing
