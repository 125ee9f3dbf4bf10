// The arbiter of one host: a JSON file that is replaced whole under a lock, a folder beside it with one small file per
// portal, and inotify to see changes within milliseconds. Calls take microseconds (a write waits for the disk) and do
// not suspend.
#pragma once

#include "sentinel/arbiter/arbiter.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace portal::sentinel {

/// Owns a file descriptor.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept;

  private:
    int fd_;
};

class FileArbiter final : public Arbiter {
  public:
    /// Makes the folders (0700) and files (0600) that are missing. Throws std::runtime_error with one sentence when it
    /// cannot, when the file holds something else, or when a portal of this name uses it already.
    FileArbiter(std::filesystem::path path, std::string portal_name);
    ~FileArbiter() override;

    void watch(boost::asio::any_io_executor executor, std::function<void()> changed) override;
    void close() override;
    boost::asio::awaitable<ReadResult> read() override;
    boost::asio::awaitable<WriteResult> write(Record record, std::string expected) override;
    boost::asio::awaitable<std::string> write_mark(Mark mark) override;
    boost::asio::awaitable<std::string> remove_mark() override;
    [[nodiscard]] std::string describe() const override;

  private:
    class Watch;

    struct Stored {
        std::optional<Record> record;
        std::uint64_t version = 0;
        std::string error;
    };
    [[nodiscard]] Stored load() const;
    [[nodiscard]] std::filesystem::path beside(const char* suffix) const;
    [[nodiscard]] std::filesystem::path mark_path() const;

    std::filesystem::path path_;
    std::filesystem::path marks_;
    std::string portal_name_;
    Descriptor name_lock_;
    std::shared_ptr<Watch> watch_;
};

}  // namespace portal::sentinel
