#include "command/server_commands.hpp"

#include "command/classifier.hpp"
#include "resp/reply_view.hpp"

#include <algorithm>
#include <array>

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

/// Walks the reply. Every step is checked: false means that it is not what COMMAND answers.
class ServerCommands::Reader {
  public:
    explicit Reader(ServerCommands& into) : into_(into) {}

    bool read_all(const resp::ReplyView& reply) {
        const bool some = is_list(reply) && reply.elements().left() > 0;
        return some && read_commands(reply, 0);
    }

  private:
    static bool is_list(const resp::ReplyView& value) { return value.type() == '*' || value.type() == '~'; }

    bool read_commands(const resp::ReplyView& list, int depth) {
        auto commands = list.elements();
        while (commands.left() > 0) {
            if (!read_command(commands.next(), depth)) {
                return false;
            }
        }
        return is_list(list);
    }

    /// name, arity, flags, first key, last key, step, and since 7.0 categories, tips, key specifications, subcommands.
    bool read_command(const resp::ReplyView& described, int depth) {
        auto fields = described.elements();
        if (!is_list(described) || fields.left() < 6 || ++into_.described_ > kMostCommands) {
            return false;
        }
        const auto name = fields.next().text();
        Traits traits;
        if (!name || name->empty() || name->size() > kLongestName || !fields.next().integer() ||
            !read_flags(fields.next(), traits)) {
            return false;
        }
        const auto first_key = fields.next().integer();
        if (!first_key || !fields.next().integer() || !fields.next().integer()) {
            return false;
        }
        traits.keys = traits.keys || *first_key > 0;
        if (fields.left() > 0 && !read_flags(fields.next(), traits)) {
            return false;
        }
        fields.next();  // tips
        fields.next();  // key specifications
        note(*name, traits);
        return fields.left() == 0 || depth > 0 || read_commands(fields.next(), depth + 1);
    }

    static bool read_flags(const resp::ReplyView& list, Traits& traits) {
        auto flags = list.elements();
        while (flags.left() > 0) {
            const auto flag = flags.next().text();
            if (!flag) {
                return false;
            }
            traits.note(*flag);
        }
        return is_list(list);
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

    ServerCommands& into_;
};

std::optional<ServerCommands> ServerCommands::parse(std::string_view reply) {
    ServerCommands commands;
    if (!Reader(commands).read_all(resp::ReplyView::whole(reply))) {
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
