// The visitor of config_keys.hpp that fills structs from YAML and collects every problem on its way. Only the loaders
// include it, so that yaml-cpp stays in few places.
#pragma once

#include "config/config_keys.hpp"
#include "config/config_reference.hpp"
#include "config/findings.hpp"
#include "config/secret_files.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace portal::config {

inline Place place_of(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1};
}

class SectionReader {
  public:
    SectionReader(Findings& findings, const std::filesystem::path& folder, const YAML::Node& map, std::string path)
        : findings_(findings), folder_(folder), path_(std::move(path)) {
        for (const auto& entry : map) {
            add_entry(entry.first, entry.second);
        }
    }

    template <class Field, class Rule>
    void value(const Key& key, Field& field, const Rule& rule) {
        const Entry* entry = take(key);
        if (entry == nullptr) {
            return;
        }
        if (entry->value.IsNull()) {
            if constexpr (requires { field.reset(); }) {
                field.reset();
            } else {
                complain(*entry, "has no value; give one or leave the key out");
            }
            return;
        }
        if (auto parsed = parse(*entry, entry->path, entry->value, rule)) {
            field = std::move(*parsed);
        }
    }

    template <class Field, class Rule>
    void list(const Key& key, std::vector<Field>& field, const Rule& rule) {
        const Entry* entry = take(key);
        if (entry == nullptr || !is_list(*entry, key)) {
            return;
        }
        field.clear();
        for (std::size_t i = 0; i < entry->value.size(); ++i) {
            const YAML::Node element = entry->value[i];
            const std::string path = entry->path + "[" + std::to_string(i) + "]";
            findings_.place(path, place_of(element.Mark()));
            if (auto parsed = parse(*entry, path, element, rule)) {
                field.push_back(std::move(*parsed));
            }
        }
    }

    void conditions(const Key& key, std::vector<ClaimCondition>& conditions) {
        const Entry* entry = take(key);
        if (entry == nullptr) {
            return;
        }
        if (!entry->value.IsMap() || entry->value.size() == 0) {
            complain(*entry, "must name at least one claim, such as {sub: alice}; for any, {sub: \"*\"}");
            return;
        }
        conditions.clear();
        for (const auto& each : entry->value) {
            read_condition(*entry, each.first, each.second, conditions);
        }
    }

    template <class Section>
    void section(const Key& key, Section& section) {
        const Entry* entry = take(key);
        if (entry == nullptr) {
            return;
        }
        if (!entry->value.IsNull()) {
            read(entry->value, entry->path, section);
        } else if (key.need == Need::required) {
            complain(*entry, "has no value. " + std::string(key.help));
        }
    }

    template <class Section>
    void optional_section(const Key& key, std::optional<Section>& section) {
        const Entry* entry = take(key);
        if (entry == nullptr || entry->value.IsNull()) {
            return;
        }
        section.emplace();
        read(entry->value, entry->path, *section);
    }

    template <class Section>
    void sections(const Key& key, std::vector<Section>& sections) {
        const Entry* entry = take(key);
        if (entry == nullptr || !is_list(*entry, key)) {
            return;
        }
        for (std::size_t i = 0; i < entry->value.size(); ++i) {
            const YAML::Node element = entry->value[i];
            const std::string path = entry->path + "[" + std::to_string(i) + "]";
            findings_.place(path, place_of(element.Mark()));
            // Also a broken one, so that the others keep their numbers.
            read(element, path, sections.emplace_back());
        }
    }

    template <class Kind, class Variant>
    void alternative(const Key& key, Variant& variant) {
        alternatives_.push_back(key.name);
        const Entry* entry = take(key);
        if (entry == nullptr) {
            return;
        }
        if (!chosen_.empty()) {
            complain(*entry, "stands beside " + std::string(chosen_) + "; keep one of the two");
            return;
        }
        chosen_ = key.name;
        Kind kind;
        read(entry->value, entry->path, kind);
        variant = std::move(kind);
    }

    /// Reports what no row of the table asked for.
    void finish() const {
        for (const Entry& entry : entries_) {
            if (!entry.taken) {
                findings_.complain(place_of(entry.key_mark), path_, unknown_key(entry));
            }
        }
        if (!alternatives_.empty() && chosen_.empty()) {
            findings_.complain(path_, "names no kind; choose one of " + joined(alternatives_));
        }
    }

    /// One struct from one YAML map.
    template <class Section>
    static void read_section(Findings& findings, const std::filesystem::path& folder, const YAML::Node& node,
                             const std::string& path, Section& section) {
        if (!node.IsMap()) {
            findings.complain(place_of(node.Mark()), path, "must be a section of keys, such as {key: value}");
            return;
        }
        SectionReader reader(findings, folder, node, path);
        visit_keys(reader, section);
        reader.finish();
    }

  private:
    struct Entry {
        std::string name;
        std::string path;
        YAML::Node value;
        YAML::Mark key_mark;
        bool taken = false;
    };

    void add_entry(const YAML::Node& key, const YAML::Node& value) {
        if (!key.IsScalar()) {
            findings_.complain(place_of(key.Mark()), path_, "a key must be a single word");
            return;
        }
        const std::string& name = key.Scalar();
        const auto first =
            std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
        if (first != entries_.end()) {
            findings_.complain(place_of(key.Mark()), path_,
                               in_quotes(name) + " is given twice, first on line " +
                                   std::to_string(first->key_mark.line + 1) + "; keep one of the two");
            return;
        }
        entries_.push_back({name, join(name), value, key.Mark(), false});
        findings_.place(join(name), place_of(key.Mark()));
    }

    std::string join(std::string_view name) const {
        return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
    }

    Entry* take(const Key& key) {
        names_.push_back(key.name);
        for (Entry& entry : entries_) {
            if (entry.name == key.name) {
                entry.taken = true;
                return &entry;
            }
        }
        if (key.need == Need::required) {
            findings_.complain(join(key.name), "is missing. " + std::string(key.help));
        }
        return nullptr;
    }

    bool is_list(const Entry& entry, const Key& key) {
        if (!entry.value.IsSequence()) {
            complain(entry, "must be a list, such as [a, b]");
            return false;
        }
        if (key.need == Need::required && entry.value.size() == 0) {
            complain(entry, "is an empty list. " + std::string(key.help));
            return false;
        }
        return true;
    }

    void read_condition(const Entry& entry, const YAML::Node& claim, const YAML::Node& wanted,
                        std::vector<ClaimCondition>& conditions) {
        auto name = parse(entry, entry.path, claim, ClaimRule{});
        if (!name) {
            return;
        }
        ClaimCondition condition{std::move(*name), {}};
        const std::string path = entry.path + "." + condition.claim;
        if (std::ranges::any_of(conditions, [&](const auto& each) { return each.claim == condition.claim; })) {
            findings_.complain(place_of(claim.Mark()), path, "is given twice; give its values as a list");
            return;
        }
        if (wanted.IsSequence() && wanted.size() == 0) {
            findings_.complain(place_of(claim.Mark()), path, "is an empty list, which no claim fits");
            return;
        }
        for (std::size_t i = 0; i < (wanted.IsSequence() ? wanted.size() : 1); ++i) {
            const YAML::Node value = wanted.IsSequence() ? wanted[i] : wanted;
            if (auto parsed = parse(entry, path, value, ClaimValueRule{})) {
                condition.values.push_back(std::move(*parsed));
            }
        }
        conditions.push_back(std::move(condition));
    }

    template <class Rule>
    std::optional<typename Rule::Value> parse(const Entry& entry, const std::string& path, const YAML::Node& node,
                                              const Rule& rule) {
        if (!node.IsScalar()) {
            // An empty place has the mark of nothing; the key's is near enough.
            findings_.complain(place_of(entry.key_mark), path, "must be a single value");
            return std::nullopt;
        }
        auto parsed = rule.parse(node.Scalar());
        if constexpr (std::is_same_v<Rule, FileRule>) {
            if (parsed.value) {
                parsed = locate(*parsed.value, rule.use);
            }
        }
        if constexpr (std::is_same_v<Rule, AclSourceRule>) {
            if (parsed.value && Acl::is_file(*parsed.value)) {
                parsed = locate(*parsed.value, FileUse::read);
            }
        }
        if (!parsed.complaint.empty()) {
            findings_.complain(place_of(node.Mark()), path, parsed.complaint);
            return std::nullopt;
        }
        return std::move(parsed.value);
    }

    Parsed<std::string> locate(const std::string& written, FileUse use) const {
        // operator/ keeps an absolute path as it is.
        std::string path = (folder_ / written).lexically_normal().string();
        const std::string complaint = use == FileUse::read ? why_unreadable(path) : std::string();
        if (complaint.empty()) {
            return Parsed<std::string>::of(std::move(path));
        }
        const bool relative = std::filesystem::path(written).is_relative();
        return Parsed<std::string>::wrong(complaint + (relative ? "; relative paths start at this file's folder" : ""));
    }

    template <class Section>
    void read(const YAML::Node& node, const std::string& path, Section& section) {
        read_section(findings_, folder_, node, path, section);
    }

    void complain(const Entry& entry, const std::string& complaint) {
        findings_.complain(place_of(entry.key_mark), entry.path, complaint);
    }

    std::string unknown_key(const Entry& entry) const {
        const std::string unknown = "unknown key " + in_quotes(entry.name);
        if (const auto meant = nearest_word(entry.name, names_)) {
            return unknown + "; did you mean " + std::string(*meant) + "?";
        }
        if (const std::string home = section_of_key(entry.name); !home.empty() && home != path_) {
            return unknown + "; it belongs under " + home;
        }
        // A word without a value may be a secret that slipped out of its place, so it is not repeated.
        return (entry.value.IsNull() ? "a word that is no key" : unknown) + "; the keys here are " + joined(names_);
    }

    static std::string joined(const std::vector<std::string_view>& words) {
        std::string text;
        for (const std::string_view word : words) {
            text += (text.empty() ? "" : ", ") + std::string(word);
        }
        return text;
    }

    Findings& findings_;
    const std::filesystem::path& folder_;
    std::string path_;
    std::vector<Entry> entries_;
    std::vector<std::string_view> names_;
    std::vector<std::string_view> alternatives_;
    std::string_view chosen_;
};

}  // namespace portal::config
