#include "certs/certificate_authority.hpp"

#include "certs/cert_store.hpp"
#include "certs/pem.hpp"
#include "temporary_folder.hpp"

#include <set>
#include <sys/stat.h>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

namespace portal::certs {
namespace {

using testing::TemporaryFolder;
using StoreHandle = Handle<X509_STORE, X509_STORE_free>;
using StoreContextHandle = Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

const TimePoint kNow = std::chrono::system_clock::now();

/// What OpenSSL itself says of the leaf for this host, with every strictness it has; "ok" or its reason.
std::string verify(const std::string& ca_pem, const std::string& leaf_pem, const std::string& host, bool is_address) {
    const auto authority = parse_certificates(ca_pem, "ca").value();
    const auto leaf = parse_certificates(leaf_pem, "leaf").value();
    const StoreHandle store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), authority.front().get());
    const StoreContextHandle context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), leaf.front().get(), nullptr);
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    if (is_address) {
        X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
    }
    return X509_verify_cert(context.get()) == 1
               ? "ok"
               : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

CertificateAuthority make_authority() {
    return CertificateAuthority::create("test CA", Days{10}, kNow).value();
}

mode_t mode_of(const std::string& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 07777U;
}

TEST(CertificateAuthority, a_leaf_verifies_by_each_of_its_names_and_addresses) {
    const auto authority = make_authority();
    const auto leaf =
        authority.issue({{"portal.example.org", "localhost", "*.apps.example.org", "127.0.0.1", "::1"}, Days{5}}, kNow)
            .value();
    const std::string& ca = authority.pem().certificate;
    EXPECT_EQ(verify(ca, leaf.certificate, "portal.example.org", false), "ok");
    EXPECT_EQ(verify(ca, leaf.certificate, "localhost", false), "ok");
    EXPECT_EQ(verify(ca, leaf.certificate, "one.apps.example.org", false), "ok");
    EXPECT_EQ(verify(ca, leaf.certificate, "127.0.0.1", true), "ok");
    EXPECT_EQ(verify(ca, leaf.certificate, "::1", true), "ok");
    EXPECT_EQ(verify(ca, leaf.certificate, "0:0:0:0:0:0:0:1", true), "ok");
}

TEST(CertificateAuthority, a_leaf_does_not_verify_for_another_name_or_address_or_authority) {
    const auto authority = make_authority();
    const auto leaf = authority.issue({{"localhost", "127.0.0.1"}, Days{5}}, kNow).value();
    const std::string& ca = authority.pem().certificate;
    EXPECT_NE(verify(ca, leaf.certificate, "example.org", false), "ok");
    EXPECT_NE(verify(ca, leaf.certificate, "127.0.0.2", true), "ok");
    EXPECT_NE(verify(ca, leaf.certificate, "::1", true), "ok");
    EXPECT_NE(verify(make_authority().pem().certificate, leaf.certificate, "localhost", false), "ok");
}

TEST(CertificateAuthority, a_leaf_cannot_sign_and_its_key_fits) {
    const auto leaf = make_authority().issue({{"localhost"}, Days{5}}, kNow).value();
    const auto certificate = parse_certificates(leaf.certificate, "leaf").value();
    EXPECT_EQ(X509_check_ca(certificate.front().get()), 0);
    EXPECT_EQ(X509_check_private_key(certificate.front().get(), parse_private_key(leaf.key, "key").value().get()), 1);
    EXPECT_EQ(X509_check_purpose(certificate.front().get(), X509_PURPOSE_SSL_SERVER, 0), 1);
    EXPECT_EQ(X509_check_purpose(certificate.front().get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
}

TEST(CertificateAuthority, a_leaf_describes_itself) {
    const auto leaf = make_authority().issue({{"localhost", "10.0.0.1", "fe80::1"}, Days{5}}, kNow).value();
    const auto is = describe_certificate(parse_certificates(leaf.certificate, "leaf").value().front().get());
    EXPECT_EQ(is.subject, "CN=localhost");
    EXPECT_EQ(is.issuer, "CN=test CA");
    EXPECT_EQ(is.names, (std::vector<std::string>{"localhost", "10.0.0.1", "fe80::1"}));
    EXPECT_EQ(is.key, "EC prime256v1");
    EXPECT_FALSE(is.is_authority);
    EXPECT_EQ(is.sha256_fingerprint.size(), 64U);
    EXPECT_LT(is.not_before, kNow);
    EXPECT_GT(is.not_before, kNow - std::chrono::hours{1});
    EXPECT_LT(std::chrono::abs(is.not_after - (kNow + Days{5})), std::chrono::seconds{2});
}

TEST(CertificateAuthority, serial_numbers_are_long_and_differ) {
    const auto authority = make_authority();
    std::set<std::string> serials;
    for (int i = 0; i < 20; ++i) {
        const auto leaf = authority.issue({{"localhost"}, Days{5}}, kNow).value();
        const auto is = describe_certificate(parse_certificates(leaf.certificate, "leaf").value().front().get());
        EXPECT_EQ(is.serial.size(), 32U) << is.serial;
        serials.insert(is.serial);
    }
    EXPECT_EQ(serials.size(), 20U);
}

TEST(CertificateAuthority, a_leaf_ends_no_later_than_its_authority) {
    const auto leaf = make_authority().issue({{"localhost"}, Days{397}}, kNow).value();
    const auto is = describe_certificate(parse_certificates(leaf.certificate, "leaf").value().front().get());
    EXPECT_LT(is.not_after, kNow + Days{11});
}

TEST(CertificateAuthority, names_that_no_client_can_use_are_refused) {
    const auto authority = make_authority();
    for (const std::string name : {"", "two words", "host:6379", "10.0.0.256", "a..b", ".a", "a,DNS:b", "redis://h"}) {
        const auto leaf = authority.issue({{name}, Days{5}}, kNow);
        ASSERT_FALSE(leaf) << name;
        EXPECT_NE(leaf.error().message.find("'" + name + "'"), std::string::npos) << leaf.error().message;
    }
    EXPECT_FALSE(authority.issue({{}, Days{5}}, kNow));
    EXPECT_FALSE(authority.issue({{"localhost"}, Days{0}}, kNow));
}

TEST(InitDirectory, writes_a_pair_that_loads_with_keys_for_the_owner_only) {
    const TemporaryFolder folder;
    const std::string directory = folder.file("new/certs");
    const mode_t before = ::umask(0);
    const auto made = init_directory(directory, {"localhost", "127.0.0.1"}).value();
    ::umask(before);
    EXPECT_TRUE(made.made_authority);
    EXPECT_TRUE(made.authority.is_authority);
    EXPECT_EQ(mode_of(directory + "/ca.key"), 0600U);
    EXPECT_EQ(mode_of(directory + "/tls.key"), 0600U);
    EXPECT_EQ(mode_of(directory + "/ca.crt"), 0644U);
    EXPECT_EQ(mode_of(directory + "/tls.crt"), 0644U);
    const auto loaded = load_pair({made.certificate_file, made.key_file, made.ca_file}).value();
    EXPECT_EQ(loaded->leaf.names, (std::vector<std::string>{"localhost", "127.0.0.1"}));
    EXPECT_EQ(loaded->chain_length, 0U);
    // Nothing else is left behind, such as a temporary file.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 4);
}

TEST(InitDirectory, keeps_an_authority_that_is_there_and_makes_a_new_leaf) {
    const TemporaryFolder folder;
    ASSERT_TRUE(init_directory(folder.path(), {"localhost"}));
    const std::string ca = folder.read("ca.crt");
    const std::string ca_key = folder.read("ca.key");
    const std::string leaf = folder.read("tls.crt");
    const auto again = init_directory(folder.path(), {"other.example.org"}).value();
    EXPECT_FALSE(again.made_authority);
    EXPECT_EQ(folder.read("ca.crt"), ca);
    EXPECT_EQ(folder.read("ca.key"), ca_key);
    EXPECT_NE(folder.read("tls.crt"), leaf);
    EXPECT_EQ(verify(ca, folder.read("tls.crt"), "other.example.org", false), "ok");
}

TEST(InitDirectory, leaves_nothing_half_made_where_it_cannot_write) {
    const TemporaryFolder folder;
    std::filesystem::create_symlink("nowhere", folder.file("ca.crt"));
    EXPECT_FALSE(init_directory(folder.path(), {"localhost"}));
    EXPECT_FALSE(std::filesystem::exists(folder.file("ca.key")));
    std::filesystem::remove(folder.file("ca.crt"));

    ASSERT_TRUE(init_directory(folder.path(), {"localhost"}));
    const std::string key = folder.read("tls.key");
    const std::string leaf = folder.read("tls.crt");
    std::filesystem::create_directory(folder.file("tls.crt.new"));
    EXPECT_FALSE(init_directory(folder.path(), {"localhost"}));
    EXPECT_EQ(folder.read("tls.key"), key);
    EXPECT_EQ(folder.read("tls.crt"), leaf);
}

TEST(InitDirectory, makes_a_second_leaf_under_a_name_of_its_own) {
    const TemporaryFolder folder;
    ASSERT_TRUE(init_directory(folder.path(), {"localhost"}));
    const std::string leaf = folder.read("tls.crt");
    InitOptions options;
    options.leaf_name = "app-1";
    const auto made = init_directory(folder.path(), {"app-1"}, options).value();
    EXPECT_EQ(made.key_file, folder.file("app-1.key"));
    EXPECT_EQ(folder.read("tls.crt"), leaf);
    options.leaf_name = "ca";
    EXPECT_FALSE(init_directory(folder.path(), {"app-1"}, options));
    options.leaf_name = "../tls";
    EXPECT_FALSE(init_directory(folder.path(), {"app-1"}, options));
}

TEST(InitDirectory, refuses_half_an_authority_or_one_that_ended) {
    const TemporaryFolder half;
    ASSERT_TRUE(init_directory(half.path(), {"localhost"}));
    std::filesystem::remove(half.file("ca.key"));
    const auto refused = init_directory(half.path(), {"localhost"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("ca.crt without ca.key"), std::string::npos) << refused.error().message;
    EXPECT_FALSE(std::filesystem::exists(half.file("ca.key")));

    const TemporaryFolder ended;
    InitOptions options;
    options.authority_valid_for = Days{1};
    ASSERT_TRUE(init_directory(ended.path(), {"localhost"}, options));
    options.now += Days{2};
    const auto too_late = init_directory(ended.path(), {"localhost"}, options);
    ASSERT_FALSE(too_late);
    EXPECT_NE(too_late.error().message.find("ended on"), std::string::npos) << too_late.error().message;
}

TEST(InitDirectory, refuses_a_key_that_is_not_the_authoritys_and_a_leaf_in_its_place) {
    const TemporaryFolder folder;
    ASSERT_TRUE(init_directory(folder.path(), {"localhost"}));
    const std::string ca_key = folder.read("ca.key");
    folder.write("ca.key", folder.read("tls.key"));
    EXPECT_FALSE(init_directory(folder.path(), {"localhost"}));
    folder.write("ca.crt", folder.read("tls.crt"));
    const auto refused = init_directory(folder.path(), {"localhost"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("not a CA certificate"), std::string::npos) << refused.error().message;
}

TEST(InitDirectory, leaves_nothing_behind_when_a_name_is_refused) {
    const TemporaryFolder folder;
    EXPECT_FALSE(init_directory(folder.file("new"), {"not a name"}));
    EXPECT_FALSE(std::filesystem::exists(folder.file("new")));
}

TEST(InitDirectory, does_not_follow_a_planted_symbolic_link) {
    const TemporaryFolder folder;
    folder.write("victim", "untouched");
    std::filesystem::create_directory(folder.file("certs"));
    std::filesystem::create_symlink(folder.file("victim"), folder.file("certs/tls.key"));
    ASSERT_TRUE(init_directory(folder.file("certs"), {"localhost"}));
    EXPECT_EQ(folder.read("victim"), "untouched");
    EXPECT_FALSE(std::filesystem::is_symlink(folder.file("certs/tls.key")));
}

}  // namespace
}  // namespace portal::certs
