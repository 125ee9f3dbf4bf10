#include "admin/access.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace portal::admin {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::make_address;

constexpr auto kToken = "0123456789abcdef";

struct AccessTest : testing::Test {
    std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("access-test-" + std::to_string(::getpid()) + "-token");
    ChangeAccess access;
    Request request{http::verb::post, "/drain", 11};
    const Peer loopback{make_address("127.0.0.1")};
    const Peer socket{};

    ~AccessTest() override { std::filesystem::remove(file); }

    void use_token(const std::string& content) {
        std::ofstream(file, std::ios::binary) << content;
        access.token_file = file.string();
    }
    void give(const std::string& authorization) { request.set(http::field::authorization, authorization); }
    http::status answer(const Peer& peer) {
        refused = refuse_change(access, request, peer);
        return refused ? refused->result() : http::status::ok;
    }
    std::string sentence() {
        return refused ? std::string(boost::json::parse(refused->body()).at("error").as_string()) : std::string();
    }
    std::optional<Response> refused;
};

TEST_F(AccessTest, WithNothingConfiguredNoAddressMayChangeAnythingAndTheSentenceSaysWhatToSet) {
    for (const auto* from : {"127.0.0.1", "127.0.0.6", "::1", "::ffff:127.0.0.1", "10.0.0.1"}) {
        EXPECT_EQ(answer({make_address(from)}), http::status::forbidden) << from;
        EXPECT_NE(sentence().find("admin.socket"), std::string::npos);
        EXPECT_NE(sentence().find("admin.token_file"), std::string::npos);
    }
}

TEST_F(AccessTest, TheOwnSocketIsALoginAndOthersAreToldWhereItIs) {
    access.socket = "/run/redis-portal/admin.sock";
    EXPECT_EQ(answer(socket), http::status::ok);
    EXPECT_EQ(answer(loopback), http::status::forbidden);
    EXPECT_NE(sentence().find("unix:/run/redis-portal/admin.sock"), std::string::npos);
    EXPECT_NE(sentence().find("admin.token_file"), std::string::npos);
    const auto content = boost::json::parse(refused->body());
    EXPECT_EQ(content.at("socket"), "/run/redis-portal/admin.sock");
    EXPECT_EQ(content.at("instance").as_string(), access.instance);
}

TEST_F(AccessTest, OverTheSocketARequestThatMeansAnotherProcessIsMisdirected) {
    request.set(kInstanceHeader, access.instance);
    EXPECT_EQ(answer(socket), http::status::ok);
    EXPECT_NE(ChangeAccess().instance, access.instance);
    request.set(kInstanceHeader, ChangeAccess().instance);
    EXPECT_EQ(answer(socket), http::status::misdirected_request);
}

TEST_F(AccessTest, TheTokenIsALoginFromAnywhere) {
    use_token(std::string(kToken) + "\n");
    for (const auto* written : {"Bearer 0123456789abcdef", "bearer 0123456789abcdef"}) {
        give(written);
        EXPECT_EQ(answer({make_address("10.0.0.1")}), http::status::ok) << written;
    }
}

TEST_F(AccessTest, AMissingOrWrongTokenIsRefusedAndNeverQuoted) {
    use_token(kToken);
    EXPECT_EQ(answer(loopback), http::status::unauthorized);
    EXPECT_EQ((*refused)[http::field::www_authenticate], "Bearer");
    EXPECT_NE(sentence().find("--token-file"), std::string::npos);
    for (const std::string wrong :
         {"Bearer 0123456789abcdeX", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer ",
          "Basic 0123456789abcdef", "0123456789abcdef", "Bearer  0123456789abcdef"}) {
        give(wrong);
        EXPECT_EQ(answer(loopback), http::status::unauthorized) << wrong;
        EXPECT_EQ(refused->body().find("0123456789"), std::string::npos);
    }
}

TEST_F(AccessTest, ATokenThatIsChangedCountsAtOnce) {
    use_token(kToken);
    give("Bearer fedcba9876543210");
    EXPECT_EQ(answer(loopback), http::status::unauthorized);
    use_token("fedcba9876543210\n");
    EXPECT_EQ(answer(loopback), http::status::ok);
}

TEST_F(AccessTest, AShortEmptyUnprintableOrMissingTokenFileLetsNobodyIn) {
    for (const std::string content : {"", "\n", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\r\r\n"}) {
        use_token(content);
        give("Bearer " + content.substr(0, content.find_first_of("\r\n")));
        EXPECT_NE(answer(loopback), http::status::ok) << content;
    }
    use_token(kToken);
    std::filesystem::remove(file);
    give(std::string("Bearer ") + kToken);
    EXPECT_EQ(answer(loopback), http::status::forbidden);
    EXPECT_NE(sentence().find("the log says why"), std::string::npos);
}

TEST_F(AccessTest, AWebPageMayChangeNothingEvenWithTheTokenOrOverTheSocket) {
    use_token(kToken);
    give(std::string("Bearer ") + kToken);
    for (const auto* origin : {"http://evil.example", "null", "http://127.0.0.1:9380", ""}) {
        request.set(http::field::origin, origin);
        EXPECT_EQ(answer(loopback), http::status::forbidden) << origin;
        EXPECT_EQ(answer(socket), http::status::forbidden) << origin;
        EXPECT_NE(sentence().find("web pages"), std::string::npos);
    }
    request.erase(http::field::origin);
    request.set("Sec-Fetch-Site", "same-origin");
    EXPECT_EQ(answer(loopback), http::status::forbidden);
}

}  // namespace
}  // namespace portal::admin
