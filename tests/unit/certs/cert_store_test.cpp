#include "certs/cert_store.hpp"

#include "certs/certificate_authority.hpp"
#include "certs/pem.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

namespace portal::certs {
namespace {

using testing::TemporaryFolder;

class CertStore : public ::testing::Test {
  protected:
    CertStore() { init_directory(folder_.path(), {"localhost"}).value(); }

    CertificateFiles files() const { return {folder_.file("tls.crt"), folder_.file("tls.key"), std::nullopt}; }
    std::string refusal(const CertificateFiles& files, TimePoint now = std::chrono::system_clock::now()) const {
        const auto loaded = load_pair(files, now);
        return loaded ? "loaded" : loaded.error().message;
    }

    TemporaryFolder folder_;
};

#define EXPECT_SAYS(sentence, part) EXPECT_NE((sentence).find(part), std::string::npos) << (sentence)

TEST_F(CertStore, a_good_pair_loads_with_what_it_says) {
    const auto loaded = load_pair(files()).value();
    EXPECT_EQ(loaded->leaf.subject, "CN=localhost");
    EXPECT_EQ(loaded->certificate_pem, folder_.read("tls.crt"));
    EXPECT_EQ(loaded->key_pem, folder_.read("tls.key"));
    EXPECT_TRUE(loaded->client_authorities.empty());
}

TEST_F(CertStore, a_chain_behind_the_leaf_is_counted) {
    folder_.write("tls.crt", folder_.read("tls.crt") + folder_.read("ca.crt"));
    EXPECT_EQ(load_pair(files()).value()->chain_length, 1U);
}

TEST_F(CertStore, a_missing_file_is_named) {
    auto missing = files();
    missing.certificate = folder_.file("absent.crt");
    EXPECT_SAYS(refusal(missing), "absent.crt: No such file");
    missing = files();
    missing.key = folder_.file("absent.key");
    EXPECT_SAYS(refusal(missing), "absent.key: No such file");
    missing = files();
    missing.client_ca = folder_.file("absent.ca");
    EXPECT_SAYS(refusal(missing), "absent.ca: No such file");
    missing = files();
    missing.certificate = folder_.path();
    EXPECT_SAYS(refusal(missing), "Is a directory");
}

TEST_F(CertStore, a_key_of_another_certificate_is_refused) {
    auto mixed = files();
    mixed.key = folder_.file("ca.key");
    EXPECT_SAYS(refusal(mixed), "is not the key of the first certificate");
}

TEST_F(CertStore, a_chain_with_the_leaf_last_is_refused) {
    folder_.write("tls.crt", folder_.read("ca.crt") + folder_.read("tls.crt"));
    EXPECT_SAYS(refusal(files()), "leaf certificate first");
}

TEST_F(CertStore, a_certificate_that_ended_is_refused) {
    const TimePoint later = std::chrono::system_clock::now() + Days{398};
    EXPECT_SAYS(refusal(files(), later), "ended on");
}

TEST_F(CertStore, a_certificate_that_has_not_begun_is_refused) {
    const TimePoint earlier = std::chrono::system_clock::now() - Days{1};
    EXPECT_SAYS(refusal(files(), earlier), "is not valid before");
}

TEST_F(CertStore, files_without_a_certificate_or_key_are_refused) {
    auto swapped = files();
    std::swap(swapped.certificate, swapped.key);
    EXPECT_SAYS(refusal(swapped), "holds no certificate");
    folder_.write("empty", "");
    auto empty = files();
    empty.key = folder_.file("empty");
    EXPECT_SAYS(refusal(empty), "holds no usable private key");
    empty = files();
    empty.certificate = folder_.file("empty");
    EXPECT_SAYS(refusal(empty), "holds no certificate");
}

TEST_F(CertStore, a_damaged_certificate_is_refused_also_behind_a_good_one) {
    const std::string good = folder_.read("tls.crt");
    std::string damaged = good;
    damaged.replace(damaged.find('\n') + 1, 8, "AAAAAAAA");
    folder_.write("tls.crt", damaged);
    EXPECT_SAYS(refusal(files()), "damaged");
    folder_.write("tls.crt", good + damaged);
    EXPECT_SAYS(refusal(files()), "damaged");
    folder_.write("tls.crt", good.substr(0, good.size() / 2));
    EXPECT_NE(refusal(files()), "loaded");
}

TEST_F(CertStore, an_encrypted_key_is_refused_without_asking_for_a_passphrase) {
    const auto key = parse_private_key(folder_.read("tls.key"), "key").value();
    const BioHandle encrypted(BIO_new_file(folder_.file("tls.key").c_str(), "w"));
    ASSERT_EQ(
        PEM_write_bio_PKCS8PrivateKey(encrypted.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr), 1);
    ASSERT_EQ(BIO_flush(encrypted.get()), 1);
    EXPECT_SAYS(refusal(files()), "is encrypted; store it without a passphrase");
}

TEST_F(CertStore, a_file_that_is_far_too_large_is_refused) {
    folder_.write("tls.crt", std::string(2U << 20U, 'x'));
    EXPECT_SAYS(refusal(files()), "larger than 1 MiB");
}

TEST_F(CertStore, client_authorities_must_be_authorities) {
    auto with_clients = files();
    with_clients.client_ca = folder_.file("ca.crt");
    const auto loaded = load_pair(with_clients).value();
    ASSERT_EQ(loaded->client_authorities.size(), 1U);
    EXPECT_EQ(loaded->client_authorities.front().subject, "CN=redis-portal CA");
    with_clients.client_ca = folder_.file("tls.crt");
    EXPECT_SAYS(refusal(with_clients), "is not a CA certificate");
    EXPECT_TRUE(load_authorities(folder_.file("ca.crt")));
    EXPECT_FALSE(load_authorities(folder_.file("tls.crt")));
}

TEST_F(CertStore, describe_lists_every_certificate_of_a_file) {
    folder_.write("both.pem", folder_.read("tls.key") + folder_.read("tls.crt") + folder_.read("ca.crt"));
    const auto described = describe(folder_.file("both.pem")).value();
    ASSERT_EQ(described.size(), 2U);
    EXPECT_EQ(described[0].subject, "CN=localhost");
    EXPECT_EQ(described[1].subject, "CN=redis-portal CA");
    EXPECT_TRUE(described[1].is_authority);
    EXPECT_FALSE(describe(folder_.file("tls.key")));
    EXPECT_FALSE(describe(folder_.file("absent")));
}

TEST_F(CertStore, no_error_sentence_holds_key_material) {
    const std::string key = folder_.read("tls.key");
    const std::string inside = key.substr(key.find('\n') + 1, 20);
    auto swapped = files();
    swapped.certificate = files().key;
    EXPECT_EQ(refusal(swapped).find(inside), std::string::npos);
}

TEST_F(CertStore, the_watcher_is_silent_while_nothing_changes) {
    CertificateWatcher watcher(*load_pair(files()).value());
    EXPECT_FALSE(watcher.changed());
    // The same bytes under a new modification time are no change.
    folder_.write("tls.crt", folder_.read("tls.crt"));
    EXPECT_FALSE(watcher.changed());
}

TEST_F(CertStore, the_watcher_reports_each_new_content_once) {
    CertificateWatcher watcher(*load_pair(files()).value());
    ASSERT_TRUE(init_directory(folder_.path(), {"other.example.org"}));
    EXPECT_TRUE(watcher.changed());
    EXPECT_FALSE(watcher.changed());
    EXPECT_EQ(load_pair(files()).value()->leaf.subject, "CN=other.example.org");
}

TEST_F(CertStore, the_watcher_sees_a_swapped_symbolic_link) {
    // As the kubelet does it: tls.crt -> ..data/tls.crt, ..data -> a folder that is replaced.
    const TemporaryFolder mount;
    init_directory(mount.file("v1"), {"one"}).value();
    init_directory(mount.file("v2"), {"two"}).value();
    std::filesystem::create_symlink("v1", mount.file("..data"));
    std::filesystem::create_symlink("..data/tls.crt", mount.file("tls.crt"));
    std::filesystem::create_symlink("..data/tls.key", mount.file("tls.key"));
    const CertificateFiles mounted{mount.file("tls.crt"), mount.file("tls.key"), std::nullopt};
    CertificateWatcher watcher(*load_pair(mounted).value());
    EXPECT_FALSE(watcher.changed());
    std::filesystem::create_symlink("v2", mount.file("..new"));
    std::filesystem::rename(mount.file("..new"), mount.file("..data"));
    EXPECT_TRUE(watcher.changed());
    EXPECT_EQ(load_pair(mounted).value()->leaf.subject, "CN=two");
}

TEST_F(CertStore, the_watcher_sees_a_pair_that_arrives_file_by_file) {
    CertificateWatcher watcher(*load_pair(files()).value());
    const TemporaryFolder other;
    init_directory(other.path(), {"other"}).value();
    folder_.write("tls.crt", other.read("tls.crt"));
    EXPECT_TRUE(watcher.changed());
    EXPECT_SAYS(refusal(files()), "is not the key of");
    EXPECT_FALSE(watcher.changed());
    folder_.write("tls.key", other.read("tls.key"));
    EXPECT_TRUE(watcher.changed());
    EXPECT_EQ(refusal(files()), "loaded");
}

TEST_F(CertStore, the_watcher_reports_a_file_that_goes_and_comes_back) {
    CertificateWatcher watcher(*load_pair(files()).value());
    const std::string key = folder_.read("tls.key");
    std::filesystem::remove(folder_.file("tls.key"));
    EXPECT_TRUE(watcher.changed());
    EXPECT_FALSE(watcher.changed());
    folder_.write("tls.key", key);
    EXPECT_TRUE(watcher.changed());
}

TEST_F(CertStore, a_pair_whose_files_have_not_changed_stays_the_one_that_it_is) {
    const CertificateMaterialPtr present = renew_pair(files(), nullptr).value();
    EXPECT_EQ(renew_pair(files(), present).value(), present);
    ASSERT_TRUE(init_directory(folder_.path(), {"other.example.org"}));
    const CertificateMaterialPtr renewed = renew_pair(files(), present).value();
    EXPECT_EQ(renewed->leaf.subject, "CN=other.example.org");
    folder_.write("tls.key", "no key");
    EXPECT_FALSE(renew_pair(files(), renewed));
}

TEST_F(CertStore, a_watcher_without_a_loaded_pair_reports_the_first_content) {
    CertificateWatcher watcher(files());
    EXPECT_TRUE(watcher.changed());
    EXPECT_FALSE(watcher.changed());
}

}  // namespace
}  // namespace portal::certs
