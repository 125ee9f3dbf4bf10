// Tokens and key sets as whoever reaches the port may send them, or a file may hold them. A token out of bytes is never
// accepted unless it is the one that was signed; what is refused has a reason; and reading a key set twice gives the
// same. The key is made anew in each process, so a corpus holds none.
#include "identity/base64url.hpp"
#include "identity/verifier.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/unit/identity/token_maker.hpp"

#include <algorithm>

namespace portal::fuzz {
namespace {

using namespace identity;
using testing::encode_base64url;

constexpr std::string_view kPayload =
    R"({"iss":"https://i","aud":"a","sub":"alice","exp":1900000000,"kubernetes.io":{"namespace":"shop"}})";

struct World {
    testing::SigningKey key{Algorithm::eddsa, "k"};
    std::string good = key.token(kPayload);
    VerifierPtr verifier;

    World() {
        config::Identity settings;
        settings.issuers = {{.name = "i", .issuer = "https://i", .audience = "a"}};
        settings.issuers[0].keys = testing::key_set(key.jwk());
        settings.users = {{.name = "app"}, {.name = "team:shop"}};
        settings.rules = {{.when = {{"sub", {"alice"}}}, .user = "team:{kubernetes.io/namespace}"}};
        verifier = Verifier::make(settings).verifier;
        require(verifier != nullptr, "no verifier");
    }
};

const World& world() {
    static const World kWorld;
    return kWorld;
}

constexpr Time kNow = Time(std::chrono::seconds(1'800'000'000));

void check(std::string_view token) {
    const Verdict verdict = world().verifier->judge(token, kNow);
    require(verdict.kind != Verdict::Kind::accepted || token == world().good, "a token that nobody has signed");
    require((verdict.kind == Verdict::Kind::refused) <= (verdict.refusal != Refusal::none), "refused without a reason");
    require(looks_like_token(token) || verdict.kind == Verdict::Kind::not_ours, "no token, and refused");
}

/// The bytes as they are, as one of the three parts of the good token, and signed by the issuer itself.
void check_tokens(std::string_view bytes) {
    check(bytes);
    const std::string& good = world().good;
    const std::size_t first = good.find('.');
    const std::size_t second = good.find('.', first + 1);
    const std::string part = encode_base64url(bytes);
    check(part + good.substr(first));
    check(good.substr(0, first + 1) + part + good.substr(second));
    check(good.substr(0, second + 1) + part);
    const Verdict own = world().verifier->judge(world().key.token(bytes), kNow);
    if (own.kind == Verdict::Kind::accepted) {
        require(own.user == "team:shop" && own.identity != nullptr, "a user that no rule gives");
        const Verdict again = world().verifier->judge_again(own.identity);
        require(again.kind == Verdict::Kind::accepted && again.user == own.user, "judged again it is another");
    }
}

void check_keys(std::string_view bytes) {
    const auto once = KeySet::read(bytes);
    require(once.keys.has_value() == once.complaint.empty(), "refused without a reason, or good with one");
    const auto set = KeySet::read(testing::key_set(bytes));
    if (set.keys) {
        require(!set.keys->keys().empty(), "no key");
        for (const KeySet::Key& each : set.keys->keys()) {
            require(!each.key.verify("message", bytes), "a signature out of nothing");
            require(set.keys->holds(each.key.thumbprint()), "a key that is not there");
        }
    }
    if (const auto decoded = decode_base64url(bytes)) {
        require(encode_base64url(*decoded) == bytes, "two ways to write one value");
    }
}

}  // namespace

std::vector<std::string> seeds() {
    std::vector<std::string> result;
    for (const std::string& bytes :
         {world().good, std::string(kPayload), world().key.header(), world().key.jwk(),
          testing::key_set(world().key.jwk()), std::string(R"({"alg":"none"})"),
          std::string(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
          std::string(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"), std::string(R"({"alg":"EdDSA","crit":["b64"]})"),
          std::string(R"({"iss":"https://i","aud":["a"],"sub":["alice"],"exp":1.9e9,"nbf":-1})"),
          std::string("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2kifQ."), std::string(9000, '['),
          "eyJ" + std::string(9000, 'a') + ".."}) {
        result.push_back(std::string("\0\1", 2) + bytes);
    }
    return result;
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const portal::fuzz::Input input(data, size);
    portal::fuzz::check_tokens(input.bytes);
    portal::fuzz::check_keys(input.bytes);
    return 0;
}
