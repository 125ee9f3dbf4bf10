#include "config/yaml_document.hpp"

#include "config/secret_files.hpp"
#include "config/section_reader.hpp"

#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace portal::config {

namespace {

constexpr std::size_t kMaxFileSize = 1U << 20U;

Findings only_problem(Place where, std::string message) {
    Findings findings;
    findings.add(where, std::move(message));
    return findings;
}

/// What yaml-cpp says, without the pieces of the text that it appends to some sentences: they may belong to a password.
std::string syntax_complaint(const std::string& says) {
    if (says.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
        return "is not YAML here: an alias without its anchor; put a value that begins with * in quotes";
    }
    return "is not YAML here: " + says.substr(0, says.find(": "));
}

/// The first TAB that may be why the text is no YAML: in an indentation, or in the line at which the parser gave up or
/// the one before it. Those in comments are none of its business.
std::optional<Place> first_tab(std::string_view text, int gave_up) {
    for (int line = 1; !text.empty(); ++line) {
        const auto end = text.find('\n');
        const auto content = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto tab = content.substr(0, content.find('#')).find('\t');
        if (tab == std::string_view::npos) {
            continue;
        }
        const bool indents = content.find_first_not_of(" \t") > tab;
        if (indents || line == gave_up || line + 1 == gave_up) {
            return Place{line, static_cast<int>(tab) + 1};
        }
    }
    return std::nullopt;
}

}  // namespace

Findings read_yaml_file(const std::string& path, const ReadDocument& read) {
    try {
        if (const std::string complaint = why_unreadable(path); !complaint.empty()) {
            return only_problem({}, complaint + "; give the path of the configuration file");
        }
        std::ifstream in(path, std::ios::binary);
        std::ostringstream content;
        content << in.rdbuf();
        return read_yaml_text(content.view(), path, read);
    } catch (const std::exception& error) {
        return only_problem({}, std::string("cannot be read: ") + error.what());
    }
}

Findings read_yaml_text(std::string_view text, const std::string& filename, const ReadDocument& read) {
    if (text.size() > kMaxFileSize) {
        return only_problem({}, "is larger than 1MiB and hardly a configuration; name the right file");
    }
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
        if (documents.empty() || documents.front().IsNull()) {
            return only_problem({1, 1}, "holds no configuration; docs/use/configuration.md has a complete example");
        }
        if (documents.size() > 1) {
            return only_problem(place_of(documents[1].Mark()), "begins a second document; keep one");
        }
        Findings findings;
        read(documents.front(), std::filesystem::path(filename).parent_path(), findings);
        return findings;
    } catch (const YAML::Exception& error) {
        const auto tab = first_tab(text, place_of(error.mark).line);
        return tab ? only_problem(*tab, "holds a TAB; YAML is indented and separated by spaces alone")
                   : only_problem(place_of(error.mark), syntax_complaint(error.msg));
    } catch (const std::exception& error) {
        return only_problem({}, std::string("cannot be read: ") + error.what());
    }
}

}  // namespace portal::config
