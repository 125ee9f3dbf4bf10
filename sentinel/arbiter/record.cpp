#include "sentinel/arbiter/record.hpp"

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
