// What the running leader says of its commands (its answer to COMMAND): how to treat those that our table lacks (newer
// servers, modules, renamed ones), and where it contradicts our table. Pure; immutable once read.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::command {

class ServerCommands {
  public:
    /// Knows nothing: every command that our table lacks is unknown_command().
    ServerCommands() = default;

    /// Reads one whole reply to COMMAND, of either protocol. Empty when it is none, or when it is not believable.
    [[nodiscard]] static std::optional<ServerCommands> parse(std::string_view reply);

    /// The row for a request whose command our table lacks: shared_read_command() or shared_write_command() where the
    /// server's flags show that it leaves nothing on the connection, else unknown_command().
    [[nodiscard]] const CommandRow& row_of(const resp::RequestView& request) const noexcept;

    /// Commands that our table lacks, "command" or "command|subcommand", sorted.
    struct Addition {
        std::string name;
        const CommandRow* row;
    };
    [[nodiscard]] const std::vector<Addition>& additions() const noexcept { return additions_; }
    /// One sentence for each contradiction that can harm: the server says that a command writes or blocks, our table
    /// does not.
    [[nodiscard]] const std::vector<std::string>& contradictions() const noexcept { return contradictions_; }
    /// Commands and subcommands that the server has described.
    [[nodiscard]] std::size_t described() const noexcept { return described_; }

  private:
    class Reader;

    std::vector<Addition> additions_;
    std::vector<std::string> contradictions_;
    std::size_t described_ = 0;
};

}  // namespace portal::command
