#include "certs/ending_certificates.hpp"

#include "certs/certificate_description.hpp"

#include <utility>

namespace portal::certs {

std::vector<std::string> EndingCertificates::to_tell(const std::vector<Certificate>& served, TimePoint now) {
    std::vector<std::string> sentences;
    std::map<std::string, Told> told;
    for (const auto& [whose, not_after] : served) {
        if (not_after - now > kSoon) {
            continue;
        }
        const Told present{not_after, std::chrono::floor<std::chrono::days>(not_after - now)};
        const auto before = told_.find(whose);
        if (before == told_.end() || before->second != present) {
            sentences.push_back("the certificate " + whose + (not_after > now ? " ends on " : " ended on ") +
                                format_time(not_after) + "; put a new one in its place, it is taken over at once");
        }
        told.emplace(whose, present);
    }
    told_ = std::move(told);
    return sentences;
}

}  // namespace portal::certs
