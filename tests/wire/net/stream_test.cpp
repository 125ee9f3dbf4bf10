#include "net/stream.hpp"

#include "connected_pair.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

class StreamTest : public ::testing::Test, protected StreamUser {
  protected:
    StreamTest() {
        const auto [accepted, connected] = connected_pair();
        peer_ = connected;
        stream_ = std::make_unique<Stream>(accepted, scratch_);
        EXPECT_TRUE(stream_->attach(loop_, *this));
    }
    ~StreamTest() override {
        stream_.reset();
        ::close(peer_);
    }

    void on_stream(bool readable, bool writable) override { told_(readable, writable); }

    void run() {
        deadline_.start(std::chrono::seconds(5), [this] {
            ADD_FAILURE() << "nothing has stopped the loop";
            loop_.stop();
        });
        loop_.run();
    }
    void say(std::string_view bytes) const {
        EXPECT_EQ(::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }

    Turn turn_;
    Loop loop_{turn_};
    Loop::Timer deadline_{loop_};
    Scratch scratch_;
    std::unique_ptr<Stream> stream_;
    int peer_ = -1;
    std::function<void(bool, bool)> told_;
    std::array<char, 1024> space_{};
};

TEST_F(StreamTest, TheEndIsSeenThoughItCameTogetherWithTheLastBytes) {
    say("last words");
    ASSERT_EQ(::shutdown(peer_, SHUT_WR), 0);
    std::string got;
    told_ = [&](bool readable, bool) {
        ASSERT_TRUE(readable);
        const Stream::Received received = stream_->receive(space_);
        got.append(space_.data(), received.size);
        if (received.status == Stream::Status::closed) {
            loop_.stop();
        } else {
            stream_->want_read();
        }
    };
    stream_->want_read();
    run();
    EXPECT_EQ(got, "last words");
}

TEST_F(StreamTest, AShortReadIsAllThereIsAndWhatComesLaterIsToldAgain) {
    say("one");
    std::string got;
    told_ = [&](bool, bool) {
        const Stream::Received received = stream_->receive(space_);
        EXPECT_EQ(received.status, Stream::Status::data);
        EXPECT_FALSE(received.more);
        got.append(space_.data(), received.size);
        if (got == "one") {
            stream_->want_read();
            say("two");
        } else {
            loop_.stop();
        }
    };
    stream_->want_read();
    run();
    EXPECT_EQ(got, "onetwo");
}

TEST_F(StreamTest, WhatCameWhileNobodyWantedItIsToldWhenSomebodyDoes) {
    Loop::Timer later(loop_);
    bool wanted = false;
    told_ = [&](bool readable, bool) {
        EXPECT_TRUE(wanted && readable);
        EXPECT_EQ(stream_->receive(space_).size, 5U);
        loop_.stop();
    };
    say("early");
    later.start(std::chrono::milliseconds(5), [&] {
        wanted = true;
        stream_->want_read();
    });
    run();
}

TEST_F(StreamTest, AFullReadAsksForAnother) {
    say(std::string(space_.size() + 1, 'x'));
    std::size_t got = 0;
    told_ = [&](bool, bool) {
        got += stream_->receive(space_).size;
        if (got == space_.size() + 1) {
            loop_.stop();
        } else {
            stream_->want_read();
        }
    };
    stream_->want_read();
    run();
}

TEST_F(StreamTest, AWriterIsToldWhenThePeerHasMadeRoom) {
    const std::string much(8U << 20U, 'x');
    const Stream::Sent sent = stream_->offer(much);
    ASSERT_EQ(sent.status, Stream::Status::again);
    ASSERT_LT(sent.taken, much.size());
    told_ = [&](bool, bool writable) {
        EXPECT_TRUE(writable);
        loop_.stop();
    };
    stream_->want_write();
    std::string space(much.size(), '\0');
    ASSERT_EQ(::recv(peer_, space.data(), sent.taken, MSG_WAITALL), static_cast<ssize_t>(sent.taken));
    run();
    EXPECT_EQ(stream_->offer("more").status, Stream::Status::data);
}

class StreamWithUnreadBytesTest : public StreamTest {
  protected:
    /// Sends until neither socket takes any more; returns how much that was.
    std::size_t fill() {
        const std::string bytes(1 << 16, 'x');
        std::size_t taken = 0;
        for (;;) {
            const Stream::Sent sent = stream_->offer(bytes);
            EXPECT_NE(sent.status, Stream::Status::failed);
            taken += sent.taken;
            if (sent.taken < bytes.size()) {
                return taken;
            }
        }
    }
    /// All that the peer gets until the end.
    std::size_t read_all() {
        std::size_t got = 0;
        for (;;) {
            const ssize_t n = ::recv(peer_, space_.data(), space_.size(), 0);
            if (n <= 0) {
                return got;
            }
            got += static_cast<std::size_t>(n);
        }
    }
};

TEST_F(StreamWithUnreadBytesTest, AClosedStreamIsDeliveredToTheEnd) {
    stream_->abort_on_death();
    const std::size_t sent = fill();
    stream_->close();
    EXPECT_EQ(read_all(), sent);
}

TEST_F(StreamWithUnreadBytesTest, OfAnAbortedStreamNothingArrivesLater) {
    const std::size_t sent = fill();
    stream_->abort();
    EXPECT_FALSE(stream_->open());
    EXPECT_LT(read_all(), sent);
}

TEST_F(StreamTest, AResetPeerEndsAWaitForRoom) {
    const std::string much(8U << 20U, 'x');
    ASSERT_EQ(stream_->offer(much).status, Stream::Status::again);
    told_ = [&](bool, bool writable) {
        EXPECT_TRUE(writable);
        EXPECT_EQ(stream_->offer("more").status, Stream::Status::failed);
        loop_.stop();
    };
    stream_->want_write();
    const linger reset{1, 0};
    ::setsockopt(peer_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::close(std::exchange(peer_, -1));
    run();
}

}  // namespace
}  // namespace portal::net
