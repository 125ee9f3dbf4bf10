// What clients do: short scenes, each of steps that are sent when the answers to the step before have come. A scene
// ends in a neutral state, or with the connection.
#pragma once

#include "chance.hpp"
#include "client.hpp"
#include "hostile_nodes.hpp"
#include "ledger.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portal::adversary {

enum class Scene : std::uint8_t {
    plain,         // a pipeline of data commands
    transaction,   // MULTI to EXEC or DISCARD, in one piece or in several, with and without WATCH
    watch,         // WATCH, UNWATCH
    login,         // AUTH, HELLO AUTH: in neutral state, and in the middle of a WATCH or of tracking
    database,      // SELECT: the same
    protocol,      // HELLO 2, HELLO 3: the same
    list,          // BLPOP, and pushes to the buddy
    script,        // EVAL
    debugger,      // SCRIPT DEBUG YES, then away
    unknown,       // commands that no table has
    tracking,      // CLIENT TRACKING in every form
    subscription,  // SUBSCRIBE, PUBLISH
    name,          // CLIENT SETNAME, GETNAME
    reset,         // RESET in some state
    leave,         // closes in the middle of something
    front,         // commands in front of a MULTI, most on a link of their own; nested MULTI, HELLO, SUBSCRIBE in it
    deadly,        // a read that ends the connection of whoever asks
    count
};

[[nodiscard]] std::string_view name_of(Scene scene);

struct Script {
    std::array<int, static_cast<std::size_t>(Scene::count)> weights{};
    double large = 0.01;     // of all values
    double anonymous = 0.1;  // of all connections do not log in
    std::size_t users = 2;   // that each client knows, of all
    bool protocols = true;   // both, else RESP2 only
    std::uint32_t databases = 3;
    bool mutes = false;        // CLIENT REPLY too, where nobody is refused it: else it is not known what is answered
    bool few_scripts = false;  // only every third client sends scripts and unknown commands

    Script& with(Scene scene, int weight) {
        weights[static_cast<std::size_t>(scene)] = weight;
        return *this;
    }
};

/// Of each client, in each database.
inline constexpr std::size_t kStrings = 5, kLists = 2, kFields = 4;
/// Of all.
inline constexpr std::size_t kChannels = 6;

class Scenes {
  public:
    Scenes(Chance& chance, const Script& script, HostileNodes& nodes, Ledger& ledger, std::size_t users)
        : chance_(chance), script_(script), nodes_(nodes), ledger_(ledger), users_(users) {}

    /// The first words on a fresh connection.
    void begin_connection(Client& client);
    /// Gives `client` the steps of its next scene.
    void begin(Client& client);
    /// For `buddy`: the id that the portal has given its other half, to redirect to; 0 when it has none.
    std::function<std::uint64_t(std::uint32_t client)> portal_id_of;

  private:
    void plain(Client& client, std::size_t commands);
    void data_command(Client& client);
    void write(Client& client);
    void transaction(Client& client);
    void watch(Client& client);
    void in_some_state(Client& client, std::function<void(Client&)> then);
    void login(Client& client);
    void hello(Client& client, int protocol, bool logs_in);
    void auth(Client& client);
    void select(Client& client);
    void list(Client& client);
    void script(Client& client);
    void tracking(Client& client);
    void subscription(Client& client);
    void leave(Client& client);
    void front(Client& client);
    void own_link(Client& client);
    void before_multi(Client& client);
    /// What is known of the transaction that is being sent.
    struct Inside {
        bool same_protocol = true;  // as before
        std::string channel{};      // that it subscribes to
        bool publishes = false;     // there
    };
    void inside_multi(Client& client, Inside& inside);
    void muted(Client& client);
    void sure(Client& client);
    void tentative(Client& client, bool unknown);
    [[nodiscard]] bool may_script(const Client& client) const { return !script_.few_scripts || client.id % 3 == 0; }
    void simple(Client& client, Words words, Want want);
    [[nodiscard]] Mark mark(const Client& client);
    [[nodiscard]] Command increment(const Client& client, std::uint32_t database);
    [[nodiscard]] std::uint32_t some_user(const Client& client);

    Chance& chance_;
    const Script& script_;
    HostileNodes& nodes_;
    Ledger& ledger_;
    std::size_t users_;
};

}  // namespace portal::adversary
