// What one node was told under a name, how it shows that since, and what it refused: so that it is told once, also
// where it writes things in its own way ("100mb" is shown as 104857600). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace portal::sentinel {

class Told {
  public:
    /// Whether a node that shows `has` is to be told `wanted`.
    [[nodiscard]] bool due(std::string_view name, std::string_view wanted, std::string_view has) const {
        if (has == wanted) {
            return false;
        }
        const auto told = told_.find(name);
        const bool same = told != told_.end() && told->second.wanted == wanted;
        return !same || (told->second.refusal.empty() && told->second.shown != has);
    }
    void accepted(const std::string& name, std::string wanted, std::string shown) {
        told_[name] = {std::move(wanted), std::move(shown), {}};
    }
    /// It is not told the same again until forget().
    void refused(const std::string& name, std::string wanted, std::string why) {
        told_[name] = {std::move(wanted), {}, std::move(why)};
    }
    /// Another process may be there, or other rights.
    void forget() { told_.clear(); }
    /// In the node's words; empty: it does not refuse that.
    [[nodiscard]] std::string refusal(std::string_view name, std::string_view wanted) const {
        const auto told = told_.find(name);
        return told != told_.end() && told->second.wanted == wanted ? told->second.refusal : std::string();
    }

  private:
    struct Entry {
        std::string wanted;
        std::string shown;
        std::string refusal;  // empty: it took it
    };
    std::map<std::string, Entry, std::less<>> told_;  // by name, the newest
};

}  // namespace portal::sentinel
