// Finds the row of a request. Case-insensitive, a few nanoseconds, no allocation.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace portal::command {

/// Stands for every command that the table lacks.
[[nodiscard]] const CommandRow& unknown_command() noexcept;
/// Stand for commands that the table lacks but the server describes as keeping nothing on the connection.
[[nodiscard]] const CommandRow& shared_read_command() noexcept;
[[nodiscard]] const CommandRow& shared_write_command() noexcept;

/// Index of a row inside command_table(); the three rows above follow it, unknown_command() first.
[[nodiscard]] inline std::size_t index_of(const CommandRow& row) noexcept {
    return row.index;
}

/// The row with that index_of().
[[nodiscard]] inline const CommandRow& row_at(std::size_t index) noexcept {
    return kAllRows[index];
}

/// The row of the request: of its subcommand where the table has one for the first argument, else of its name.
[[nodiscard]] const CommandRow& classify(const resp::RequestView& request) noexcept;

/// True if argc fits the row's arity. A wrong arity is answered by redis-server itself, so this only guards local
/// commands.
[[nodiscard]] bool arity_fits(const CommandRow& row, std::size_t argc) noexcept;

/// True if this request can keep its connection waiting: a row of Handling::blocking, and for XREAD, XREADGROUP and
/// TS.READ only when they carry BLOCK. Such a row that may not block can travel on a shared link.
[[nodiscard]] bool may_block(const CommandRow& row, const resp::RequestView& request) noexcept;

/// True for the commands that wait only when they carry BLOCK, with a timeout in milliseconds behind it.
[[nodiscard]] bool has_block_option(const CommandRow& row) noexcept;

/// Which word of such a request is the timeout of its BLOCK, perhaps one that is not there; 0: it has none.
[[nodiscard]] std::size_t block_option(const CommandRow& row, const resp::RequestView& request) noexcept;

/// The configured commands.deny: one look at a byte per request. Names are "command" (with all its subcommands) or
/// "command|subcommand", any case.
class DenyList {
    enum class Verdict : std::uint8_t { pass, deny, compare };

  public:
    DenyList() = default;
    /// Names that the table lacks are kept and compared as text when an unknown command comes.
    explicit DenyList(const std::vector<std::string>& names);
    [[nodiscard]] bool denies(const CommandRow& row, const resp::RequestView& request) const noexcept {
        return !rows_.empty() && rows_[index_of(row)] != Verdict::pass && denies_marked(row, request);
    }

  private:
    [[nodiscard]] bool denies_marked(const CommandRow& row, const resp::RequestView& request) const noexcept;

    std::vector<Verdict> rows_;          // by index_of(); empty: nothing is denied
    std::vector<std::string> unlisted_;  // lower case; looked through only where the row says compare
};

}  // namespace portal::command
