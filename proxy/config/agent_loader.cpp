#include "config/agent_loader.hpp"

#include "config/agent_keys.hpp"
#include "config/config_checks.hpp"
#include "config/section_reader.hpp"
#include "config/yaml_document.hpp"

#include <utility>

namespace portal::config {

namespace {

class AgentDocument {
  public:
    void operator()(const YAML::Node& document, const std::filesystem::path& folder, Findings& findings) {
        SectionReader::read_section(findings, folder, document, "", config_);
        if (document.IsMap()) {
            check_agent(config_, findings);
        }
    }
    AgentLoadResult result(const Findings& findings) {
        AgentLoadResult result{std::nullopt, findings.sorted()};
        if (result.problems.empty()) {
            result.config = std::move(config_);
        }
        return result;
    }

  private:
    AgentConfig config_;
};

}  // namespace

AgentLoadResult load_agent_file(const std::string& path) {
    AgentDocument document;
    return document.result(read_yaml_file(path, std::ref(document)));
}

AgentLoadResult load_agent_text(std::string_view text, const std::string& filename) {
    AgentDocument document;
    return document.result(read_yaml_text(text, filename, std::ref(document)));
}

}  // namespace portal::config
