#include "identity/refusal.hpp"

namespace portal::identity {

std::string_view sentence_of(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::none:
            return "is accepted";
        case Refusal::too_long:
            return "is longer than 8 KiB";
        case Refusal::no_token:
            return "is no JWT: three parts in base64url with two dots between them are expected";
        case Refusal::header:
            return "has a header that is no JSON object, is too deep, or has fields of a wrong type";
        case Refusal::critical:
            return "has a header with `crit`, which is not supported";
        case Refusal::type:
            return "is of another type (`typ`) than JWT or at+jwt";
        case Refusal::algorithm:
            return "has an algorithm that is not accepted: RS256, ES256 and EdDSA are";
        case Refusal::claims:
            return "has claims that are no JSON object, or are too deep";
        case Refusal::issuer:
            return "is of no issuer under identity.issuers";
        case Refusal::unknown_key:
            return "is signed with a key that is not in the issuer's JWKS";
        case Refusal::other_algorithm:
            return "names an algorithm that is not the key's";
        case Refusal::ambiguous_key:
            return "does not tell by `kid` which of several keys has signed it";
        case Refusal::signature:
            return "has a signature that does not fit";
        case Refusal::audience:
            return "is for another audience";
        case Refusal::no_end:
            return "has no end (`exp`)";
        case Refusal::ended:
            return "has ended";
        case Refusal::not_yet:
            return "is not valid yet (`nbf`)";
        case Refusal::issued_later:
            return "was issued in the future (`iat`)";
        case Refusal::times:
            return "has a time that is no number of seconds";
        case Refusal::no_rule:
            return "fits no rule under identity.rules";
        case Refusal::template_claim:
            return "lacks a claim that the rule's user is made of, or has another type than text there";
        case Refusal::template_text:
            return "has characters in a claim that may not stand in a user's name: letters, digits, `.`, `_`, `-` and "
                   "`@` may, 64 at most";
        case Refusal::reserved_user:
            return "would give a user that only a rule without a claim in its `user` may give";
        case Refusal::unknown_user:
            return "gives a user that is not under identity.users";
    }
    return "is refused";
}

}  // namespace portal::identity
