#include "command/server_commands.hpp"

#include "command/classifier.hpp"
#include "resp/frame_scanner.hpp"
#include "resp/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace portal::command {

namespace {

/// A server with all known modules describes less than a thousand.
constexpr std::size_t kMostCommands = 8192;
constexpr std::size_t kLongestName = 64;
/// Flags and ACL categories of commands that change the connection, wait in the server, or act on the server as a
/// whole: whoever calls one gets a link of its own.
constexpr auto kOwnLink =
    std::to_array<std::string_view>({"admin", "blocking", "noscript", "no_multi", "no_auth", "pubsub", "@admin",
                                     "@blocking", "@connection", "@pubsub", "@transaction"});

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Lower case into a buffer of its own; empty when `name` is longer than any name that is kept.
class LowerName {
  public:
    explicit LowerName(std::string_view name, std::string_view subcommand = {}) noexcept {
        if (name.size() + (subcommand.empty() ? 0 : 1 + subcommand.size()) > bytes_.size()) {
            return;
        }
        auto end = std::transform(name.begin(), name.end(), bytes_.begin(), lower);
        if (!subcommand.empty()) {
            *end++ = '|';
            end = std::transform(subcommand.begin(), subcommand.end(), end, lower);
        }
        size_ = static_cast<std::size_t>(end - bytes_.begin());
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  private:
    std::array<char, kLongestName> bytes_{};
    std::size_t size_ = 0;
};

/// Flags and categories of one command.
struct Traits {
    bool write = false, readonly = false, keys = false, own_link = false, blocking = false;

    void note(std::string_view flag) {
        write = write || flag == "write";
        readonly = readonly || flag == "readonly";
        keys = keys || flag == "movablekeys";
        blocking = blocking || flag == "blocking";
        own_link = own_link || std::ranges::find(kOwnLink, flag) != kOwnLink.end();
    }

    [[nodiscard]] const CommandRow& row() const {
        if (own_link || (!readonly && !(write && keys))) {
            return unknown_command();
        }
        return write ? shared_write_command() : shared_read_command();
    }
};

/// Our own row of "command" or "command|subcommand"; null when the table lacks it.
const CommandRow* table_row(std::string_view name) {
    const std::size_t bar = name.find('|');
    const std::string_view command = name.substr(0, bar);
    const std::string_view subcommand = bar == std::string_view::npos ? std::string_view{} : name.substr(bar + 1);
    const auto rows = command_table();
    const auto found = std::ranges::find_if(
        rows, [&](const CommandRow& row) { return row.name == command && row.subcommand == subcommand; });
    return found == rows.end() ? nullptr : &*found;
}

}  // namespace

/// Walks the reply. Every step is checked: false or nothing means that it is not what COMMAND answers.
class ServerCommands::Reader {
  public:
    Reader(std::string_view reply, ServerCommands& into) : rest_(reply), into_(into) {}

    bool read_all() {
        const auto commands = aggregate();
        if (!commands || *commands == 0) {
            return false;
        }
        for (std::size_t i = 0; i < *commands; ++i) {
            if (!read_command(0)) {
                return false;
            }
        }
        return rest_.empty();
    }

  private:
    /// name, arity, flags, first key, last key, step, and since 7.0 categories, tips, key specifications, subcommands.
    bool read_command(int depth) {
        const auto fields = aggregate();
        if (!fields || *fields < 6 || ++into_.described_ > kMostCommands) {
            return false;
        }
        const auto name = text();
        Traits traits;
        if (!name || name->empty() || name->size() > kLongestName || !number() || !read_flags(traits)) {
            return false;
        }
        const auto first_key = number();
        if (!first_key || !number() || !number()) {
            return false;
        }
        traits.keys = traits.keys || *first_key > 0;
        std::size_t field = 6;
        if (field < *fields && (++field, !read_flags(traits))) {
            return false;
        }
        for (; field < *fields && field < 9; ++field) {
            if (!skip()) {
                return false;
            }
        }
        note(*name, traits);
        if (field < *fields && depth == 0) {
            const auto subcommands = aggregate();
            for (std::size_t i = 0; subcommands && i < *subcommands; ++i) {
                if (!read_command(depth + 1)) {
                    return false;
                }
            }
            if (!subcommands) {
                return false;
            }
            ++field;
        }
        for (; field < *fields; ++field) {
            if (!skip()) {
                return false;
            }
        }
        return true;
    }

    bool read_flags(Traits& traits) {
        const auto count = aggregate();
        for (std::size_t i = 0; count && i < *count; ++i) {
            const auto flag = text();
            if (!flag) {
                return false;
            }
            traits.note(*flag);
        }
        return count.has_value();
    }

    void note(std::string_view name, const Traits& traits) {
        const std::string folded(LowerName(name).view());
        if (folded.empty()) {
            return;
        }
        const CommandRow* ours = table_row(folded);
        if (ours == nullptr) {
            into_.additions_.push_back({folded, &traits.row()});
        } else if (traits.write && !ours->write) {
            into_.contradictions_.push_back(fmt::format("the server says that {} writes", folded));
        } else if (traits.blocking && ours->affinity == Affinity::shared) {
            into_.contradictions_.push_back(fmt::format("the server says that {} blocks", folded));
        }
    }

    std::optional<std::int64_t> header(std::string_view types) {
        if (rest_.empty() || types.find(rest_.front()) == std::string_view::npos) {
            return std::nullopt;
        }
        const std::size_t end = rest_.find("\r\n");
        std::int64_t value = 0;
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const auto [last, error] = std::from_chars(rest_.data() + 1, rest_.data() + end, value);
        if (error != std::errc{} || last != rest_.data() + end) {
            return std::nullopt;
        }
        rest_.remove_prefix(end + 2);
        return value;
    }

    std::optional<std::int64_t> number() { return header(":"); }

    /// How many elements follow.
    std::optional<std::size_t> aggregate() {
        const auto size = header("*~");
        if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > rest_.size()) {
            return std::nullopt;
        }
        return static_cast<std::size_t>(*size);
    }

    /// A simple or a bulk string.
    std::optional<std::string_view> text() {
        if (rest_.starts_with('+')) {
            const std::size_t end = rest_.find("\r\n");
            if (end == std::string_view::npos) {
                return std::nullopt;
            }
            const std::string_view line = rest_.substr(1, end - 1);
            rest_.remove_prefix(end + 2);
            return line;
        }
        const auto size = header("$");
        if (!size || *size < 0 || static_cast<std::uint64_t>(*size) + 2 > rest_.size()) {
            return std::nullopt;
        }
        const std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(*size));
        rest_.remove_prefix(bytes.size() + 2);
        return bytes;
    }

    bool skip() {
        resp::ReplyScanner scanner(limits_);
        const resp::ScanResult value = scanner.scan(rest_);
        if (value.status != resp::ScanStatus::complete) {
            return false;
        }
        rest_.remove_prefix(value.size);
        return true;
    }

    std::string_view rest_;
    ServerCommands& into_;
    resp::ReplyLimits limits_;
};

std::optional<ServerCommands> ServerCommands::parse(std::string_view reply) {
    ServerCommands commands;
    if (!Reader(reply, commands).read_all()) {
        return std::nullopt;
    }
    std::ranges::sort(commands.additions_, {}, &Addition::name);
    std::ranges::sort(commands.contradictions_);
    return commands;
}

const CommandRow& ServerCommands::row_of(const resp::RequestView& request) const noexcept {
    if (additions_.empty() || request.argc() == 0) {
        return unknown_command();
    }
    const auto find = [this](const LowerName& name) {
        const auto found = std::ranges::lower_bound(additions_, name.view(), {}, &Addition::name);
        return found != additions_.end() && found->name == name.view() ? found->row : nullptr;
    };
    const CommandRow* row = find(LowerName(request.arg(0)));
    if (row == nullptr) {
        return unknown_command();
    }
    const CommandRow* subcommand = request.argc() > 1 ? find(LowerName(request.arg(0), request.arg(1))) : nullptr;
    return subcommand != nullptr ? *subcommand : *row;
}

}  // namespace portal::command
