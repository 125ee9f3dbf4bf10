// All clients on one thread: their sockets, and who begins a scene when. Notices who waits for too long.
#pragma once

#include "chance.hpp"
#include "client.hpp"
#include "judge.hpp"
#include "portal_in_process.hpp"
#include "scenes.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace portal::adversary {

class Clients {
  public:
    Clients(std::size_t count, Chance& chance, PortalInProcess& portal, Scenes& scenes, Judge& judge);
    ~Clients();

    /// One round: reads, judges, sends, begins new scenes while `begins`.
    void turn(bool begins);
    /// Everybody has had all answers.
    [[nodiscard]] bool quiet() const;
    void close_all();
    /// Complains of each client that waits beyond all bounds. The bound is generous, and counts rounds besides time, so
    /// that a slow machine is no fault.
    void look_for_stuck();
    [[nodiscard]] std::uint64_t scenes_begun() const noexcept { return begun_; }
    [[nodiscard]] std::uint64_t portal_id_of(std::uint32_t client) const;

  private:
    void open(Client& client);
    void close(Client& client);
    void on_readable(Client& client);
    void write(Client& client);
    void go_on(Client& client, bool begins);

    Chance& chance_;
    PortalInProcess& portal_;
    Scenes& scenes_;
    Judge& judge_;
    std::vector<std::unique_ptr<Client>> all_;
    std::uint64_t begun_ = 0, turn_ = 0;
};

}  // namespace portal::adversary
