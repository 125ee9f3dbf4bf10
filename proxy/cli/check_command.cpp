#include "cli/check_command.hpp"

#include "certs/cert_store.hpp"
#include "certs/peer_tls.hpp"
#include "certs/tls_context.hpp"
#include "cli/check_connect.hpp"
#include "cli/portal_file.hpp"
#include "config/effective_config.hpp"

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

namespace portal::cli {

namespace {

struct CheckArguments {
    std::string file;
    bool print = false;
    bool connect = false;
};

template <class T>
bool complain_about(const certs::Result<T>& result, const std::string& path, config::Findings& findings) {
    if (!result) {
        findings.complain(path, result.error().message);
    }
    return !result;
}

/// The files of a connection that the portal makes.
void check_client_files(const std::string& path, const certs::PeerTlsFiles& tls, config::Findings& findings) {
    complain_about(certs::PeerTls({tls.ca, {}, {}}).load(), path + ".ca", findings);
    complain_about(certs::PeerTls({{}, tls.certificate, tls.key}).load(), path, findings);
}

/// What serve would find when it loads the certificates, found before it starts.
void check_certificates(const config::Config& config, config::Findings& findings) {
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
        const auto& tls = config.listen[i].tls;
        if (!tls) {
            continue;
        }
        const std::string path = fmt::format("listen[{}].tls", i);
        const auto pair = certs::load_pair({tls->certificate, tls->key, tls->client_ca});
        if (!complain_about(pair, path, findings)) {
            complain_about(certs::TlsContext::server(**pair, {}), path, findings);
        }
    }
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
        if (const auto& tls = config.nodes[i].tls) {
            check_client_files(fmt::format("nodes[{}].tls", i), {tls->ca, tls->certificate, tls->key}, findings);
        }
    }
    if (const auto* etcd = std::get_if<config::EtcdArbiter>(&config.arbiter)) {
        check_client_files("arbiter.etcd", {etcd->ca, etcd->certificate, etcd->key}, findings);
    }
    if (const auto* kubernetes = std::get_if<config::KubernetesArbiter>(&config.arbiter)) {
        check_client_files("arbiter.kubernetes", {kubernetes->ca, {}, {}}, findings);
    }
}

void tell(const Trial& trial) {
    for (const std::string& sentence : trial.good) {
        fmt::print("ok: {}\n", sentence);
    }
    for (const std::string& sentence : trial.remarks) {
        fmt::print("note: {}\n", sentence);
    }
}

int run_check(const CheckArguments& arguments) {
    config::LoadResult result = load_portal_file(arguments.file);
    if (result.config) {
        check_certificates(*result.config, result.findings);
        if (arguments.connect && result.findings.empty()) {
            tell(try_connections(*result.config, result.findings));
        }
        result.problems = result.findings.sorted();
    }
    for (const config::Problem& problem : result.problems) {
        fmt::print(stderr, "{}\n", config::format_problem(arguments.file, problem));
    }
    if (!result.problems.empty()) {
        return 1;
    }
    if (arguments.print) {
        fmt::print("{}", config::effective_yaml(*result.config, result.upkeep));
    } else {
        fmt::print("{}: ok\n", arguments.file);
    }
    return 0;
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_status) {
    auto arguments = std::make_shared<CheckArguments>();
    CLI::App* check = app.add_subcommand("check", "Say everything that is wrong with a configuration file");
    check->add_option("-c,--config", arguments->file, "The configuration file (YAML)")->required();
    check->add_flag("--print", arguments->print,
                    "Print the configuration with every default instead of 'ok'; passwords are masked");
    check->add_flag("--connect", arguments->connect,
                    "Try all that the file names, too: every node and the monitor's login there, the arbiter, and how "
                    "long the certificates last. Changes nothing");
    check->callback([arguments, &exit_status] { exit_status = run_check(*arguments); });
}

}  // namespace portal::cli
