#include "sentinel/arbiter/record.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {

std::string_view to_string(Phase phase) noexcept {
    switch (phase) {
        case Phase::bootstrapping:
            return "bootstrapping";
        case Phase::leading:
            return "leading";
        case Phase::fencing:
            return "fencing";
    }
    return "unknown";
}

std::int64_t next_notice(std::int64_t before, std::int64_t now) noexcept {
    constexpr std::int64_t kNumbersOfOne = 2;  // that it begins, and that it is over
    return std::max(now, before + kNumbersOfOne);
}

void add_account(Record& record, std::string account) {
    if (account.size() > kLongestAccount) {
        return;
    }
    record.history.push_back(std::move(account));
    if (record.history.size() > kKeptAccounts) {
        record.history.erase(record.history.begin());
    }
}

}  // namespace portal::sentinel
