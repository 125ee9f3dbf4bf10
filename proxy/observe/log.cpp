#include "observe/log.hpp"

#include "observe/log_fields.hpp"
#include "observe/log_line.hpp"
#include "observe/repeat_limit.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <unistd.h>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

namespace portal::observe {
namespace {

constexpr std::size_t kQueueLines = 4096;
constexpr auto kFlushTime = std::chrono::seconds(2);

/// Writes ready lines to standard error, each with one write where the kernel lets it, and counts them.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_acquire); }

    /// Waits until `done` holds, looking again after each written line.
    template <typename Predicate>
    void wait_until(std::chrono::steady_clock::time_point deadline, Predicate done) {
        std::unique_lock lock(waiters_mutex_);
        waiters_.wait_until(lock, deadline, done);
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        std::string line(message.payload.data(), message.payload.size());
        line += '\n';
        const char* at = line.data();
        std::size_t left = line.size();
        while (left > 0) {
            const auto count = ::write(STDERR_FILENO, at, left);
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count <= 0) {
                break;  // nobody reads standard error: there is no better place to say so
            }
            at += count;
            left -= static_cast<std::size_t>(count);
        }
        {
            const std::lock_guard lock(waiters_mutex_);
            written_.fetch_add(1, std::memory_order_release);
        }
        waiters_.notify_all();
    }
    void flush_() override {}

  private:
    std::atomic<std::uint64_t> written_{0};
    std::mutex waiters_mutex_;
    std::condition_variable waiters_;
};

/// Signals belong to the threads of main; a broken pipe on standard error must not end the process.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

struct Backend {
    std::shared_ptr<StderrSink> sink = std::make_shared<StderrSink>();
    std::shared_ptr<spdlog::details::thread_pool> pool =
        std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1, block_signals);
    std::shared_ptr<spdlog::async_logger> logger =
        std::make_shared<spdlog::async_logger>("portal", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
    std::atomic<std::uint64_t> queued{0};
};

/// Never destroyed, so that logging works until the very end of the process.
Backend& backend() {
    static Backend* const instance = new Backend;
    return *instance;
}

std::atomic<LogLevel> log_level{LogLevel::info};
std::atomic<LogFormat> log_format{LogFormat::logfmt};
std::array<std::atomic<std::uint64_t>, 4> lines_by_level{};
thread_local RepeatLimit repeats;

std::string text_of(const Field& field) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    return text != nullptr ? std::string(*text) : std::string();
}

void write(const LogEvent& event) {
    if (event.level < log_level.load(std::memory_order_relaxed)) {
        return;
    }
    lines_by_level[static_cast<std::size_t>(event.level)].fetch_add(1, std::memory_order_relaxed);
    const auto line = format_log_line(log_format.load(std::memory_order_relaxed), event);
    auto& log = backend();
    log.queued.fetch_add(1, std::memory_order_release);
    log.logger->log(spdlog::level::critical, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void configure_log(LogLevel level, LogFormat format) {
    log_level.store(level, std::memory_order_relaxed);
    log_format.store(format, std::memory_order_relaxed);
}

void flush_log() {
    auto& log = backend();
    const auto target = log.queued.load(std::memory_order_acquire);
    const auto deadline = std::chrono::steady_clock::now() + kFlushTime;
    log.sink->wait_until(deadline, [&log, target] { return log.sink->written() + dropped_log_lines() >= target; });
}

std::uint64_t dropped_log_lines() noexcept {
    return backend().pool->overrun_counter();
}

std::uint64_t logged_lines(LogLevel level) noexcept {
    return lines_by_level[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::string_view to_string(LogLevel level) noexcept {
    static constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warn", "error"};
    return kNames[static_cast<std::size_t>(level)];
}

void log(LogLevel level, std::string_view source, std::string_view message, std::initializer_list<Field> fields) {
    write({std::chrono::system_clock::now(), level, source, message, fields});
}

void log_fields(LogLevel level, std::string_view source, std::string_view message, std::span<const Field> fields) {
    write({std::chrono::system_clock::now(), level, source, message, {}, fields});
}

void log_repeated(LogLevel level, std::string_view source, std::string_view message, const Field& subject,
                  std::initializer_list<Field> fields) {
    const auto left_out = repeats.ask(message, text_of(subject), RepeatLimit::Clock::now());
    if (!left_out) {
        return;
    }
    const std::array<Field, 2> more{subject, Field("left_out", *left_out)};
    write({std::chrono::system_clock::now(), level, source, message, fields,
           std::span(more).first(*left_out > 0 ? 2 : 1)});
}

void log_left_out() {
    if (repeats.empty()) {
        return;
    }
    repeats.settle(RepeatLimit::Clock::now(), [](std::string_view what, std::string_view subject, std::uint64_t count) {
        log_warn("log", "left out: " + std::string(what), {{"subject", subject}, {"left_out", count}});
    });
}

}  // namespace portal::observe
