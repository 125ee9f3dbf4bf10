#include "config/findings.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace portal::config {

Place Findings::where(std::string path) const {
    for (;;) {
        if (const auto found = places_.find(path); found != places_.end()) {
            return found->second;
        }
        const std::size_t end = path.find_last_of(".[");
        if (end == std::string::npos) {
            return {1, 1};
        }
        path.resize(end);
    }
}

void Findings::add(Place where, std::string message) {
    problems_.push_back({where.line, where.column, std::move(message)});
}

void Findings::complain(const std::string& path, const std::string& complaint) {
    complain(where(path), path, complaint);
}

void Findings::complain(Place where, const std::string& path, const std::string& complaint) {
    failed_.insert(path);
    add(where, (path.empty() ? "" : path + ": ") + complaint);
}

std::vector<Problem> Findings::sorted() const {
    std::vector<Problem> problems = problems_;
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return problems;
}

}  // namespace portal::config
