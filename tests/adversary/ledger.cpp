#include "ledger.hpp"

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::size_t kOfOneKind = 3;

}  // namespace

void Ledger::wrong(const std::string& kind, const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++count_;
    std::vector<std::string>& all = found_[kind];
    if (all.size() < kOfOneKind) {
        all.push_back(what);
    }
}

std::vector<std::string> Ledger::found() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [kind, each] : found_) {
        for (const std::string& what : each) {
            all.push_back(fmt::format("[{}] {}", kind, what));
        }
    }
    return all;
}

void Ledger::execute(std::uint64_t serial, const std::string& what, std::uint32_t user, std::uint32_t database) {
    std::uint32_t times = 0;
    bool denied = false;
    {
        const std::lock_guard lock(mutex_);
        Execution& execution = executed_[serial];
        times = ++execution.times;
        execution.user = user;
        execution.database = database;
        denied = denied_.contains(serial);
    }
    if (times > 1) {
        wrong("a write is executed twice", what);
    }
    if (denied) {
        wrong("a write is executed after its client was told that it was not", what);
    }
}

Ledger::Execution Ledger::executed(std::uint64_t serial) const {
    const std::lock_guard lock(mutex_);
    const auto found = executed_.find(serial);
    return found == executed_.end() ? Execution{} : found->second;
}

void Ledger::deny(std::uint64_t serial, const std::string& what) {
    bool executed = false;
    {
        const std::lock_guard lock(mutex_);
        denied_.insert(serial);
        executed = executed_.contains(serial);
    }
    if (executed) {
        wrong("a write was executed though its client was told that it was not", what);
    }
}

}  // namespace portal::adversary
