#include "certs/peer_tls.hpp"

#include "certs/certificate_authority.hpp"
#include "memory_handshake.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

namespace portal::certs {
namespace {

using testing::HandshakeOutcome;
using testing::shake_hands;
using testing::TemporaryFolder;

/// A server whose authority the peer trusts, and which wants a certificate of the same authority.
class PeerTlsTest : public ::testing::Test {
  protected:
    PeerTlsTest() { begin(); }

    /// A new authority with a new pair, in the same files.
    void begin() {
        for (const char* name : {"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
            std::filesystem::remove(folder_.file(name));
        }
        init_directory(folder_.path(), {"node-0"}).value();
        const CertificateFiles files{folder_.file("tls.crt"), folder_.file("tls.key"), folder_.file("ca.crt")};
        server_ = TlsContext::server(*load_pair(files).value(), {}).value();
    }
    [[nodiscard]] PeerTlsFiles files() const {
        return {folder_.file("ca.crt"), folder_.file("tls.crt"), folder_.file("tls.key")};
    }
    [[nodiscard]] HandshakeOutcome meet(const std::shared_ptr<TlsContext>& context,
                                        const std::string& name = "node-0") const {
        return shake_hands(server_->native(), context->native(), name);
    }

    TemporaryFolder folder_;
    std::shared_ptr<TlsContext> server_;
};

TEST_F(PeerTlsTest, a_server_of_the_authority_is_met_under_its_name_and_sees_the_certificate) {
    PeerTls peer(files());
    const auto context = peer.current().value();
    EXPECT_TRUE(meet(context).done) << meet(context).client_error << meet(context).server_error;
    EXPECT_FALSE(meet(context, "node-1").done);
    ASSERT_TRUE(peer.certificate());
    EXPECT_EQ(peer.certificate()->leaf.subject, "CN=node-0");
}

TEST_F(PeerTlsTest, without_an_authority_only_the_systems_are_trusted) {
    PeerTls peer({{}, files().certificate, files().key});
    EXPECT_FALSE(meet(peer.current().value()).done);
    PeerTls plain{PeerTlsFiles{}};
    EXPECT_TRUE(plain.current());
    EXPECT_FALSE(plain.certificate());
}

TEST_F(PeerTlsTest, the_context_stays_while_the_files_do_and_is_new_for_renewed_ones) {
    PeerTls peer(files());
    const auto first = peer.current().value();
    EXPECT_EQ(peer.current().value(), first);
    folder_.write("ca.crt", folder_.read("ca.crt"));
    EXPECT_EQ(peer.current().value(), first) << "written anew, with the same content";
    begin();
    EXPECT_FALSE(meet(first).done) << "the authority is another one by now";
    const auto second = peer.current().value();
    EXPECT_NE(second, first);
    EXPECT_TRUE(meet(second).done);
}

TEST_F(PeerTlsTest, what_was_read_counts_on_while_the_files_are_no_good) {
    PeerTls peer(files());
    ASSERT_TRUE(peer.load());
    const auto first = peer.current().value();
    const std::string authority = folder_.read("ca.crt");
    const std::string key = folder_.read("tls.key");
    for (const auto& [file, content] :
         {std::pair{"ca.crt", std::string("half a fi")}, std::pair{"tls.key", std::string()},
          std::pair{"ca.crt", folder_.read("tls.crt")}}) {
        folder_.write(file, content);
        const auto refused = peer.load();
        ASSERT_FALSE(refused) << file;
        EXPECT_NE(refused.error().message.find(file), std::string::npos) << refused.error().message;
        EXPECT_EQ(peer.current().value(), first);
        EXPECT_EQ(peer.complaint(), refused.error().message);
        EXPECT_TRUE(meet(peer.make_context().value()).done) << "also for one more thread";
        folder_.write("ca.crt", authority);
        folder_.write("tls.key", key);
    }
    EXPECT_EQ(peer.current().value(), first);
    EXPECT_EQ(peer.complaint(), "");
}

TEST_F(PeerTlsTest, files_that_were_never_good_are_an_error_that_names_them) {
    folder_.write("ca.crt", "nothing of the kind");
    PeerTls peer(files());
    const auto refused = peer.current();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("ca.crt"), std::string::npos) << refused.error().message;
    begin();
    EXPECT_TRUE(meet(peer.current().value()).done) << "and count as soon as they are";
}

TEST_F(PeerTlsTest, each_thread_gets_a_context_of_its_own) {
    PeerTls peer(files());
    ASSERT_TRUE(peer.load());
    const auto first = peer.make_context().value();
    const auto second = peer.make_context().value();
    EXPECT_NE(first->native(), second->native());
    EXPECT_TRUE(meet(first).done && meet(second).done);
}

}  // namespace
}  // namespace portal::certs
