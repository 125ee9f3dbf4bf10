// What people shall hear of the failover, found by comparing one status of the monitor with the one before: that a
// change of leader began, ended or was aborted, that two nodes lead, that this portal acts no longer. Pure: time is
// passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace portal::storage {

struct News {
    bool warning = false;
    std::string reason;   // CamelCase, one word
    std::string message;  // one sentence
};

class MonitorNews {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    /// A second leader is told of when it has led for so long. Less is no split: a node that comes back, or that was
    /// made a leader by hand, is made a replica sooner.
    static constexpr std::chrono::milliseconds kSplit{1000};

    explicit MonitorNews(std::string portal) : portal_(std::move(portal)) {}

    /// What is new in Monitor::status(). Each change of leader is told by the portal that carries it out.
    [[nodiscard]] std::vector<News> look(const boost::json::object& status, TimePoint now);

  private:
    [[nodiscard]] static News started(std::string_view from, std::uint64_t epoch, std::string_view why);
    void look_at_change(const boost::json::object& status, bool acting, std::vector<News>& news);
    void look_at_end(const boost::json::object& ended, std::vector<News>& news);
    void look_at_leaders(const boost::json::object& status, bool acting, TimePoint now, std::vector<News>& news);

    std::string portal_;
    bool acting_ = false;
    std::uint64_t begun_ = 0;  // newest epoch whose beginning was told, or seen while another portal acted
    std::uint64_t ended_ = 0;  // and whose end was told
    std::string others_;       // that lead beside the recorded leader
    std::optional<TimePoint> others_since_;
    bool told_others_ = false;
};

}  // namespace portal::storage
