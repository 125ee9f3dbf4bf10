// What node model and clients both know: what was found wrong, and how often each marked write was executed.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace portal::adversary {

/// Any thread.
class Ledger {
  public:
    /// `kind` is the property, in few words; the same kind is kept a few times only.
    void wrong(const std::string& kind, const std::string& what);
    [[nodiscard]] bool clean() const noexcept { return count_.load() == 0; }
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }
    [[nodiscard]] std::vector<std::string> found() const;

    /// What is known of the execution of a write.
    struct Execution {
        std::uint32_t times = 0;
        std::uint32_t user = 0, database = 0;  // of the connection that carried it last
    };
    /// The node model executes the write `serial`, as that user in that database.
    void execute(std::uint64_t serial, const std::string& what, std::uint32_t user, std::uint32_t database);
    [[nodiscard]] Execution executed(std::uint64_t serial) const;
    /// The client was told that `serial` was not executed; so it must never be.
    void deny(std::uint64_t serial, const std::string& what);

    [[nodiscard]] std::uint64_t next_serial() noexcept { return ++serial_; }

  private:
    mutable std::mutex mutex_;
    std::atomic<std::size_t> count_{0};
    std::unordered_map<std::string, std::vector<std::string>> found_;
    std::unordered_map<std::uint64_t, Execution> executed_;
    std::unordered_set<std::uint64_t> denied_;
    std::atomic<std::uint64_t> serial_{0};
};

}  // namespace portal::adversary
