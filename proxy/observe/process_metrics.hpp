// What the kernel says of this process, for the standard process_* metrics. Linux: /proc/self.
#pragma once

#include <optional>

namespace portal::observe {

/// Empty members could not be read.
struct ProcessFigures {
    std::optional<double> cpu_seconds;
    std::optional<double> resident_memory_bytes;
    std::optional<double> virtual_memory_bytes;
    std::optional<double> open_fds;
    std::optional<double> max_fds;
    std::optional<double> start_time_seconds;  // Unix time
};

[[nodiscard]] ProcessFigures read_process_figures();

}  // namespace portal::observe
