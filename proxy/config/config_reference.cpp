#include "config/config_reference.hpp"

#include "config/agent_keys.hpp"
#include "config/upkeep_keys.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace portal::config {

namespace {

/// The visitor of config_keys.hpp that writes down the rows of default-made structs.
class RowWriter {
  public:
    RowWriter(std::vector<KeyRow>& rows, std::string prefix, bool restart)
        : rows_(rows), prefix_(std::move(prefix)), restart_(restart) {}

    template <class Field, class Rule>
    void value(const Key& key, const Field& field, const Rule& rule) {
        if constexpr (requires { field.has_value(); }) {
            add(key, rule.kind(), field ? code(rule.print(*field)) : "`null`");
        } else {
            const std::string text = key.need == Need::required ? "" : rule.print(field);
            add(key, rule.kind(), text.empty() ? text : code(text));
        }
    }

    template <class Field, class Rule>
    void list(const Key& key, const std::vector<Field>& field, const Rule& rule) {
        std::string text;
        for (const Field& element : field) {
            text += (text.empty() ? "" : ", ") + code(rule.print(element));
        }
        add(key, "list of " + rule.kind(), text);
    }

    template <class Section>
    void section(const Key& key, Section& section) {
        add(key, "section", "", true);
        descend(key, "", section);
    }

    template <class Section>
    void optional_section(const Key& key, const std::optional<Section>&) {
        Section section;
        add(key, "section or `null`", key.need == Need::required ? "" : "`null`", true);
        descend(key, "", section);
    }

    template <class Section>
    void sections(const Key& key, const std::vector<Section>&) {
        Section section;
        add(key, "list of sections", "", true);
        descend(key, "[]", section);
    }

    void conditions(const Key& key, const std::vector<ClaimCondition>&) {
        add(key, "map of " + ClaimRule{}.kind() + ", to " + ClaimValueRule{}.kind() + ", or a list of these", "");
    }

    template <class Kind, class Variant>
    void alternative(const Key& key, const Variant&) {
        Kind kind;
        add(key, "section", "", true);
        descend(key, "", kind);
    }

  private:
    static std::string code(const std::string& text) { return "`" + text + "`"; }

    void add(const Key& key, std::string kind, std::string default_value, bool is_section = false) {
        rows_.push_back({prefix_ + std::string(key.name), std::move(kind),
                         key.need == Need::required ? "required" : std::move(default_value), std::string(key.help),
                         is_section, restart_ || key.change == Change::restart});
    }

    template <class Section>
    void descend(const Key& key, std::string_view index, Section& section) {
        RowWriter inner(rows_, prefix_ + std::string(key.name) + std::string(index) + ".",
                        restart_ || key.change == Change::restart);
        visit_keys(inner, section);
    }

    std::vector<KeyRow>& rows_;
    std::string prefix_;
    bool restart_;
};

template <class Root>
std::vector<KeyRow> rows_of() {
    std::vector<KeyRow> rows;
    Root defaults;
    RowWriter writer(rows, "", false);
    visit_keys(writer, defaults);
    return rows;
}

/// A '|' would end a table's cell.
std::string cell(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '|' ? "\\|" : std::string(1, c);
    }
    return escaped;
}

std::string changed_by(const KeyRow& row) {
    return row.restart ? "restart" : row.is_section ? "" : "reload";
}

}  // namespace

const std::vector<KeyRow>& key_rows() {
    static const std::vector<KeyRow> kRows = rows_of<PortalFile>();
    return kRows;
}

const std::vector<KeyRow>& agent_key_rows() {
    static const std::vector<KeyRow> kRows = rows_of<AgentConfig>();
    return kRows;
}

std::string section_of_key(std::string_view name) {
    std::string home;
    for (const KeyRow& row : key_rows()) {
        const std::size_t dot = row.path.rfind('.');
        if (std::string_view(row.path).substr(dot == std::string::npos ? 0 : dot + 1) != name) {
            continue;
        }
        const std::string section = dot == std::string::npos ? "the top level" : row.path.substr(0, dot);
        if (!home.empty() && home != section) {
            return {};
        }
        home = section;
    }
    return home;
}

std::string key_reference(const std::vector<KeyRow>& all_rows) {
    // Keys of one section stand together: a section's rows come before those of the sections inside it.
    std::vector<std::pair<std::string, std::vector<const KeyRow*>>> tables;
    for (const KeyRow& row : all_rows) {
        const std::size_t dot = row.path.rfind('.');
        const std::string section = dot == std::string::npos ? "" : row.path.substr(0, dot);
        auto table =
            std::find_if(tables.begin(), tables.end(), [&](const auto& known) { return known.first == section; });
        if (table == tables.end()) {
            table = tables.insert(tables.end(), {section, {}});
        }
        table->second.push_back(&row);
    }
    // The agent reads its file once, so its tables need no column for that.
    const bool reloads = std::any_of(all_rows.begin(), all_rows.end(), [](const KeyRow& row) { return row.restart; });
    std::string text;
    for (const auto& [section, rows] : tables) {
        text += "\n### " + (section.empty() ? "Top level" : "`" + section + "`") + "\n\n| key | value | default | " +
                (reloads ? "changed by | " : "") + "meaning |\n| --- | --- | --- | " + (reloads ? "--- | " : "") +
                "--- |\n";
        for (const KeyRow* row : rows) {
            const std::size_t dot = row->path.rfind('.');
            text += "| `" + row->path.substr(dot == std::string::npos ? 0 : dot + 1) + "` | " + cell(row->kind) +
                    " | " + cell(row->default_value) + " | " + (reloads ? changed_by(*row) + " | " : "") +
                    cell(row->help) + " |\n";
        }
    }
    return text + "\n";
}

}  // namespace portal::config
