#include "certs/certificate_description.hpp"

#include "certs/pem_files.hpp"

#include <arpa/inet.h>
#include <array>
#include <ctime>

namespace portal::certs {

namespace {

std::string name_text(const X509_NAME* name) {
    const BioHandle bio(BIO_new(BIO_s_mem()));
    // Without ESC_MSB, UTF-8 names stay readable.
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string string_text(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) {
        return "address of " + std::to_string(ASN1_STRING_length(bytes)) + " bytes";
    }
    return inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(), text.size()) == nullptr ? std::string()
                                                                                                : text.data();
}

std::vector<std::string> alternative_names(const X509* certificate) {
    std::vector<std::string> names;
    const GeneralNamesHandle found(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; found != nullptr && i < sk_GENERAL_NAME_num(found.get()); ++i) {
        int type = 0;
        const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(found.get(), i), &type);
        if (type == GEN_DNS) {
            names.push_back(string_text(static_cast<const ASN1_STRING*>(value)));
        } else if (type == GEN_IPADD) {
            names.push_back(address_text(static_cast<const ASN1_OCTET_STRING*>(value)));
        } else if (type == GEN_URI) {
            names.push_back("URI:" + string_text(static_cast<const ASN1_STRING*>(value)));
        } else if (type == GEN_EMAIL) {
            names.push_back("email:" + string_text(static_cast<const ASN1_STRING*>(value)));
        }
    }
    return names;
}

TimePoint to_time_point(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return {};
    }
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string serial_text(X509* certificate) {
    const BignumHandle number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
    char* text = number == nullptr ? nullptr : BN_bn2hex(number.get());
    std::string result = text == nullptr ? std::string() : std::string(text);
    OPENSSL_free(text);
    return result;
}

std::string key_text(X509* certificate) {
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) {
        return "unknown";
    }
    const char* type = EVP_PKEY_get0_type_name(key);
    std::string text = type == nullptr ? "unknown" : type;
    std::array<char, 64> group{};
    if (text == "EC" && EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
        return text + " " + group.data();
    }
    return text + " " + std::to_string(EVP_PKEY_get_bits(key));
}

}  // namespace

CertificateDescription describe_certificate(X509* certificate) {
    CertificateDescription description;
    description.subject = name_text(X509_get_subject_name(certificate));
    description.issuer = name_text(X509_get_issuer_name(certificate));
    description.serial = serial_text(certificate);
    description.names = alternative_names(certificate);
    description.not_before = to_time_point(X509_get0_notBefore(certificate));
    description.not_after = to_time_point(X509_get0_notAfter(certificate));
    description.key = key_text(certificate);
    description.is_authority = X509_check_ca(certificate) != 0;
    Sha256 digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1) {
        description.sha256_fingerprint = to_hex(digest);
    }
    return description;
}

std::string format_time(TimePoint time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

}  // namespace portal::certs
