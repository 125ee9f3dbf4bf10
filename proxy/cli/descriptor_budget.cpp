#include "cli/descriptor_budget.hpp"

#include "observe/log.hpp"

#include <algorithm>
#include <limits>
#include <sys/resource.h>

#include <fmt/format.h>

namespace portal::cli {

namespace {

constexpr std::uint64_t kLeast = 64;     // an idle portal has about half of them open
constexpr std::uint64_t kOwn = 48;       // kept back at least
constexpr std::uint64_t kReserve = 512;  // kept back where there is plenty, also for pinned links

}  // namespace

DescriptorBudget DescriptorBudget::claim() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return DescriptorBudget(std::numeric_limits<std::uint64_t>::max());
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return DescriptorBudget(limit.rlim_cur);
}

std::string DescriptorBudget::problem() const {
    return limit_ >= kLeast ? std::string()
                            : fmt::format(
                                  "this process may open {} files, which is too few for a portal; raise the hard limit "
                                  "of open files (ulimit -Hn, LimitNOFILE) to {} and one for each client",
                                  limit_, kReserve);
}

std::uint64_t DescriptorBudget::reserve() const noexcept {
    return std::min(kReserve, std::max(limit_ / 2, kOwn));
}

void DescriptorBudget::fit(config::Config& config) const {
    const std::uint64_t room = limit_ - std::min(limit_, reserve());
    if (config.limits.sessions <= room) {
        return;
    }
    observe::log_warn("portal",
                      "fewer file descriptors than limits.sessions needs: fewer sessions are admitted; raise the hard "
                      "limit of open files",
                      {{"limit", limit_}, {"wanted", config.limits.sessions}, {"sessions", room}});
    config.limits.sessions = static_cast<std::uint32_t>(room);
}

std::uint64_t DescriptorBudget::connections() const noexcept {
    return limit_ - std::min(limit_, reserve()) + reserve() / 6;
}

}  // namespace portal::cli
