#include "client.hpp"

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::size_t kHistory = 60;

}  // namespace

void Client::note(std::string line) {
    log.push_back(std::move(line));
    if (log.size() > kHistory) {
        log.pop_front();
    }
}

void Client::forget_connection() {
    output.clear();
    input.clear();
    worth_parsing = 0;
    expected.clear();
    steps.clear();
    queued.clear();
    channels.clear();
    watched_keys.clear();
    name.reset();
    user = database = 0;
    protocol = 2;
    multi = tracking = Known::no;
    watched = watch_broken = refused_inside = unknown_place = debugging = leaving = unsure = ever_redirected = tainted =
        false;
    portal_id = 0;
    progress_turn = 0;
}

std::string Client::key(char kind, std::size_t number) {
    const std::string base = key_name(kind, id, database, std::to_string(number));
    const std::uint32_t generation = generations[base];
    return fmt::format("{}.{}", base, generation);
}

void Client::write(const Words& words, std::string line) {
    output += header('*', words.size());
    for (const std::string& word : words) {
        output += bulk(word);
        line += shown(word, 60) + " ";
    }
    note(std::move(line));
}

void Client::send_muted(const Words& words) {
    write(words, "> (no answer) ");
}

void Client::send(Command command) {
    write(command.words, "> ");
    command.sent = Clock::now();
    const std::size_t followers = command.followers;
    const Want want = command.want;
    tainted = tainted || want == Want::eval || want == Want::unknown;
    const Words words = want == Want::subscribe || want == Want::unsubscribe ? command.words : Words{};
    expected.push_back(std::move(command));
    for (std::size_t i = 0; i < followers; ++i) {
        expected.push_back({.words = {words[0], words[i + 2]}, .want = want, .sent = Clock::now()});
    }
}

std::string Client::history() const {
    std::string out = fmt::format("client {} (user {}, database {}, RESP{}, connection {}), its last actions:\n", id,
                                  user, database, protocol, connections);
    for (const std::string& line : log) {
        out += "    " + line + "\n";
    }
    return out;
}

}  // namespace portal::adversary
