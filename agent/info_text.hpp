// The text of INFO as fields. Accepts any text; what is not `key:value` is left out. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::agent {

class InfoText {
  public:
    explicit InfoText(std::string text);
    InfoText(const InfoText&) = delete;
    InfoText& operator=(const InfoText&) = delete;

    using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
    [[nodiscard]] const Fields& fields() const noexcept { return fields_; }
    /// Nothing when there is no such field.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const;
    [[nodiscard]] std::string text(std::string_view key) const { return std::string(find(key).value_or("")); }
    /// Nothing when the field is missing or no number.
    [[nodiscard]] std::optional<double> number(std::string_view key) const;

  private:
    std::string text_;
    Fields fields_;  // views into text_
};

/// "a=1,b=2" as fields.
[[nodiscard]] InfoText::Fields parts_of(std::string_view value);
[[nodiscard]] std::string_view part(const InfoText::Fields& parts, std::string_view key);
[[nodiscard]] std::optional<double> number_of(std::string_view text);

}  // namespace portal::agent
