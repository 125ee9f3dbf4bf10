// The configuration that the monitor tests and their portal process share.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace portal::testing {

inline config::Config two_nodes(const std::string& name, const std::filesystem::path& record, std::uint16_t port0,
                                std::uint16_t port1) {
    config::Config config;
    config.name = name;
    config.nodes = {{"redis-0", {"127.0.0.1", port0}, std::nullopt}, {"redis-1", {"127.0.0.1", port1}, std::nullopt}};
    config.arbiter = config::FileArbiter{record};
    return config;
}

}  // namespace portal::testing
