// PortalProcess: how a running portal takes over a changed configuration, changed certificates and changed secrets: all
// that can change while it runs, or nothing. Main thread.
#include "certs/pem_files.hpp"
#include "cli/portal_file.hpp"
#include "cli/portal_process.hpp"
#include "cli/service_manager.hpp"
#include "config/config_change.hpp"
#include "config/config_merge.hpp"
#include "config/effective_config.hpp"
#include "config/value_rules.hpp"
#include "observe/log.hpp"

#include <utility>

namespace portal::cli {

namespace {

constexpr auto kSource = "config";

/// All files whose content the configuration stands for.
std::vector<std::string> files_of(const config::Config& config, const std::string& config_file) {
    std::vector<std::string> files{config_file};
    const auto add = [&](const std::optional<std::string>& file) {
        if (file) {
            files.push_back(*file);
        }
    };
    for (const config::Listener& listener : config.listen) {
        if (listener.tls) {
            files.push_back(listener.tls->certificate);
            files.push_back(listener.tls->key);
            add(listener.tls->client_ca);
        }
    }
    for (const config::Node& node : config.nodes) {
        if (node.tls) {
            add(node.tls->ca);
            add(node.tls->certificate);
            add(node.tls->key);
        }
    }
    add(config.monitor.password_file);
    add(config.tickets.secret_file);
    if (config.acl.names_file()) {
        files.push_back(config.acl.source);
    }
    if (config.identity) {
        for (const config::IdentityIssuer& issuer : config.identity->issuers) {
            files.push_back(issuer.jwks);
        }
        for (const config::IdentityUser& user : config.identity->users) {
            files.push_back(user.password_file);
        }
    }
    return files;
}

std::string fingerprint(config::Config config) {
    config.name.clear();  // differs between portals that are alike
    return certs::to_hex(certs::sha256(config::effective_yaml(config)));
}

}  // namespace

std::string needs_restart_sentence(const std::vector<std::string>& keys) {
    return config::list_in_words(keys) + (keys.size() == 1 ? " was" : " were") +
           " changed in the file and cannot change while the portal runs: restart it, or put back what it runs by";
}

/// Makes `wanted` what the shards run by. The sentence that says why not, and then nothing has changed.
std::string PortalProcess::run_by(config::ConfigPtr wanted) {
    shard::ShardGroup::Certificates certificates;
    if (std::string problem = load_certificates(*wanted, certificates); !problem.empty()) {
        return problem;
    }
    if (std::string problem = shards_->use_nodes(wanted->nodes); !problem.empty()) {
        return problem;
    }
    if (std::string problem = shards_->configure(wanted, certificates); !problem.empty()) {
        (void)shards_->use_nodes(config_->nodes);
        return problem;
    }
    const std::lock_guard lock(mutex_);
    config_ = std::move(wanted);
    certificates_ = std::move(certificates);
    reloads_.sha256 = fingerprint(*config_);
    reloads_.loaded_at = std::chrono::system_clock::now();
    return {};
}

std::string PortalProcess::load_certificates(const config::Config& wanted,
                                             shard::ShardGroup::Certificates& certificates) const {
    for (const config::Listener& listener : wanted.listen) {
        if (!listener.tls) {
            certificates.push_back(nullptr);
            continue;
        }
        const certs::CertificateFiles files{listener.tls->certificate, listener.tls->key, listener.tls->client_ca};
        const std::size_t index = certificates.size();
        auto material = certs::renew_pair(files, index < certificates_.size() ? certificates_[index] : nullptr);
        if (material.has_error()) {
            return material.error().message;
        }
        certificates.push_back(*material);
    }
    return {};
}

/// Loads the file and what it names, and goes on by it. The sentence that says why not.
std::string PortalProcess::take_over() {
    config::LoadResult result = load_portal_file(config_file_);
    if (!result.config) {
        std::vector<std::string> problems;
        for (const config::Problem& problem : result.problems) {
            problems.push_back(config::format_problem(config_file_, problem));
        }
        return config::list_in_words(problems);
    }
    descriptors_.fit(*result.config);
    const config::PortalFile running{*config_, upkeep_};
    const config::PortalFile wanted{std::move(*result.config), std::move(result.upkeep)};
    const config::ConfigChange change = config::compare(running, wanted);
    config::PortalFile next = config::keep_what_needs_a_restart(running, wanted);
    const shard::ShardGroup::Certificates before = certificates_;
    if (std::string problem = run_by(std::make_shared<const config::Config>(std::move(next.config)));
        !problem.empty()) {
        return problem;
    }
    tell_monitor(running.config);
    note_pending(change.restart);
    observe::configure_log(static_cast<observe::LogLevel>(config_->log.level),
                           static_cast<observe::LogFormat>(config_->log.format));
    if (before != certificates_) {
        tell(false, "CertificateReloaded", "new handshakes are served with the certificate that is mounted now");
    }
    observe::log_info(kSource, "configuration reloaded",
                      {{"changed", change.reloadable.empty() ? "nothing" : config::list_in_words(change.reloadable)},
                       {"certificates", before == certificates_ ? "as before" : "new"}});
    return {};
}

/// What concerns it of a configuration that has taken the place of `before`.
void PortalProcess::tell_monitor(const config::Config& before) {
    if (config_->nodes != before.nodes) {
        monitor_->set_nodes(config_->nodes);
    }
    const config::Monitor& monitor = config_->monitor;
    if (monitor.username != before.monitor.username || monitor.password != before.monitor.password) {
        monitor_->use_login({monitor.username, monitor.password});
    }
    if (config_->node_config != before.node_config) {
        monitor_->use_settings(config_->node_config);
    }
    if (config_->acl != before.acl) {
        monitor_->use_users(config_->acl);
    }
}

/// The keys that were changed in the file and wait for a restart.
void PortalProcess::note_pending(const std::vector<std::string>& keys) {
    const bool is_news = keys != reloads_.pending;
    {
        const std::lock_guard lock(mutex_);
        reloads_.pending = keys;
    }
    if (!is_news || keys.empty()) {
        return;
    }
    const std::string sentence = needs_restart_sentence(keys);
    observe::log_warn(kSource, sentence);
    tell(true, "RestartNeeded", sentence);
}

void PortalProcess::reload(std::string_view why) {
    notify_service_manager(reloading_lines());
    files_.note_present();
    std::string refusal = take_over();
    if (!refusal.empty()) {
        observe::log_error(kSource, "configuration not reloaded; the portal goes on as before",
                           {{"cause", why}, {"problem", refusal}});
        tell(true, "ReloadRefused", "what has changed is not taken over, the portal goes on as before: " + refusal);
    }
    watch_files();
    notify_service_manager("READY=1");
    const std::lock_guard lock(mutex_);
    ++(refusal.empty() ? reloads_.succeeded : reloads_.refused);
    reloads_.refusal = std::move(refusal);
}

void PortalProcess::tell_of_ending_certificates() {
    std::vector<certs::EndingCertificates::Certificate> served;
    for (std::size_t i = 0; i < certificates_.size(); ++i) {
        if (certificates_[i]) {
            served.push_back(
                {"of " + config::AddressRule{}.print(config_->listen[i].address), certificates_[i]->leaf.not_after});
        }
    }
    for (const auto& [node, tls] : shards_->node_tls()) {
        if (tls.certificate()) {
            served.push_back({"for node " + node, tls.certificate()->leaf.not_after});
        }
    }
    for (const std::string& sentence : ending_.to_tell(served, std::chrono::system_clock::now())) {
        observe::log_warn(kSource, sentence);
        tell(true, "CertificateExpiringSoon", sentence);
    }
}

void PortalProcess::tell(bool warning, std::string reason, std::string message) {
    if (caretaker_) {
        caretaker_->tell(warning, std::move(reason), config_->name + ": " + message);
    }
}

/// From before the files that the configuration names are read, so that what changes while this process starts is not
/// missed. The configuration itself was read before.
void PortalProcess::begin_watch() {
    watch_files();
    const config::LoadResult present = load_portal_file(config_file_);
    if (!present.config) {
        files_.doubt();
        return;
    }
    const config::ConfigChange change = config::compare({*config_, upkeep_}, {*present.config, present.upkeep});
    if (!change.reloadable.empty() || !change.restart.empty()) {
        files_.doubt();
    }
}

void PortalProcess::watch_files() {
    files_.watch(files_of(*config_, config_file_));
}

}  // namespace portal::cli
