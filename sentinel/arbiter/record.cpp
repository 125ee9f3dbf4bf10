#include "sentinel/arbiter/record.hpp"

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

}  // namespace portal::sentinel
