#include "admin/own_socket.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <gtest/gtest.h>

namespace portal::admin {
namespace {

namespace fs = std::filesystem;
using boost::asio::local::stream_protocol;
constexpr auto kKey = "admin.socket";

struct OwnSocketTest : testing::Test {
    fs::path folder = fs::temp_directory_path() / ("own-socket-" + std::to_string(::getpid()));
    std::string path = (folder / "admin.sock").string();

    OwnSocketTest() { fs::create_directory(folder); }
    ~OwnSocketTest() override { fs::remove_all(folder); }

    [[nodiscard]] bool connects() const {
        boost::asio::io_context context;
        stream_protocol::socket client(context);
        boost::system::error_code error;
        client.connect(stream_protocol::endpoint(path), error);
        return !error;
    }
    /// As a process that was killed leaves it.
    void leave_stale() const {
        boost::asio::io_context context;
        const stream_protocol::acceptor dead(context, stream_protocol::endpoint(path));
        std::ofstream(path + ".lock").close();
    }
    [[nodiscard]] std::string open_second() const {
        OwnSocket second;
        return second.open(path, kKey);
    }
};

TEST_F(OwnSocketTest, OnlyItsUserCanOpenItWhateverTheUmask) {
    for (const mode_t mask : {0U, 0177U, 0777U}) {
        const mode_t before = ::umask(mask);
        OwnSocket socket;
        const auto problem = socket.open(path, kKey);
        ::umask(before);
        ASSERT_EQ(problem, "");
        struct stat made {};
        ASSERT_EQ(::stat(path.c_str(), &made), 0);
        EXPECT_TRUE(S_ISSOCK(made.st_mode));
        EXPECT_EQ(made.st_mode & 07777, 0600U) << mask;
        EXPECT_TRUE(connects());
    }
}

TEST_F(OwnSocketTest, ItsFolderIsMadeForItsUserAlone) {
    path = (folder / "run" / "admin.sock").string();
    OwnSocket socket;
    ASSERT_EQ(socket.open(path, kKey), "");
    struct stat made {};
    ASSERT_EQ(::stat((folder / "run").c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777, 0700U);
}

TEST_F(OwnSocketTest, NothingStaysAtTheEnd) {
    {
        OwnSocket socket;
        ASSERT_EQ(socket.open(path, kKey), "");
    }
    EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(OwnSocketTest, AStaleOneIsReplaced) {
    leave_stale();
    ASSERT_TRUE(fs::exists(path));
    ASSERT_FALSE(connects());
    OwnSocket socket;
    EXPECT_EQ(socket.open(path, kKey), "");
    EXPECT_TRUE(connects());
}

TEST_F(OwnSocketTest, ALiveOneOfAnotherIsRefusedAndStaysAsItIs) {
    OwnSocket first;
    ASSERT_EQ(first.open(path, kKey), "");
    EXPECT_EQ(open_second(), "Cannot listen on the socket " + path +
                                 " (another process that runs uses it): change admin.socket in the configuration.");
    EXPECT_TRUE(connects());
}

TEST_F(OwnSocketTest, ALiveOneOfAProgramThatKnowsNoLockIsRefusedToo) {
    boost::asio::io_context context;
    const stream_protocol::acceptor other(context, stream_protocol::endpoint(path));
    EXPECT_NE(open_second().find("another process that runs uses it"), std::string::npos);
    EXPECT_TRUE(connects());
}

TEST_F(OwnSocketTest, BetweenTwoThatStartTheLockDecidesAlsoBeforeTheSocketIsThere) {
    const int held = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(::flock(held, LOCK_EX), 0);
    EXPECT_NE(open_second().find("another process that runs uses it"), std::string::npos);
    ::close(held);
    EXPECT_EQ(open_second(), "");
}

TEST_F(OwnSocketTest, WhatIsNoSocketIsNotRemoved) {
    std::ofstream(path) << "precious";
    EXPECT_NE(open_second().find("a file that is no socket is in its place"), std::string::npos);
    EXPECT_EQ(fs::file_size(path), 8U);
}

TEST_F(OwnSocketTest, WhatAnotherPutInItsPlaceStaysAtTheEnd) {
    {
        OwnSocket socket;
        ASSERT_EQ(socket.open(path, kKey), "");
        fs::remove(path);
        std::ofstream(path) << "precious";
    }
    EXPECT_TRUE(fs::exists(path));
}

TEST_F(OwnSocketTest, APathThatIsTooLongOrLeadsNowhereGivesASentence) {
    OwnSocket socket;
    EXPECT_NE(socket.open("/" + std::string(108, 'x'), kKey).find("longer than 107 bytes"), std::string::npos);
    EXPECT_NE(socket.open((folder / "no" / "such" / "admin.sock").string(), kKey).find("No such file"),
              std::string::npos);
}

}  // namespace
}  // namespace portal::admin
