#include "config/config_loader.hpp"

#include "config/config_checks.hpp"
#include "config/section_reader.hpp"

#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace portal::config {

namespace {

constexpr std::size_t kMaxFileSize = 1U << 20U;

LoadResult only_problem(Place where, std::string message) {
    LoadResult result;
    result.findings.add(where, std::move(message));
    result.problems = result.findings.sorted();
    return result;
}

/// The name of a portal that was not given one: in a pod the host's name is the pod's, so two portals differ.
void name_after_host(Config& config, Findings& findings) {
    if (!config.name.empty() || findings.failed("name")) {
        return;
    }
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0 || !NameRule{}.parse(host.data()).value) {
        findings.complain("name", "is missing, and the host's name cannot serve as one; write name: portal-0");
        return;
    }
    config.name = host.data();
}

/// What yaml-cpp says, without the pieces of the text that it appends to some sentences: they may belong to a password.
std::string syntax_complaint(const std::string& says) {
    if (says.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
        return "is not YAML here: an alias without its anchor; put a value that begins with * in quotes";
    }
    return "is not YAML here: " + says.substr(0, says.find(": "));
}

LoadResult load_document(const YAML::Node& document, const std::filesystem::path& folder) {
    LoadResult result;
    Config config;
    SectionReader::read_section(result.findings, folder, document, "", config);
    if (document.IsMap()) {
        name_after_host(config, result.findings);
        check_consistency(config, result.findings);
        read_secrets(config, result.findings);
    }
    result.problems = result.findings.sorted();
    if (result.problems.empty()) {
        result.config = std::move(config);
    }
    return result;
}

}  // namespace

LoadResult load_file(const std::string& path) {
    try {
        if (const std::string complaint = why_unreadable(path); !complaint.empty()) {
            return only_problem({}, complaint + "; give the path of the configuration file");
        }
        std::ifstream in(path, std::ios::binary);
        std::ostringstream content;
        content << in.rdbuf();
        return load_text(content.view(), path);
    } catch (const std::exception& error) {
        return only_problem({}, std::string("cannot be read: ") + error.what());
    }
}

LoadResult load_text(std::string_view text, const std::string& filename) {
    if (text.size() > kMaxFileSize) {
        return only_problem({}, "is larger than 1MiB and hardly a configuration; name the right file");
    }
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
        if (documents.empty() || documents.front().IsNull()) {
            return only_problem({1, 1}, "holds no configuration; docs/configuration.md has a complete example");
        }
        if (documents.size() > 1) {
            return only_problem(place_of(documents[1].Mark()), "begins a second document; keep one");
        }
        return load_document(documents.front(), std::filesystem::path(filename).parent_path());
    } catch (const YAML::Exception& error) {
        return only_problem(place_of(error.mark), syntax_complaint(error.msg));
    } catch (const std::exception& error) {
        return only_problem({}, std::string("cannot be read: ") + error.what());
    }
}

std::string format_problem(const std::string& filename, const Problem& problem) {
    return filename + ":" + (problem.line == 0 ? "" : std::to_string(problem.line) + ":") + " " + problem.message;
}

}  // namespace portal::config
