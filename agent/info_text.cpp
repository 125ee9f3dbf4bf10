#include "agent/info_text.hpp"

#include <algorithm>
#include <charconv>

namespace portal::agent {

namespace {

std::optional<std::string_view> find_in(const InfoText::Fields& fields, std::string_view key) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [key](const auto& field) { return field.first == key; });
    return found == fields.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

InfoText::InfoText(std::string text) : text_(std::move(text)) {
    std::string_view rest = text_;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const auto colon = line.find(':');
        if (!line.starts_with('#') && colon != std::string_view::npos) {
            fields_.emplace_back(line.substr(0, colon), line.substr(colon + 1));
        }
    }
}

std::optional<std::string_view> InfoText::find(std::string_view key) const {
    return find_in(fields_, key);
}

std::optional<double> InfoText::number(std::string_view key) const {
    const auto found = find(key);
    return found ? number_of(*found) : std::nullopt;
}

InfoText::Fields parts_of(std::string_view value) {
    InfoText::Fields parts;
    while (!value.empty()) {
        const auto end = std::min(value.find(','), value.size());
        const auto piece = value.substr(0, end);
        value.remove_prefix(std::min(end + 1, value.size()));
        const auto equals = piece.find('=');
        if (equals != std::string_view::npos) {
            parts.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
        }
    }
    return parts;
}

std::string_view part(const InfoText::Fields& parts, std::string_view key) {
    return find_in(parts, key).value_or("");
}

std::optional<double> number_of(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

}  // namespace portal::agent
