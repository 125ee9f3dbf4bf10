#include "cli/certs_command.hpp"

#include "certs/cert_store.hpp"
#include "certs/certificate_authority.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

namespace portal::cli {

namespace {

struct InitArguments {
    std::string dir;
    std::vector<std::string> names;
    int days = 397;
    std::string file_name = "tls";
};

int fail(const certs::Error& error) {
    fmt::print(stderr, "redis-portal certs: {}.\n", error.message);
    return 1;
}

int run_init(const InitArguments& arguments) {
    certs::InitOptions options;
    options.leaf_valid_for = certs::Days{arguments.days};
    options.leaf_name = arguments.file_name;
    const auto made = certs::init_directory(arguments.dir, arguments.names, options);
    if (!made) {
        return fail(made.error());
    }
    fmt::print("{} {}, valid until {}\n", made->made_authority ? "Made the CA" : "Kept the CA", made->ca_file,
               certs::format_time(made->authority.not_after));
    fmt::print("Made the certificate {} with the key {}\n  for {}\n  valid until {}\n", made->certificate_file,
               made->key_file, fmt::join(made->leaf.names, ", "), certs::format_time(made->leaf.not_after));
    fmt::print("Give clients {}; keep ca.key secret, it can make certificates for any name.\n", made->ca_file);
    return 0;
}

std::string time_left(const certs::CertificateDescription& certificate) {
    const auto now = std::chrono::system_clock::now();
    if (certificate.not_before > now) {
        return "not valid yet";
    }
    if (certificate.not_after <= now) {
        return "ENDED";
    }
    return fmt::format("{} days left", std::chrono::duration_cast<certs::Days>(certificate.not_after - now).count());
}

int run_show(const std::string& file) {
    const auto certificates = certs::describe(file);
    if (!certificates) {
        return fail(certificates.error());
    }
    std::size_t number = 0;
    for (const certs::CertificateDescription& certificate : *certificates) {
        fmt::print("{}{}: certificate {} of {}{}\n", number == 0 ? "" : "\n", file, number + 1, certificates->size(),
                   certificate.is_authority ? ", a CA" : "");
        fmt::print("  subject  {}\n  issuer   {}\n", certificate.subject, certificate.issuer);
        if (!certificate.names.empty()) {
            fmt::print("  names    {}\n", fmt::join(certificate.names, ", "));
        }
        fmt::print("  valid    {} to {} ({})\n", certs::format_time(certificate.not_before),
                   certs::format_time(certificate.not_after), time_left(certificate));
        fmt::print("  key      {}\n  serial   {}\n  sha256   {}\n", certificate.key, certificate.serial,
                   certificate.sha256_fingerprint);
        ++number;
    }
    return 0;
}

}  // namespace

void add_certs_command(CLI::App& app, int& exit_status) {
    CLI::App* certs = app.add_subcommand("certs", "Make a CA and certificates, or show what a certificate file holds");
    certs->require_subcommand(1);

    auto arguments = std::make_shared<InitArguments>();
    CLI::App* init = certs->add_subcommand("init", "Make a CA (unless the folder has one) and a certificate");
    init->add_option("--dir", arguments->dir, "Folder for ca.crt, ca.key, tls.crt and tls.key; made when absent")
        ->required();
    init->add_option("--names", arguments->names,
                     "Host names and addresses that clients connect to, with commas between them")
        ->required()
        ->delimiter(',');
    init->add_option("--days", arguments->days, "How long the certificate is valid")
        ->check(CLI::Range(1, 3650))
        ->capture_default_str();
    init->add_option("--file-name", arguments->file_name, "Name the new files NAME.crt and NAME.key")
        ->capture_default_str();
    init->callback([arguments, &exit_status] { exit_status = run_init(*arguments); });

    auto file = std::make_shared<std::string>();
    CLI::App* show = certs->add_subcommand("show", "Say what a certificate file holds and when it ends");
    show->add_option("FILE", *file, "PEM file")->required();
    show->callback([file, &exit_status] { exit_status = run_show(*file); });
}

}  // namespace portal::cli
