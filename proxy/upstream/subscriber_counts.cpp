#include "upstream/subscriber_counts.hpp"

#include <algorithm>

namespace portal::upstream {

namespace {

constexpr char letter(SubscriptionKind kind) noexcept {
    return static_cast<char>('0' + static_cast<int>(kind));
}

bool is_pattern(std::string_view name) noexcept {
    return name.starts_with(letter(SubscriptionKind::pattern));
}

/// One element of a pattern other than '*': whether it takes the character `c`. `at` moves behind it. As redis-server
/// reads it: a class that is not closed ends with the pattern.
bool takes(std::string_view pattern, std::size_t& at, char c) noexcept {
    if (pattern[at] == '?') {
        ++at;
        return true;
    }
    if (pattern[at] != '[') {
        at += pattern[at] == '\\' && at + 1 < pattern.size() ? 1U : 0U;
        return pattern[at++] == c;
    }
    ++at;
    const bool negated = at < pattern.size() && pattern[at] == '^';
    at += negated ? 1U : 0U;
    bool found = false;
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '\\' && at + 1 < pattern.size()) {
            found = found || pattern[at + 1] == c;
            at += 2;
        } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
            // redis-server compares plain chars, whose sign is the machine's
            const int first = std::min(pattern[at], pattern[at + 2]);
            const int last = std::max(pattern[at], pattern[at + 2]);
            found = found || (c >= first && c <= last);
            at += 3;
        } else {
            found = found || pattern[at] == c;
            ++at;
        }
    }
    at += at < pattern.size() ? 1U : 0U;
    return found != negated;
}

}  // namespace

/// Where an element does not fit, the last '*' takes one character more. An earlier one never has to: what stands
/// between two of them fits best where it fits first.
bool matches_pattern(std::string_view pattern, std::string_view channel) noexcept {
    if (channel.empty()) {
        return pattern.empty();  // redis-server does not look at a pattern then
    }
    std::size_t at = 0;
    std::size_t taken = 0;
    std::size_t behind_star = std::string_view::npos;
    std::size_t star_took = 0;
    while (taken < channel.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            behind_star = ++at;
            star_took = taken;
        } else if (at < pattern.size() && takes(pattern, at, channel[taken])) {
            ++taken;
        } else if (behind_star != std::string_view::npos) {
            at = behind_star;
            taken = ++star_took;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') {
        ++at;
    }
    return at == pattern.size();
}

std::string counted_name(std::string_view node, SubscriptionKind kind, std::string_view name) {
    std::string out;
    out.reserve(node.size() + name.size() + 2);
    out += letter(kind);
    out += node;
    out += '\0';
    out += name;
    return out;
}

bool SubscriberCounts::set(std::string_view source, std::string_view name, std::uint32_t surplus) {
    auto found = sources_.find(source);
    if (found == sources_.end()) {
        if (surplus == 0) {
            return true;
        }
        found = sources_.emplace(std::string(source), Source{}).first;
    }
    Source& from = found->second;
    const auto entry = from.names.find(name);
    const std::uint32_t before = entry == from.names.end() ? 0 : entry->second;
    if (surplus == 0) {
        if (entry != from.names.end()) {
            from.names.erase(entry);
            from.bytes -= name.size();
        }
    } else if (entry != from.names.end()) {
        entry->second = surplus;
    } else {
        if (from.names.size() >= kMostNames || from.bytes + name.size() > kMostBytes || name.size() > kLongestName) {
            return false;
        }
        from.names.emplace(std::string(name), surplus);
        from.bytes += name.size();
    }
    change_sum(name, before, surplus);
    if (from.names.empty()) {
        sources_.erase(found);
    }
    return true;
}

std::uint32_t SubscriberCounts::of_source(std::string_view source, std::string_view name) const {
    const auto found = sources_.find(source);
    if (found == sources_.end()) {
        return 0;
    }
    const auto entry = found->second.names.find(name);
    return entry == found->second.names.end() ? 0 : entry->second;
}

bool SubscriberCounts::drop(std::string_view source) {
    const auto found = sources_.find(source);
    if (found == sources_.end()) {
        return false;
    }
    for (const auto& [name, surplus] : found->second.names) {
        change_sum(name, surplus, 0);
    }
    sources_.erase(found);
    return true;
}

void SubscriberCounts::change_sum(std::string_view name, std::uint32_t before, std::uint32_t after) {
    auto& sums = is_pattern(name) ? patterns_ : names_;
    auto found = sums.find(name);
    if (found == sums.end()) {
        if (after == 0) {
            return;
        }
        found = sums.emplace(std::string(name), 0).first;
    }
    found->second += after;
    found->second -= before;
    if (found->second == 0) {
        sums.erase(found);
    }
}

std::uint64_t SubscriberCounts::of(std::string_view name) const {
    const auto& sums = is_pattern(name) ? patterns_ : names_;
    const auto found = sums.find(name);
    return found == sums.end() ? 0 : found->second;
}

std::uint64_t SubscriberCounts::by_patterns(std::string_view node, std::string_view channel) const {
    std::uint64_t sum = 0;
    if (patterns_.empty()) {
        return sum;
    }
    const std::string prefix = counted_name(node, SubscriptionKind::pattern, {});
    for (const auto& [name, surplus] : patterns_) {
        if (name.starts_with(prefix) && matches_pattern(std::string_view(name).substr(prefix.size()), channel)) {
            sum += surplus;
        }
    }
    return sum;
}

}  // namespace portal::upstream
