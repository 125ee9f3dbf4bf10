// Which certificates end soon, for those who must be told: each once a day, since whoever reads Events sees only those
// of the last hour. Pure; is given the time.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace portal::certs {

class EndingCertificates {
  public:
    using TimePoint = std::chrono::system_clock::time_point;
    struct Certificate {
        std::string whose;  // "of LISTENER", "for node NAME"
        TimePoint not_after;
    };

    /// A certificate is spoken of from so long before its end; the alert CertificateExpiringSoon begins as early.
    static constexpr std::chrono::hours kSoon{24 * 14};

    /// A sentence for each that ends soon or has ended, unless it was said with as many days left.
    [[nodiscard]] std::vector<std::string> to_tell(const std::vector<Certificate>& served, TimePoint now);

  private:
    struct Told {
        TimePoint not_after;
        std::chrono::days left;
        bool operator==(const Told&) const = default;
    };
    std::map<std::string, Told> told_;  // by whose
};

}  // namespace portal::certs
