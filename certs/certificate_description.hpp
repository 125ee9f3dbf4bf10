// What a certificate says, as plain values for people, metrics and the log. Owns its strings; knows no file.
#pragma once

#include "certs/openssl_handles.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace portal::certs {

using TimePoint = std::chrono::system_clock::time_point;

struct CertificateDescription {
    std::string subject;  // RFC 2253, such as "CN=portal"
    std::string issuer;
    std::string serial;              // hexadecimal
    std::vector<std::string> names;  // subject alternative names: DNS names and addresses, as written by people
    TimePoint not_before;
    TimePoint not_after;
    std::string sha256_fingerprint;  // lower-case hexadecimal, of the DER bytes
    std::string key;                 // such as "EC prime256v1" or "RSA 2048"
    bool is_authority = false;
};

CertificateDescription describe_certificate(X509* certificate);

/// Seconds precision, UTC: 2026-11-23T12:00:00Z.
std::string format_time(TimePoint time);

}  // namespace portal::certs
