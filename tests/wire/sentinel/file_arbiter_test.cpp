// What is special about the arbiter that is a file: crashes in between, permissions, names. What it shares with the
// others is in arbiter_contract_test.cpp.
#include "sentinel/arbiter/file_arbiter.hpp"

#include "redis_process.hpp"
#include "sentinel/arbiter/record_json.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <sys/stat.h>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

template <typename Result>
Result finish(boost::asio::awaitable<Result> operation) {
    boost::asio::io_context io;
    auto result = boost::asio::co_spawn(io, std::move(operation), boost::asio::use_future);
    io.run();
    return result.get();
}

Record record_of(std::uint64_t epoch) {
    Record record;
    record.epoch = replication::Epoch{epoch};
    record.phase = Phase::leading;
    record.leader = "redis-0";
    return record;
}
Mark mark_of(const std::string& portal) {
    Mark mark;
    mark.portal = portal;
    return mark;
}
mode_t mode_of(const fs::path& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 0777U;
}
std::string text_of(const fs::path& file_path) {
    std::ifstream file(file_path);
    return {std::istreambuf_iterator<char>(file), {}};
}
std::string message_of(const std::function<void()>& throwing) {
    try {
        throwing();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

class FileArbiterTest : public ::testing::Test {
  protected:
    Snapshot read(FileArbiter& arbiter) {
        auto result = finish(arbiter.read());
        EXPECT_EQ(result.error, "");
        return result.snapshot.value_or(Snapshot{});
    }
    fs::path in_folder(const std::string& name) const { return path.string() + ".d/" + name; }

    ScratchFolder folder;
    fs::path path = folder.path() / "state" / "record";
    FileArbiter first{path, "portal-0"};
    FileArbiter second{path, "portal-1"};
};

TEST_F(FileArbiterTest, no_update_is_lost_when_two_race) {
    constexpr int kEach = 100;
    const auto count = [](FileArbiter& arbiter) {
        for (int done = 0; done < kEach;) {
            auto snapshot = finish(arbiter.read()).snapshot.value();
            auto next = snapshot.record.value_or(record_of(1));
            ++next.renewals;
            done += finish(arbiter.write(next, snapshot.version)).status == WriteStatus::written ? 1 : 0;
        }
    };
    std::thread other(count, std::ref(second));
    count(first);
    other.join();
    EXPECT_EQ(read(first).record->renewals, 2U * kEach);
}

TEST_F(FileArbiterTest, a_crash_before_the_claim_changes_nothing) {
    EXPECT_EQ(finish(first.write(record_of(1), "")).status, WriteStatus::written);
    std::ofstream(in_folder("portal-0.new")) << R"({"epoch":2,"phase":"lead)";
    const auto seen = read(second);
    EXPECT_EQ(seen.record, record_of(1));
    EXPECT_EQ(finish(second.write(record_of(3), seen.version)).status, WriteStatus::written);
    EXPECT_EQ(read(first).record, record_of(3));
}

TEST_F(FileArbiterTest, a_portal_that_stops_right_after_its_claim_keeps_nobody_from_going_on) {
    EXPECT_EQ(finish(first.write(record_of(1), "")).status, WriteStatus::written);
    std::ofstream(in_folder("record.2")) << encode_record(record_of(2), 2);
    const auto seen = read(second);
    EXPECT_EQ(seen.record, record_of(2)) << "what was claimed counts";
    EXPECT_EQ(finish(second.write(record_of(3), seen.version)).status, WriteStatus::written);
    EXPECT_EQ(read(first).record, record_of(3));
}

TEST_F(FileArbiterTest, a_claim_that_comes_much_too_late_does_not_bring_the_past_back) {
    std::string version;
    for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) {
        version = finish(first.write(record_of(epoch), version)).version;
    }
    EXPECT_FALSE(fs::exists(in_folder("record.3"))) << "old versions are tidied away";
    std::ofstream(in_folder("record.3")) << encode_record(record_of(99), 3);
    EXPECT_EQ(read(second).record, record_of(20));
    EXPECT_EQ(finish(second.write(record_of(21), version)).status, WriteStatus::written);
    EXPECT_FALSE(fs::exists(in_folder("record.3")));
}

TEST_F(FileArbiterTest, people_find_the_newest_version_under_the_configured_path) {
    auto version = finish(first.write(record_of(1), "")).version;
    EXPECT_EQ(finish(first.write(record_of(2), version)).status, WriteStatus::written);
    std::string error;
    EXPECT_EQ(decode_record(text_of(path), error)->record, record_of(2)) << error;
}

TEST_F(FileArbiterTest, what_is_no_record_is_reported_and_never_built_upon) {
    std::ofstream(in_folder("record.5")) << "hello";
    const auto result = finish(first.read());
    EXPECT_FALSE(result.snapshot);
    EXPECT_NE(result.error.find("record.5 holds no record"), std::string::npos) << result.error;
    EXPECT_EQ(finish(first.write(record_of(1), "")).status, WriteStatus::unknown);
    EXPECT_EQ(text_of(in_folder("record.5")), "hello");
}

TEST_F(FileArbiterTest, others_on_the_host_can_read_nothing) {
    EXPECT_EQ(finish(first.write(record_of(1), "")).status, WriteStatus::written);
    EXPECT_EQ(finish(first.write_mark(mark_of("portal-0"))), "");
    EXPECT_EQ(mode_of(in_folder("record.1")), 0600U);
    EXPECT_EQ(mode_of(in_folder("portal-0.mark")), 0600U);
    EXPECT_EQ(mode_of(in_folder("")), 0700U);
    EXPECT_EQ(mode_of(path.parent_path()), 0700U);
}

TEST_F(FileArbiterTest, a_second_portal_of_the_same_name_is_refused) {
    const auto message = message_of([&] { FileArbiter(path, "portal-0"); });
    EXPECT_NE(message.find("is a portal called portal-0 running already?"), std::string::npos) << message;
}

TEST(MakeArbiter, names_the_folder_that_it_cannot_make) {
    config::Config config;
    config.name = "portal-0";
    config.arbiter = config::FileArbiter{"/proc/nowhere/record"};
    const auto message = message_of([&] { make_arbiter(config); });
    EXPECT_NE(message.find("/proc/nowhere"), std::string::npos) << message;
}

}  // namespace
}  // namespace portal::sentinel
