#include "demo/traffic.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace portal::demo {

namespace {

using std::chrono::milliseconds;

/// Between two rounds of a client: the demo shares its machine with whoever tries it.
constexpr milliseconds kPause{1};
constexpr milliseconds kReconnectPause{20};
/// Longer than the portals hold a command for.
constexpr int kPatienceSeconds = 15;

std::uint64_t number_in(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::string grouped(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) {
            text.push_back(',');
        }
        text.push_back(digits[i]);
    }
    return text;
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    return grouped(number) + " " + std::string(number == 1 ? one : many);
}

}  // namespace

Traffic::Traffic(Plan plan)
    : plan_(std::move(plan)), trust_(ClientTrust::of(plan_.ca_file)), asking_(plan_.ports.empty() ? 0 : plan_.clients) {
    for (unsigned client = 0; client < asking_.size(); ++client) {
        threads_.emplace_back([this, client] { run(client); });
    }
}

Traffic::~Traffic() {
    ends_ = true;
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

Witnessed Traffic::look() {
    const auto now = Clock::now().time_since_epoch();
    const std::lock_guard lock(mutex_);
    for (const Asking& each : asking_) {
        if (const auto since = each.since.load(); since != 0) {
            seen_.longest =
                std::max(seen_.longest, std::chrono::duration_cast<milliseconds>(now - Clock::duration(since)));
        }
    }
    Witnessed seen = seen_;
    seen_.longest = {};
    return seen;
}

void Traffic::run(unsigned client) {
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    for (std::size_t attempt = 0; !ends(); ++attempt) {
        PortalClient connection(plan_.ports[(client + attempt) % plan_.ports.size()], trust_, plan_.password,
                                kPatienceSeconds);
        if (attempt > 0 && connection.open()) {
            const std::lock_guard lock(mutex_);
            ++seen_.reconnects;
        }
        while (!ends() && connection.open() && round(connection, client, sent, confirmed)) {
            std::this_thread::sleep_for(kPause);
        }
        if (!ends()) {
            std::this_thread::sleep_for(kReconnectPause);
        }
    }
}

bool Traffic::round(PortalClient& connection, unsigned client, std::uint64_t& sent, std::uint64_t& confirmed) {
    const std::string key = fmt::format("demo:traffic:{}", client);
    const auto written = ask(connection, client, {"SET", key, std::to_string(++sent)});
    if (!written) {
        return false;
    }
    confirmed = written->is_error ? confirmed : sent;
    const auto read = ask(connection, client, {"GET", key});
    if (read && !read->is_error && number_in(read->text) < confirmed) {
        const std::lock_guard lock(mutex_);
        seen_.lost += confirmed - number_in(read->text);
        confirmed = number_in(read->text);
    }
    return read.has_value();
}

std::optional<PortalClient::Reply> Traffic::ask(PortalClient& connection, unsigned client,
                                                const std::vector<std::string>& words) {
    const auto begun = Clock::now();
    asking_[client].since = begun.time_since_epoch().count();
    auto reply = connection.ask(words);
    asking_[client].since = 0;
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
    const std::lock_guard lock(mutex_);
    seen_.longest = std::max(seen_.longest, took);
    if (reply) {
        ++seen_.commands;
        if (reply->is_error) {
            ++(reply->text.starts_with("INDOUBT") ? seen_.in_doubt : seen_.errors);
        }
    }
    return reply;
}

std::string traffic_line(const Witnessed& now, std::uint64_t commands_before, milliseconds between,
                         const std::string& leader) {
    const auto passed = static_cast<std::uint64_t>(std::max<milliseconds::rep>(between.count(), 1));
    std::string line = fmt::format("{} commands/s, longest wait {} ms, {}, {}",
                                   grouped((now.commands - commands_before) * 1000 / passed), now.longest.count(),
                                   leader.empty() ? std::string("nobody leads") : leader + " leads",
                                   counted(now.errors, "error", "errors"));
    if (now.in_doubt > 0) {
        line += fmt::format(", {} in doubt", counted(now.in_doubt, "write", "writes"));
    }
    if (now.reconnects > 0) {
        line += fmt::format(", {} made anew", counted(now.reconnects, "connection", "connections"));
    }
    if (now.lost > 0) {
        line += fmt::format(", {} LOST", counted(now.lost, "answered write", "answered writes"));
    }
    return line;
}

}  // namespace portal::demo
