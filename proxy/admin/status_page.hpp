// The status page: one self-contained HTML document without scripts or external parts, readable on a phone, light or
// dark. Every text that comes from outside is escaped. Pure.
#pragma once

#include "admin/status_view.hpp"

#include <string>
#include <string_view>

namespace portal::admin {

[[nodiscard]] std::string render_status_page(const StatusView& status);

/// For element content and quoted attribute values.
[[nodiscard]] std::string escape_html(std::string_view text);

/// What the page needs, for the header Content-Security-Policy.
inline constexpr std::string_view kStatusPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace portal::admin
