#include "observe/log.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

/// Standard error goes into a pipe for the life of this object.
class CapturedStderr {
  public:
    CapturedStderr() {
        if (pipe(pipe_.data()) != 0) {
            throw std::runtime_error("pipe failed");
        }
        dup2(pipe_[1], STDERR_FILENO);
        close(pipe_[1]);
    }
    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;
    ~CapturedStderr() {
        restore();
        close(pipe_[0]);
    }

    /// Everything written so far; standard error is the old one again afterwards.
    std::string take() {
        restore();
        return read_all();
    }
    std::string read_all() const {
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t count = 0; (count = read(pipe_[0], buffer.data(), buffer.size())) > 0;) {
            text.append(buffer.data(), static_cast<std::size_t>(count));
        }
        return text;
    }
    void restore() {
        if (saved_ >= 0) {
            dup2(saved_, STDERR_FILENO);
            close(saved_);
            saved_ = -1;
        }
    }

  private:
    int saved_ = dup(STDERR_FILENO);
    std::array<int, 2> pipe_{};
};

TEST(Log, WritesWholeLinesToStandardErrorInOrder) {
    CapturedStderr captured;
    configure_log(LogLevel::info, LogFormat::logfmt);
    for (int i = 0; i < 100; ++i) {
        log_info("test", "hello", {{"i", i}});
    }
    flush_log();
    const auto text = captured.take();
    std::size_t at = 0;
    for (int i = 0; i < 100; ++i) {
        const auto end = text.find('\n', at);
        ASSERT_NE(end, std::string::npos) << i;
        EXPECT_TRUE(text.substr(at, end - at).ends_with("level=info logger=test msg=hello i=" + std::to_string(i)));
        at = end + 1;
    }
    EXPECT_EQ(at, text.size());
}

TEST(Log, LeavesOutLinesBelowTheConfiguredLevelAndCountsTheOthers) {
    CapturedStderr captured;
    configure_log(LogLevel::warn, LogFormat::json);
    const auto infos = logged_lines(LogLevel::info);
    const auto warnings = logged_lines(LogLevel::warn);
    log_info("test", "quiet");
    log_warn("test", "loud");
    flush_log();
    configure_log(LogLevel::info, LogFormat::logfmt);
    const auto text = captured.take();
    EXPECT_EQ(text.find("quiet"), std::string::npos);
    EXPECT_NE(text.find(R"("level":"warn","logger":"test","msg":"loud"})"), std::string::npos);
    EXPECT_EQ(logged_lines(LogLevel::info), infos);
    EXPECT_EQ(logged_lines(LogLevel::warn), warnings + 1);
}

TEST(Log, DropsAndCountsTheOldestWhenStandardErrorIsNotRead) {
    CapturedStderr captured;
    const auto dropped_before = dropped_log_lines();
    const std::string filler(500, 'x');
    constexpr int kLines = 20'000;  // far more than the pipe and the queue hold together
    for (int i = 0; i < kLines; ++i) {
        log_info("test", filler, {{"i", i}});
    }
    const auto dropped = dropped_log_lines() - dropped_before;
    EXPECT_GT(dropped, 0U);
    std::string text;
    std::thread reader([&] { text = captured.read_all(); });
    flush_log();
    captured.restore();  // closes the last writing end, so the reader ends
    reader.join();
    EXPECT_NE(text.find("i=" + std::to_string(kLines - 1) + "\n"), std::string::npos) << "the newest line was lost";
    const auto written = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(written + dropped, static_cast<std::uint64_t>(kLines));
}

}  // namespace
}  // namespace portal::observe
