#include "replication/contenders.hpp"

namespace portal::replication {

bool ready(const Contender& contender) {
    return contender.report && !contender.report->loading;
}

std::vector<std::string> not_ready(const std::vector<Contender>& contenders, bool only_in_sync) {
    std::vector<std::string> names;
    for (const auto& contender : contenders) {
        if (!ready(contender) && (contender.in_sync || !only_in_sync)) {
            const auto trouble = contender.report ? "loading its data" : contender.trouble;
            names.push_back(contender.name + (trouble.empty() ? "" : " (" + trouble + ")"));
        }
    }
    return names;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += i == 0 ? "" : i + 1 == names.size() ? " and " : ", ";
        text += names[i];
    }
    return text;
}

}  // namespace portal::replication
