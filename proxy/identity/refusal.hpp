// Why a token does not log anybody in. For the log and the dry run only: a client hears the same for all of them. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace portal::identity {

enum class Refusal : std::uint8_t {
    none,
    too_long,
    no_token,
    header,
    critical,
    type,
    algorithm,
    claims,
    issuer,
    unknown_key,
    other_algorithm,
    ambiguous_key,
    signature,
    audience,
    no_end,
    ended,
    not_yet,
    issued_later,
    times,
    no_rule,
    template_claim,
    template_text,
    reserved_user,
    unknown_user,
};

/// Completes "the token ...". Holds nothing out of a token.
[[nodiscard]] std::string_view sentence_of(Refusal refusal) noexcept;

}  // namespace portal::identity
