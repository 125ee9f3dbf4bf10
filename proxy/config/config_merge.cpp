#include "config/config_merge.hpp"

#include "config/upkeep_keys.hpp"

#include <algorithm>
#include <any>
#include <map>
#include <string>
#include <utility>

namespace portal::config {
namespace {

using Values = std::map<std::string, std::any>;

/// The visitor of config_keys.hpp for the values of keys that need a restart: notes them down, or puts them back.
class Keeper {
  public:
    enum class Task : std::uint8_t { note, put_back };

    Keeper(Values& values, Task task, std::string prefix) : values_(values), task_(task), prefix_(std::move(prefix)) {}

    template <class Field, class Rule>
    void value(const Key& key, Field& field, const Rule& /*rule*/) {
        if (key.change == Change::restart) {
            keep(key, field);
        }
    }
    template <class Field, class Rule>
    void list(const Key& key, std::vector<Field>& field, const Rule& /*rule*/) {
        if (key.change == Change::restart) {
            keep(key, field);
        }
    }
    template <class Section>
    void section(const Key& key, Section& section) {
        if (key.change == Change::restart) {
            keep(key, section);
        } else {
            Keeper inner(values_, task_, prefix_ + std::string(key.name) + ".");
            visit_keys(inner, section);
        }
    }
    template <class Section>
    void optional_section(const Key& key, std::optional<Section>& section) {
        if (key.change == Change::restart) {
            keep(key, section);
        }
    }
    /// Elements that come and go as they like. Those that do not are put back by keep_listeners().
    template <class Section>
    void sections(const Key& /*key*/, std::vector<Section>& /*sections*/) {}
    void conditions(const Key& /*key*/, std::vector<ClaimCondition>& /*conditions*/) {}
    template <class Kind, class Variant>
    void alternative(const Key& /*key*/, Variant& /*variant*/) {}

  private:
    template <class Value>
    void keep(const Key& key, Value& value) {
        auto& kept = values_[prefix_ + std::string(key.name)];
        if (task_ == Task::note) {
            kept = value;
        } else {
            value = std::any_cast<const Value&>(kept);
        }
    }

    Values& values_;
    Task task_;
    std::string prefix_;
};

void keep_listeners(const std::vector<Listener>& running, std::vector<Listener>& wanted) {
    auto kept = running;
    for (auto& listener : kept) {
        const auto same = std::ranges::find_if(wanted, [&](const Listener& other) {
            return other.address == listener.address && other.serves == listener.serves;
        });
        if (same != wanted.end()) {
            listener = *same;
        }
    }
    wanted = std::move(kept);
}

}  // namespace

PortalFile keep_what_needs_a_restart(const PortalFile& running, PortalFile wanted) {
    Values values;
    auto source = running;
    Keeper note(values, Keeper::Task::note, "");
    visit_keys(note, source);
    Keeper put_back(values, Keeper::Task::put_back, "");
    visit_keys(put_back, wanted);
    keep_listeners(running.config.listen, wanted.config.listen);
    return wanted;
}

}  // namespace portal::config
