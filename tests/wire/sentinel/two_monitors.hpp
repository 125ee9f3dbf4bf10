// Two monitors with one record, as portals without shards, and two real redis-server processes.
#pragma once

#include "redis_process.hpp"
#include "sentinel/monitor.hpp"
#include "two_nodes.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <iterator>
#include <mutex>
#include <thread>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace portal::sentinel {

using replication::TopologyPtr;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::RedisProcess;
using testing::ScratchFolder;

inline bool eventually(const std::function<bool()>& holds, milliseconds limit = seconds(10)) {
    const auto give_up = steady_clock::now() + limit;
    while (!holds()) {
        if (steady_clock::now() > give_up) {
            return false;
        }
        std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
}

/// A monitor and what it published, as a portal without shards.
class Portal {
  public:
    Portal(const config::Config& config)
        : permit_(std::make_shared<replication::ForwardPermit>()),
          monitor_(std::make_unique<Monitor>(config, make_arbiter(config), permit_,
                                             [this](TopologyPtr topology, std::function<void()> applied) {
                                                 const std::lock_guard lock(mutex_);
                                                 topology_ = std::move(topology);
                                                 applied();
                                             })) {
        monitor_->start();
    }

    /// Name of the node that this portal forwards to right now; empty while it forwards nothing.
    std::string leader() const {
        const std::lock_guard lock(mutex_);
        const bool forwards = topology_ && topology_->leader && permit_->valid(steady_clock::now());
        return forwards ? topology_->leader->name : "";
    }
    std::string leader_host() const {
        const std::lock_guard lock(mutex_);
        return topology_ && topology_->leader ? topology_->leader->endpoint.host : "";
    }
    std::uint64_t epoch() const {
        const std::lock_guard lock(mutex_);
        return topology_ ? static_cast<std::uint64_t>(topology_->epoch) : 0;
    }
    std::string reason() const { return text("reason"); }
    bool acts() const {
        const auto status = monitor_->status();
        const auto* here = status.if_contains("acting_here");
        return here != nullptr && here->as_bool();
    }
    bool in_sync(const std::string& node) const {
        const std::lock_guard lock(mutex_);
        return topology_ && std::count(topology_->in_sync.begin(), topology_->in_sync.end(), node) == 1;
    }
    std::string text(const std::string& key) const {
        const auto status = monitor_->status();
        const auto* value = status.if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
    }
    /// Of one node, as the status tells it.
    std::string node_text(const std::string& node, const std::string& key) const {
        const auto status = monitor_->status();
        for (const auto& each : status.at("nodes").as_array()) {
            const auto* value = each.at("name").as_string() == node ? each.as_object().if_contains(key) : nullptr;
            if (value != nullptr && value->is_string()) {
                return std::string(value->as_string());
            }
        }
        return "";
    }
    std::string switchover(std::optional<std::string> to) {
        std::promise<std::string> answer;
        monitor_->switchover(std::move(to), [&](std::string error) { answer.set_value(std::move(error)); });
        return answer.get_future().get();
    }
    Monitor& monitor() { return *monitor_; }

  private:
    mutable std::mutex mutex_;
    TopologyPtr topology_;
    std::shared_ptr<replication::ForwardPermit> permit_;
    std::unique_ptr<Monitor> monitor_;
};

/// A portal in a process of its own, so that it can be killed and paused like one.
class PortalProcess {
  public:
    PortalProcess(const std::string& name, const std::filesystem::path& record, const RedisProcess& redis0,
                  const RedisProcess& redis1) {
        child_.spawn(
            {WIRE_SENTINEL_PORTAL, name, record, std::to_string(redis0.port()), std::to_string(redis1.port())});
    }
    void kill() { child_.kill(); }
    void pause() { child_.signal(SIGSTOP); }
    void resume() { child_.signal(SIGCONT); }

  private:
    testing::ChildProcess child_;
};

class MonitorTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = RedisProcess::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
    }

    config::Config config_for(const std::string& name) const {
        return testing::two_nodes(name, record_path(), redis0.port(), redis1.port());
    }
    std::filesystem::path record_path() const { return folder.path() / "record"; }
    void start_portals(milliseconds busy_after = seconds(10)) {
        for (auto* portal : {&portal0, &portal1}) {
            auto config = config_for(portal == &portal0 ? "portal-0" : "portal-1");
            config.monitor.busy_after = busy_after;
            *portal = std::make_unique<Portal>(config);
        }
    }
    bool both_route_to(const std::string& node, milliseconds limit = seconds(10)) const {
        return eventually([&] { return portal0->leader() == node && portal1->leader() == node; }, limit);
    }
    bool in_sync(const std::string& node) const {
        return eventually([&] { return portal0->in_sync(node) && portal1->in_sync(node); });
    }
    /// A write to redis-0 that redis-1 has, too.
    void write_to_both() {
        redis0.ask({"SET", "key", "kept"});
        ASSERT_TRUE(eventually([&] { return redis1.ask({"GET", "key"}) == "kept"; }));
    }
    boost::json::object record() const {
        std::ifstream file(record_path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        boost::system::error_code error;
        auto record = boost::json::parse(text, error);
        return error ? boost::json::object{} : record.as_object();
    }
    std::uint64_t recorded_keys(const std::string& node) const {
        const auto read = record();
        const auto* known = read.if_contains("known");
        const auto* data = known == nullptr ? nullptr : known->as_object().if_contains(node);
        return data == nullptr ? 0 : data->at("keys").to_number<std::uint64_t>();
    }
    void set_nodes(const std::vector<config::Node>& nodes) {
        portal0->monitor().set_nodes(nodes);
        portal1->monitor().set_nodes(nodes);
    }
    static bool leaves(Portal& portal, const std::string& name) {
        const auto status = portal.monitor().status();
        const auto& nodes = status.at("nodes").as_array();
        return std::any_of(nodes.begin(), nodes.end(), [&](const boost::json::value& node) {
            return node.at("name").as_string() == name && node.as_object().contains("leaving");
        });
    }
    bool acts(const std::string& portal) const {
        return eventually([&] {
            const auto read = record();
            const auto* acting = read.if_contains("acting");
            return acting != nullptr && acting->as_string() == portal;
        });
    }
    std::string trouble() const { return portal0->reason() + " / " + portal1->reason(); }

    ScratchFolder folder;
    RedisProcess redis0{folder.path() / "redis-0"};
    RedisProcess redis1{folder.path() / "redis-1"};
    std::unique_ptr<Portal> portal0;
    std::unique_ptr<Portal> portal1;
};

}  // namespace portal::sentinel
