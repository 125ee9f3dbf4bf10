#include "observe/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace portal::observe {
namespace {

/// Fields of /proc/self/stat from the third on (the second, the name, may hold anything). proc(5): number 3 is at index
/// 0.
std::vector<std::string> stat_fields() {
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text, '\0');
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) {
        return {};
    }
    std::istringstream rest(text.substr(name_end + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) {
        fields.push_back(field);
    }
    return fields;
}

std::optional<double> number(const std::vector<std::string>& fields, std::size_t proc_number) {
    constexpr std::size_t kFirst = 3;
    if (fields.size() <= proc_number - kFirst) {
        return std::nullopt;
    }
    std::istringstream text(fields[proc_number - kFirst]);
    double value = 0;
    return text >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        double value = 0;
        if (words >> key >> value && key == "btime") {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<double> count_open_fds() {
    std::error_code error;
    double count = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
         entry.increment(error)) {
        ++count;
    }
    // The directory itself was open while it was counted.
    return error ? std::nullopt : std::optional(count - 1);
}

}  // namespace

ProcessFigures read_process_figures() {
    ProcessFigures figures;
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto fields = stat_fields();
    const auto user = number(fields, 14);
    const auto system = number(fields, 15);
    if (user && system) {
        figures.cpu_seconds = (*user + *system) / ticks;
    }
    const auto started = number(fields, 22);
    const auto booted = boot_time();
    if (started && booted) {
        figures.start_time_seconds = *booted + *started / ticks;
    }
    figures.virtual_memory_bytes = number(fields, 23);
    if (const auto pages = number(fields, 24)) {
        figures.resident_memory_bytes = *pages * static_cast<double>(sysconf(_SC_PAGESIZE));
    }
    figures.open_fds = count_open_fds();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        figures.max_fds = static_cast<double>(limit.rlim_cur);
    }
    return figures;
}

}  // namespace portal::observe
