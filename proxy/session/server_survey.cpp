#include "session/server_survey.hpp"

#include "observe/log.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

namespace {

constexpr auto kSource = "commands";
/// redis-server 8 with all its modules needs less than half a megabyte.
constexpr std::size_t kLongestAnswer = 4 * 1024 * 1024;
/// Names in one log line.
constexpr std::size_t kNamesLogged = 1024;

}  // namespace

void ServerSurvey::ask() {
    if (!context_.topology->leader || asked_ == context_.topology->epoch) {
        return;
    }
    asked_ = context_.topology->epoch;
    context_.commands.of_server = {};
    upstream::LinkIdentity identity;
    if (context_.links.auth_required()) {
        const config::Monitor& monitor = context_.config->monitor;
        identity.username = monitor.username.value_or("default");
        identity.password = monitor.password.value_or("");
    }
    link_ = context_.links.reserve(identity, *this);
    std::string request;
    resp::write_request(request, "COMMAND");
    upstream::PendingRequest pending;
    pending.sink = this;
    link_->submit(request, std::move(pending));
}

bool ServerSurvey::on_reply(upstream::PendingRequest& /*request*/, const resp::ReplyHead& reply,
                            std::string_view /*command*/) {
    take_answer(reply.bytes());
    link_.reset();
    return true;
}

void ServerSurvey::take_answer(std::string_view answer) {
    if (answer.size() > kLongestAnswer) {
        give_up("too long");
    } else if (auto commands = command::ServerCommands::parse(answer)) {
        context_.commands.of_server = std::move(*commands);
        report();
    } else {
        give_up(answer.substr(0, std::min(answer.find('\r'), kNamesLogged)));
    }
}

void ServerSurvey::report() const {
    if (!logs_) {
        return;
    }
    const command::ServerCommands& commands = context_.commands.of_server;
    for (const std::string& contradiction : commands.contradictions()) {
        observe::log_warn(kSource, "the leader and the portal's table differ", {{"difference", contradiction}});
    }
    std::string shared;
    std::string leased;
    for (const auto& [name, row] : commands.additions()) {
        std::string& names = row->affinity == command::Affinity::shared ? shared : leased;
        if (names.size() + name.size() < kNamesLogged) {
            names.append(names.empty() ? "" : " ").append(name);
        }
    }
    observe::log_info(kSource, "the leader has told its commands",
                      {{"commands", commands.described()},
                       {"not_in_table", commands.additions().size()},
                       {"shared", shared},
                       {"leased", leased}});
}

void ServerSurvey::give_up(std::string_view why) {
    if (logs_) {
        observe::log_warn(kSource,
                          "the leader does not tell its commands; those not in the portal's table get a link each",
                          {{"answer", why}});
    }
}

void ServerSurvey::on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                           const upstream::Loss& /*loss*/) {
    asked_.reset();
}

void ServerSurvey::on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                              std::string_view error) {
    give_up(error.substr(0, error.find('\r')));
}

bool ServerSurvey::take_push(const resp::ReplyHead& /*frame*/, const upstream::PendingRequest* /*front*/) {
    return false;
}

void ServerSurvey::on_pinned_lost() {
    link_.reset();
}

}  // namespace portal::session
