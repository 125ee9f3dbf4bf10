#include "config/effective_config.hpp"

#include "config/upkeep_keys.hpp"

#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/stlemitter.h>

namespace portal::config {

namespace {

/// The visitor of config_keys.hpp that prints.
class Printer {
  public:
    explicit Printer(YAML::Emitter& out) : out_(out) {}

    template <class Field, class Rule>
    void value(const Key& key, const Field& field, const Rule& rule) {
        name(key);
        if constexpr (requires { field.has_value(); }) {
            if (field) {
                out_ << shown(rule, *field);
            } else {
                out_ << YAML::Null;
            }
        } else {
            out_ << shown(rule, field);
        }
    }

    template <class Field, class Rule>
    void list(const Key& key, const std::vector<Field>& field, const Rule& rule) {
        name(key);
        out_ << YAML::Flow << YAML::BeginSeq;
        for (const Field& element : field) {
            out_ << shown(rule, element);
        }
        out_ << YAML::EndSeq;
    }

    void conditions(const Key& key, const std::vector<ClaimCondition>& conditions) {
        name(key);
        out_ << YAML::BeginMap;
        for (const ClaimCondition& condition : conditions) {
            out_ << YAML::Key << condition.claim << YAML::Value;
            if (condition.values.size() == 1) {
                out_ << condition.values.front();
            } else {
                out_ << YAML::Flow << condition.values;
            }
        }
        out_ << YAML::EndMap;
    }

    template <class Section>
    void section(const Key& key, Section& section) {
        name(key);
        map(section);
    }

    template <class Section>
    void optional_section(const Key& key, std::optional<Section>& section) {
        name(key);
        if (section) {
            map(*section);
        } else {
            out_ << YAML::Null;
        }
    }

    template <class Section>
    void sections(const Key& key, std::vector<Section>& sections) {
        name(key);
        out_ << YAML::BeginSeq;
        for (Section& section : sections) {
            map(section);
        }
        out_ << YAML::EndSeq;
    }

    template <class Kind, class Variant>
    void alternative(const Key& key, Variant& variant) {
        if (auto* kind = std::get_if<Kind>(&variant)) {
            name(key);
            map(*kind);
        }
    }

    template <class Section>
    void map(Section& section) {
        out_ << YAML::BeginMap;
        visit_keys(*this, section);
        out_ << YAML::EndMap;
    }

  private:
    void name(const Key& key) { out_ << YAML::Key << std::string(key.name) << YAML::Value; }

    template <class Rule, class Value>
    static std::string shown(const Rule& rule, const Value& value) {
        if constexpr (std::is_same_v<Rule, TextRule>) {
            if (rule.secret) {
                return "********";
            }
        }
        return rule.print(value);
    }

    YAML::Emitter& out_;
};

}  // namespace

std::string effective_yaml(const Config& config, const Upkeep& upkeep) {
    PortalFile shown{config, upkeep};
    if (shown.config.monitor.password_file) {
        // It was read from the file, which is printed; both together would not load.
        shown.config.monitor.password.reset();
    }
    YAML::Emitter out;
    Printer printer(out);
    printer.map(shown);
    return std::string(out.c_str()) + "\n";
}

}  // namespace portal::config
