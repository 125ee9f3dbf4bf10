// Runs what `serve` and `agent` start, until it is told to end. Every reason why it cannot is one sentence.
#pragma once

#include "config/config.hpp"
#include "observe/log.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

namespace portal::cli {

/// Makes a Process of `parts`, starts and runs it. Returns the exit status.
template <class Process, class... Parts>
int run_process(const config::Log& log, Parts&&... parts) {
    std::signal(SIGPIPE, SIG_IGN);
    observe::configure_log(static_cast<observe::LogLevel>(log.level), static_cast<observe::LogFormat>(log.format));
    std::string problem;
    try {
        Process process(std::forward<Parts>(parts)...);
        problem = process.start();
        if (problem.empty()) {
            process.run();
        }
    } catch (const std::exception& error) {
        problem = error.what();
    }
    observe::flush_log();
    if (!problem.empty()) {
        std::fprintf(stderr, "redis-portal: %s\n", problem.c_str());
        return 1;
    }
    return 0;
}

}  // namespace portal::cli
