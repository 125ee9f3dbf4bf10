#include "config/config_change.hpp"

#include "config/upkeep_keys.hpp"

#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace portal::config {

namespace {

struct Leaf {
    std::string path;
    std::string text;  // may be a secret: compared, never shown
    Change change = Change::reload;
};

/// The visitor of config_keys.hpp that lists all values that a configuration has.
class LeafWriter {
  public:
    LeafWriter(std::vector<Leaf>& leaves, std::string prefix, Change change)
        : leaves_(leaves), prefix_(std::move(prefix)), change_(change) {}

    template <class Field, class Rule>
    void value(const Key& key, const Field& field, const Rule& rule) {
        if constexpr (requires { field.has_value(); }) {
            if (field) {
                add(key, rule.print(*field));
            }
        } else {
            add(key, rule.print(field));
        }
    }

    template <class Field, class Rule>
    void list(const Key& key, const std::vector<Field>& field, const Rule& rule) {
        std::string text;
        for (const Field& element : field) {
            text += rule.print(element) + '\n';
        }
        add(key, std::move(text));
    }

    void conditions(const Key& key, const std::vector<ClaimCondition>& conditions) {
        std::string text;
        for (const ClaimCondition& condition : conditions) {
            text += condition.claim + ':';
            for (const std::string& value : condition.values) {
                text += ' ' + value;
            }
            text += '\n';
        }
        add(key, std::move(text));
    }

    template <class Section>
    void section(const Key& key, Section& section) {
        descend(key, "", section);
    }

    template <class Section>
    void optional_section(const Key& key, std::optional<Section>& section) {
        if (section) {
            descend(key, "", *section);
        }
    }

    template <class Section>
    void sections(const Key& key, std::vector<Section>& sections) {
        for (std::size_t i = 0; i < sections.size(); ++i) {
            descend(key, "[" + std::to_string(i) + "]", sections[i]);
        }
    }

    template <class Kind, class Variant>
    void alternative(const Key& key, Variant& variant) {
        if (auto* kind = std::get_if<Kind>(&variant)) {
            descend(key, "", *kind);
        }
    }

  private:
    [[nodiscard]] Change change_of(const Key& key) const {
        return change_ == Change::restart ? Change::restart : key.change;
    }

    void add(const Key& key, std::string text) {
        leaves_.push_back({prefix_ + std::string(key.name), std::move(text), change_of(key)});
    }

    template <class Section>
    void descend(const Key& key, const std::string& index, Section& section) {
        LeafWriter inner(leaves_, prefix_ + std::string(key.name) + index + ".", change_of(key));
        visit_keys(inner, section);
    }

    std::vector<Leaf>& leaves_;
    std::string prefix_;
    Change change_;
};

std::vector<Leaf> leaves_of(PortalFile file) {
    Config& config = file.config;
    // A secret out of a file is compared under the key of the file.
    std::vector<Leaf> leaves;
    if (config.monitor.password_file) {
        *config.monitor.password_file += '\n' + config.monitor.password.value_or("");
        config.monitor.password.reset();
    }
    if (config.tickets.secret_file) {
        *config.tickets.secret_file += '\n' + config.tickets.secret.value_or("");
    }
    for (const auto& [name, rules] : config.acl.users) {
        config.acl.source += '\n' + name + ' ' + rules;
    }
    if (auto* etcd = std::get_if<EtcdArbiter>(&config.arbiter); etcd != nullptr && etcd->password_file) {
        *etcd->password_file += '\n' + etcd->password.value_or("");
    }
    if (config.identity) {
        for (IdentityIssuer& issuer : config.identity->issuers) {
            issuer.jwks += '\n' + issuer.keys;
        }
        for (IdentityUser& user : config.identity->users) {
            user.password_file += '\n' + user.password;
        }
    }
    LeafWriter writer(leaves, "", Change::reload);
    visit_keys(writer, file);
    return leaves;
}

}  // namespace

ConfigChange compare(const PortalFile& running, const PortalFile& wanted) {
    const std::vector<Leaf> before = leaves_of(running);
    const std::vector<Leaf> after = leaves_of(wanted);
    std::map<std::string, std::string> known;
    for (const Leaf& leaf : before) {
        known.emplace(leaf.path, leaf.text);
    }
    ConfigChange change;
    const auto note = [&](const Leaf& leaf) {
        (leaf.change == Change::restart ? change.restart : change.reloadable).push_back(leaf.path);
    };
    for (const Leaf& leaf : after) {
        const auto found = known.find(leaf.path);
        if (found == known.end() || found->second != leaf.text) {
            note(leaf);
        }
        if (found != known.end()) {
            known.erase(found);
        }
    }
    for (const Leaf& leaf : before) {
        if (known.contains(leaf.path)) {
            note(leaf);
        }
    }
    return change;
}

std::string list_in_words(const std::vector<std::string>& paths) {
    std::string text;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == paths.size() ? " and " : ", ") + paths[i];
    }
    return text;
}

}  // namespace portal::config
