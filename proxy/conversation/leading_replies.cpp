#include "conversation/leading_replies.hpp"

#include "conversation/client_errors.hpp"

#include <algorithm>
#include <array>

namespace portal::conversation {

namespace {

bool names_reason(std::string_view words) noexcept {
    constexpr std::array<std::string_view, 4> kStarts{"READONLY ", "LOADING ", "MASTERDOWN ",
                                                      "UNBLOCKED force unblock from blocking operation"};
    return std::ranges::any_of(kStarts, [&](std::string_view start) { return words.starts_with(start); });
}

}  // namespace

bool says_not_leading(std::string_view frame) noexcept {
    return frame.starts_with('-') && names_reason(frame.substr(1));
}

bool exec_says_not_leading(std::string_view frame) noexcept {
    const std::string_view start = client_errors::kExecAbortedBy;
    return frame.starts_with('-') && frame.substr(1).starts_with(start) && names_reason(frame.substr(1 + start.size()));
}

bool may_say_anything(const command::CommandRow& row) noexcept {
    return row.runs_code || row.handling == command::Handling::script || row.handling == command::Handling::unknown;
}

std::string_view error_words(std::string_view frame) noexcept {
    return frame.substr(1, frame.find('\r') - 1);
}

}  // namespace portal::conversation
