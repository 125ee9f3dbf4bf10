// A monitor without shards in a process of its own: NAME RECORD PORT-OF-REDIS-0 PORT-OF-REDIS-1. Runs until it is
// killed.
#include "sentinel/monitor.hpp"
#include "two_nodes.hpp"

#include <cstdint>
#include <string>
#include <unistd.h>

int main(int count, char** words) {
    if (count != 5) {
        return 2;
    }
    const auto port = [&](int at) { return static_cast<std::uint16_t>(std::stoi(words[at])); };
    const auto config = portal::testing::two_nodes(words[1], words[2], port(3), port(4));
    portal::sentinel::Monitor monitor(config, portal::sentinel::make_arbiter(config),
                                      std::make_shared<portal::replication::ForwardPermit>(),
                                      [](const auto&, const std::function<void()>& applied) { applied(); });
    monitor.start();
    for (;;) {
        ::pause();
    }
}
