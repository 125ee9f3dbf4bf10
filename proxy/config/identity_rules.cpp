#include "config/identity_rules.hpp"

#include <algorithm>
#include <utility>

namespace portal::config {

namespace {

constexpr std::size_t kLongestPath = 256;
constexpr std::size_t kLongestValue = 512;
constexpr std::size_t kLongestUser = 128;
/// May stand in a rule's user, and in no claim that becomes part of one.
constexpr std::string_view kSeparators = ":/+";

bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_literal_character(char c) noexcept {
    return is_user_character(c) || kSeparators.find(c) != std::string_view::npos;
}

/// Empty, or why the path is none.
std::string why_no_path(std::string_view path) {
    if (path.empty() || path.size() > kLongestPath || path.starts_with('/') || path.ends_with('/') ||
        path.find("//") != std::string_view::npos) {
        return in_quotes(path) + " is no claim; write its name, or names with a / between them";
    }
    for (std::size_t i = path.find('~'); i != std::string_view::npos; i = path.find('~', i + 1)) {
        if (i + 1 >= path.size() || (path[i + 1] != '0' && path[i + 1] != '1')) {
            return in_quotes(path) + " has a ~ that is neither ~0 (a ~) nor ~1 (a / within a name)";
        }
    }
    const bool plain =
        std::ranges::none_of(path, [](char c) { return c == '{' || c == '}' || c < ' ' || c == '\x7f'; });
    return plain ? "" : in_quotes(path) + " has a character that the name of a claim may not have here";
}

}  // namespace

Parsed<std::string> ClaimRule::parse(const std::string& text) const {
    if (std::string complaint = why_no_path(text); !complaint.empty()) {
        return Parsed<std::string>::wrong(std::move(complaint));
    }
    return Parsed<std::string>::of(text);
}

Parsed<std::string> ClaimValueRule::parse(const std::string& text) const {
    if (text.empty() || text.size() > kLongestValue) {
        return Parsed<std::string>::wrong("must be 1 to 512 characters");
    }
    if (const std::size_t star = text.find('*'); star != std::string::npos && star + 1 != text.size()) {
        return Parsed<std::string>::wrong(in_quotes(text) + " has a * that is not at its end");
    }
    return Parsed<std::string>::of(text);
}

bool is_user_character(char c) noexcept {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-' || c == '@';
}

Parsed<std::vector<UserPart>> user_parts(std::string_view text) {
    using Result = Parsed<std::vector<UserPart>>;
    if (text.empty() || text.size() > 4 * kLongestUser) {
        return Result::wrong("is no user; write the name of a user of Redis");
    }
    std::vector<UserPart> parts;
    while (!text.empty()) {
        if (text.front() != '{') {
            const std::string_view literal = text.substr(0, text.find('{'));
            if (!std::ranges::all_of(literal, &is_literal_character) || literal.size() > kLongestUser) {
                return Result::wrong(in_quotes(text) +
                                     " has a character that may not stand in a user's name here: letters, digits and "
                                     "._-@:/+ may");
            }
            parts.push_back({std::string(literal), false});
            text.remove_prefix(literal.size());
            continue;
        }
        const std::size_t end = text.find('}');
        const std::string_view path = text.substr(1, end == std::string_view::npos ? end : end - 1);
        if (end == std::string_view::npos) {
            return Result::wrong(in_quotes(text) + " has a { without a }");
        }
        if (std::string complaint = why_no_path(path); !complaint.empty()) {
            return Result::wrong(std::move(complaint));
        }
        const bool follows = !parts.empty() && parts.back().is_claim;
        const bool apart = parts.size() < 2 || parts.back().text.find_first_of(kSeparators) != std::string::npos;
        if (follows || !apart) {
            return Result::wrong(
                "has two claims without a : / or + between them, so that two identities could give one user");
        }
        parts.push_back({std::string(path), true});
        text.remove_prefix(end + 1);
    }
    return Result::of(std::move(parts));
}

Parsed<std::string> UserNameRule::parse(const std::string& text) const {
    if (text.find('{') != std::string::npos) {
        return Parsed<std::string>::wrong(in_quotes(text) + " is no name of a user; only rules may have claims there");
    }
    return UserTemplateRule{}.parse(text);
}

Parsed<std::string> UserTemplateRule::parse(const std::string& text) const {
    auto parts = user_parts(text);
    if (!parts.value) {
        return Parsed<std::string>::wrong(std::move(parts.complaint));
    }
    return Parsed<std::string>::of(text);
}

}  // namespace portal::config
