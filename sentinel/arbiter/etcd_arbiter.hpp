// The arbiter for portals on several machines: an etcd v3 cluster through its JSON gateway. The record is the key
// PREFIX/record, compared by its modification revision; each portal's mark is a key PREFIX/marks/NAME. One range
// request reads all of them as of one revision, confirmed by etcd's quorum. Every call ends within a given time.
#pragma once

#include "net/http/http_client.hpp"
#include "sentinel/arbiter/arbiter.hpp"
#include "sentinel/arbiter/still_marks.hpp"

#include <boost/json/object.hpp>

namespace portal::sentinel {

class HttpWatch;

class EtcdArbiter final : public Arbiter {
  public:
    /// `time`: how long one call may take.
    EtcdArbiter(config::EtcdArbiter settings, std::string portal_name, Milliseconds time,
                std::chrono::milliseconds forget_after = kForgetAfter);
    ~EtcdArbiter() override;

    void watch(boost::asio::any_io_executor executor, std::function<void()> changed) override;
    void close() override;
    boost::asio::awaitable<ReadResult> read() override;
    boost::asio::awaitable<WriteResult> write(Record record, std::string expected) override;
    boost::asio::awaitable<std::string> write_mark(Mark mark) override;
    boost::asio::awaitable<std::string> remove_mark() override;
    [[nodiscard]] std::string describe() const override;

  private:
    struct Answer {
        boost::json::object object;
        std::string error;  // one sentence; empty: `object` is what etcd answered
    };
    enum class Repeat : std::uint8_t { harmless, never };
    using MarkVersions = std::map<std::string, std::string>;  // by portal

    boost::asio::awaitable<Answer> ask(const char* path, boost::json::object body, Repeat repeat);
    boost::asio::awaitable<std::string> log_in(TimePoint until);
    boost::asio::awaitable<void> forget(std::string portal, std::string version);
    [[nodiscard]] net::HttpRequest post(const std::string& path, const boost::json::object& body, Repeat repeat) const;
    [[nodiscard]] net::HttpRequest login() const;
    [[nodiscard]] ReadResult snapshot_of(const boost::json::object& range, MarkVersions& marks_of_others) const;
    [[nodiscard]] std::string key_of_mark(const std::string& portal) const;
    [[nodiscard]] boost::json::object all_keys() const;

    const config::EtcdArbiter settings_;
    const std::string portal_name_;
    const Milliseconds time_;
    std::string prefix_;
    net::HttpClient client_;
    std::string token_;
    StillMarks still_marks_;
    std::shared_ptr<HttpWatch> watch_;
};

}  // namespace portal::sentinel
