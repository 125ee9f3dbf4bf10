// Where the portals keep their record and their marks: compare-and-swap on one record, one mark per portal, and a watch
// on both. Implementations wrap a file, etcd or a Kubernetes Lease. Used by one thread, the monitor's.
#pragma once

#include "config/config.hpp"
#include "sentinel/arbiter/record.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

struct ReadResult {
    std::optional<Snapshot> snapshot;
    std::string error;  // one sentence when there is no snapshot
};

enum class WriteStatus : std::uint8_t {
    written,
    conflict,  // somebody else wrote first; read again
    unknown    // the answer was lost or an error came late: it may have been written; read again before anything else
};

struct WriteResult {
    WriteStatus status = WriteStatus::unknown;
    std::string version;  // of what was written
    std::string error;
};

class Arbiter {
  public:
    Arbiter() = default;
    Arbiter(const Arbiter&) = delete;
    Arbiter& operator=(const Arbiter&) = delete;
    virtual ~Arbiter() = default;

    /// Starts the watch: `changed` runs on the executor's thread after the record or another portal's mark has changed.
    /// It may run too often; it may be missed, so the owner reads now and then anyway.
    virtual void watch(boost::asio::any_io_executor executor, std::function<void()> changed) = 0;
    /// Ends the watch and lets pending operations fail. Nothing else may be called afterwards.
    virtual void close() = 0;

    virtual boost::asio::awaitable<ReadResult> read() = 0;
    /// Writes the record if its version is still `expected` (empty: if there is none).
    virtual boost::asio::awaitable<WriteResult> write(Record record, std::string expected) = 0;
    /// Replaces this portal's mark. Returns an error sentence, or nothing.
    virtual boost::asio::awaitable<std::string> write_mark(Mark mark) = 0;
    /// Removes this portal's mark, so that nobody waits for it.
    virtual boost::asio::awaitable<std::string> remove_mark() = 0;

    /// What it is, for logs and status: "file /var/lib/redis-portal/record".
    [[nodiscard]] virtual std::string describe() const = 0;
};

/// Makes the arbiter that the configuration names; `role` is the Role of Kubernetes that lets it in, for sentences.
/// Throws std::runtime_error with one clear sentence when it cannot be used.
std::unique_ptr<Arbiter> make_arbiter(const config::Config& config, std::string role = {});

}  // namespace portal::sentinel
