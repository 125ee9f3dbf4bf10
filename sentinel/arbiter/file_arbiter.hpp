// The arbiter of one host: a folder `PATH.d` with one numbered file per version of the record, of which the highest
// counts, one mark per portal, and inotify to see changes within milliseconds. A version is claimed by link(2), which
// succeeds once: no lock that a stopped portal could keep. `PATH` is a symbolic link to the newest version, for people.
// Calls do not suspend.
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
    /// Makes what is missing, for this user only (0700, 0600). Throws std::runtime_error with one sentence when it
    /// cannot, when the newest version is no record, or when a portal of this name uses it already.
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
        std::uint64_t version = 0;  // 0: there is no record
        std::string error;
    };
    [[nodiscard]] Stored load() const;
    [[nodiscard]] std::uint64_t newest() const;
    [[nodiscard]] std::filesystem::path version_path(std::uint64_t version) const;
    [[nodiscard]] std::filesystem::path own(const char* suffix) const;
    WriteResult claim(const Record& record, std::uint64_t version);
    void tidy(std::uint64_t version) const;

    std::filesystem::path path_;
    std::filesystem::path folder_;
    std::string portal_name_;
    Descriptor name_lock_;
    std::shared_ptr<Watch> watch_;
};

}  // namespace portal::sentinel
