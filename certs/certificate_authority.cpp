#include "certs/certificate_authority.hpp"

#include "certs/pem.hpp"
#include "certs/pem_files.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include <openssl/crypto.h>

namespace portal::certs {

namespace {

// Clients whose clock is a little behind must accept a certificate that was made a moment ago.
constexpr std::chrono::minutes kClockTolerance{5};
constexpr std::size_t kMaxCommonName = 64;  // RFC 5280, ub-common-name
constexpr Days kMaxValidity{36500};

struct AddressBytes {
    std::array<unsigned char, 16> bytes{};
    int size = 0;
};

std::optional<AddressBytes> parse_address(const std::string& text) {
    AddressBytes address;
    if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
        address.size = 4;
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
        address.size = 16;
        return address;
    }
    return std::nullopt;
}

bool is_dns_name(const std::string& name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    const std::string bare = name.starts_with("*.") ? name.substr(2) : name;
    // A last label of digits only is an address with a typing error, such as 10.0.0.256.
    const std::string last_label = bare.substr(bare.rfind('.') + 1);
    return !bare.empty() && name.size() <= 253 && std::all_of(bare.begin(), bare.end(), allowed) &&
           bare.front() != '.' && bare.find("..") == std::string::npos && !last_label.empty() &&
           !std::all_of(last_label.begin(), last_label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<GeneralNamesHandle> to_general_names(const std::vector<std::string>& names) {
    if (names.empty()) {
        return Error{"No name was given; list the host names and addresses that clients connect to"};
    }
    GeneralNamesHandle result(GENERAL_NAMES_new());
    for (const std::string& name : names) {
        GeneralNameHandle entry(GENERAL_NAME_new());
        if (const auto address = parse_address(name)) {
            OctetStringHandle bytes(ASN1_OCTET_STRING_new());
            if (bytes == nullptr || ASN1_OCTET_STRING_set(bytes.get(), address->bytes.data(), address->size) != 1) {
                return openssl_error("Cannot encode the address " + name);
            }
            GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, bytes.release());
        } else if (is_dns_name(name)) {
            Handle<ASN1_IA5STRING, ASN1_IA5STRING_free> text(ASN1_IA5STRING_new());
            if (text == nullptr || ASN1_STRING_set(text.get(), name.data(), static_cast<int>(name.size())) != 1) {
                return openssl_error("Cannot encode the name " + name);
            }
            GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
        } else {
            return Error{"'" + name +
                         "' is neither a host name nor an address; write it as clients do, without a port"};
        }
        if (sk_GENERAL_NAME_push(result.get(), entry.get()) == 0) {
            return openssl_error("Cannot list the name " + name);
        }
        static_cast<void>(entry.release());  // the list owns it now
    }
    return result;
}

bool add_extension(X509* certificate, X509V3_CTX* context, int nid, const char* value) {
    const ExtensionHandle extension(X509V3_EXT_nconf_nid(nullptr, context, nid, value));
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
    // 127 bits with the highest set: positive in 16 bytes, as RFC 5280 wants it.
    const BignumHandle number(BN_new());
    return number != nullptr && BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, TimePoint from, TimePoint until) {
    return ASN1_TIME_set(X509_getm_notBefore(certificate), std::chrono::system_clock::to_time_t(from)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), std::chrono::system_clock::to_time_t(until)) != nullptr;
}

bool set_common_name(X509* certificate, const std::string& name) {
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()),
                                      static_cast<int>(name.size()), -1, 0) == 1;
}

/// Everything that a CA and a leaf have in common.
X509Handle start_certificate(EVP_PKEY* key, const std::string& common_name, TimePoint from, TimePoint until) {
    X509Handle certificate(X509_new());
    if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
        !set_random_serial(certificate.get()) || !set_validity(certificate.get(), from, until) ||
        !set_common_name(certificate.get(), common_name) || X509_set_pubkey(certificate.get(), key) != 1) {
        return nullptr;
    }
    return certificate;
}

Result<PemPair> to_pem(X509* certificate, EVP_PKEY* key) {
    auto certificate_pem = certificate_to_pem(certificate);
    auto key_pem = private_key_to_pem(key);
    if (!certificate_pem) {
        return certificate_pem.error();
    }
    if (!key_pem) {
        return key_pem.error();
    }
    return PemPair(std::move(*certificate_pem), std::move(*key_pem));
}

Result<void> check_validity(Days days) {
    if (days < Days{1} || days > kMaxValidity) {
        return Error{"A certificate must be valid for 1 to " + std::to_string(kMaxValidity.count()) + " days, not " +
                     std::to_string(days.count())};
    }
    return {};
}

Result<CertificateAuthority> load_authority(const std::string& ca_file, const std::string& key_file, TimePoint now) {
    auto certificate = read_pem_file(ca_file);
    if (!certificate) {
        return certificate.error();
    }
    auto key = read_pem_file(key_file);
    if (!key) {
        return key.error();
    }
    auto authority =
        CertificateAuthority::from_pem(PemPair(std::move(*certificate), std::move(*key)), ca_file, key_file);
    if (!authority) {
        return authority;
    }
    const auto parsed = parse_certificates(authority->pem().certificate, ca_file);
    const TimePoint end = describe_certificate(parsed->front().get()).not_after;
    if (end <= now) {
        return Error{"The CA in " + ca_file + " ended on " + format_time(end) +
                     "; move ca.crt and ca.key away and run the command again to make a new CA"};
    }
    return authority;
}

Result<CertificateAuthority> make_authority(const std::string& ca_file, const std::string& key_file,
                                            const InitOptions& options) {
    auto authority =
        CertificateAuthority::create(options.authority_common_name, options.authority_valid_for, options.now);
    if (!authority) {
        return authority;
    }
    // The key first: a ca.crt that others start to trust must never be without its key.
    if (auto written = write_file(key_file, authority->pem().key, FileMode::owner_only, IfPresent::fail); !written) {
        return written.error();
    }
    if (auto written = write_file(ca_file, authority->pem().certificate, FileMode::everyone_reads, IfPresent::fail);
        !written) {
        std::error_code ignored;
        std::filesystem::remove(key_file, ignored);
        return written.error();
    }
    return authority;
}

/// Both or none: a certificate of another key than the one beside it would keep a portal from starting.
Result<void> write_leaf(const InitializedDirectory& files, const PemPair& leaf) {
    const std::string staged = files.certificate_file + ".new";
    if (auto written = write_file(staged, leaf.certificate, FileMode::everyone_reads, IfPresent::replace); !written) {
        return written;
    }
    auto written = write_file(files.key_file, leaf.key, FileMode::owner_only, IfPresent::replace);
    std::error_code failed;
    if (!written) {
        std::filesystem::remove(staged, failed);
        return written;
    }
    std::filesystem::rename(staged, files.certificate_file, failed);
    if (failed) {
        return Error{"Cannot put " + staged + " in the place of " + files.certificate_file + ": " + failed.message() +
                     "; rename it by hand"};
    }
    return {};
}

}  // namespace

PemPair::PemPair(std::string certificate_pem, std::string key_pem)
    : certificate(std::move(certificate_pem)), key(std::move(key_pem)) {}

PemPair::~PemPair() {
    OPENSSL_cleanse(key.data(), key.size());
}

Result<CertificateAuthority> CertificateAuthority::create(const std::string& common_name, Days valid_for,
                                                          TimePoint now) {
    if (auto checked = check_validity(valid_for); !checked) {
        return checked.error();
    }
    const PkeyHandle key(EVP_EC_gen("P-256"));
    const X509Handle certificate =
        key == nullptr ? nullptr : start_certificate(key.get(), common_name, now - kClockTolerance, now + valid_for);
    if (certificate == nullptr ||
        X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1) {
        return openssl_error("Cannot make a CA certificate");
    }
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
    if (!add_extension(certificate.get(), &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(certificate.get(), &context, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(certificate.get(), &context, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate.get(), &context, NID_authority_key_identifier, "keyid:always") ||
        X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
        return openssl_error("Cannot make a CA certificate");
    }
    auto pem = to_pem(certificate.get(), key.get());
    if (!pem) {
        return pem.error();
    }
    return CertificateAuthority(std::move(*pem));
}

Result<CertificateAuthority> CertificateAuthority::from_pem(PemPair pem, const std::string& certificate_name,
                                                            const std::string& key_name) {
    const auto certificates = parse_certificates(pem.certificate, certificate_name);
    if (!certificates) {
        return certificates.error();
    }
    const auto key = parse_private_key(pem.key, key_name);
    if (!key) {
        return key.error();
    }
    X509* certificate = certificates->front().get();
    if (X509_check_private_key(certificate, key->get()) != 1) {
        return openssl_error(key_name + " is not the key of " + certificate_name +
                             "; restore the pair that was made together");
    }
    if (X509_check_ca(certificate) == 0) {
        return Error{certificate_name + " is not a CA certificate and cannot sign others; give another folder"};
    }
    return CertificateAuthority(std::move(pem));
}

Result<PemPair> CertificateAuthority::issue(const LeafRequest& request, TimePoint now) const {
    if (auto checked = check_validity(request.valid_for); !checked) {
        return checked.error();
    }
    auto names = to_general_names(request.names);
    if (!names) {
        return names.error();
    }
    const auto issuer = parse_certificates(pem_.certificate, "the CA certificate");
    const auto issuer_key = parse_private_key(pem_.key, "the CA key");
    if (!issuer) {
        return issuer.error();
    }
    if (!issuer_key) {
        return issuer_key.error();
    }
    X509* authority = issuer->front().get();
    const CertificateDescription authority_is = describe_certificate(authority);
    const TimePoint from = std::max(now - kClockTolerance, authority_is.not_before);
    const TimePoint until = std::min<TimePoint>(now + request.valid_for, authority_is.not_after);

    const std::string& first = request.names.front();
    const PkeyHandle key(EVP_EC_gen("P-256"));
    const X509Handle certificate =
        key == nullptr
            ? nullptr
            : start_certificate(key.get(), first.size() <= kMaxCommonName ? first : "redis-portal", from, until);
    if (certificate == nullptr || X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority)) != 1) {
        return openssl_error("Cannot make a certificate for " + first);
    }
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority, certificate.get(), nullptr, nullptr, 0);
    if (!add_extension(certificate.get(), &context, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate.get(), &context, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(certificate.get(), &context, NID_ext_key_usage, "serverAuth,clientAuth") ||
        !add_extension(certificate.get(), &context, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate.get(), &context, NID_authority_key_identifier, "keyid:always") ||
        X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT) != 1 ||
        X509_sign(certificate.get(), issuer_key->get(), EVP_sha256()) == 0) {
        return openssl_error("Cannot make a certificate for " + first);
    }
    return to_pem(certificate.get(), key.get());
}

Result<InitializedDirectory> init_directory(const std::string& directory, const std::vector<std::string>& names,
                                            const InitOptions& options) {
    if (options.leaf_name.empty() || options.leaf_name == "ca" || options.leaf_name.find('/') != std::string::npos) {
        return Error{"'" + options.leaf_name + "' cannot name the new files; use a plain word other than ca"};
    }
    // Before anything is written: a refused name must not leave a CA behind.
    if (auto checked = to_general_names(names); !checked) {
        return checked.error();
    }
    if (auto checked = check_validity(options.leaf_valid_for); !checked) {
        return checked.error();
    }
    const std::filesystem::path folder(directory);
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) {
        return Error{"Cannot make the folder " + directory + ": " + failed.message() +
                     "; check the rights of its parent"};
    }

    InitializedDirectory result;
    result.ca_file = (folder / "ca.crt").string();
    result.certificate_file = (folder / (options.leaf_name + ".crt")).string();
    result.key_file = (folder / (options.leaf_name + ".key")).string();
    const std::string ca_key_file = (folder / "ca.key").string();
    const bool has_certificate = std::filesystem::exists(result.ca_file, failed);
    const bool has_key = std::filesystem::exists(ca_key_file, failed);
    if (has_certificate != has_key) {
        return Error{directory + " holds " + (has_certificate ? "ca.crt without ca.key" : "ca.key without ca.crt") +
                     "; restore the other file or give an empty folder"};
    }
    result.made_authority = !has_certificate;
    const auto authority = result.made_authority ? make_authority(result.ca_file, ca_key_file, options)
                                                 : load_authority(result.ca_file, ca_key_file, options.now);
    if (!authority) {
        return authority.error();
    }
    const auto leaf = authority->issue(LeafRequest{names, options.leaf_valid_for}, options.now);
    if (!leaf) {
        return leaf.error();
    }
    if (auto written = write_leaf(result, *leaf); !written) {
        return written.error();
    }
    const auto authority_certificate = parse_certificates(authority->pem().certificate, result.ca_file);
    const auto leaf_certificate = parse_certificates(leaf->certificate, result.certificate_file);
    result.authority = describe_certificate(authority_certificate->front().get());
    result.leaf = describe_certificate(leaf_certificate->front().get());
    return result;
}

}  // namespace portal::certs
