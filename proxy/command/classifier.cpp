#include "command/classifier.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

namespace portal::command {
namespace {

static_assert(std::endian::native == std::endian::little, "fold_case and short names rely on the byte order");

constexpr std::size_t kLongestName = 24;
/// unknown_command(), shared_read_command(), shared_write_command(): they follow the table.
constexpr std::size_t kUnlistedRows = 3;

/// Eight bytes at once: adds 0x20 to every byte in 'A'..'Z' and leaves all others alone.
constexpr std::uint64_t fold_case(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    constexpr std::uint64_t kHigh = 0x80 * kOnes;
    const std::uint64_t seven = bytes & ~kHigh;
    const std::uint64_t above_z = seven + (0x7F - 'Z') * kOnes;
    const std::uint64_t from_a = seven + (0x80 - 'A') * kOnes;
    const std::uint64_t upper = ~bytes & kHigh & (from_a ^ above_z);
    return bytes | (upper >> 2U);
}

std::uint64_t load_8(const char* from) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::uint64_t load_4(const char* from) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::uint64_t load_1(const char* from) noexcept {
    return static_cast<unsigned char>(*from);
}

/// A name of 1 to kLongestName bytes in words that overlap, so that no byte outside of the name is read. Equal words
/// and equal length mean equal names but for case.
struct FoldedName {
    std::uint64_t first = 0, middle = 0, last = 0;
    std::size_t length = 0;

    explicit FoldedName(std::string_view name) noexcept : length(name.size()) {
        const char* at = name.data();
        if (length >= 8) {
            first = fold_case(load_8(at));
            last = fold_case(load_8(at + length - 8));
            if (length > 16) {
                middle = fold_case(load_8(at + 8));
            }
        } else if (length >= 4) {
            first = fold_case(load_4(at) | load_4(at + length - 4) << 32U);
        } else {
            first = fold_case(load_1(at) | load_1(at + length / 2) << 8U | load_1(at + length - 1) << 16U);
        }
    }
};

bool can_be_listed(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kLongestName;
}

/// Open addressing over all rows; subcommands are filed under their name together with the command's own row.
class RowIndex {
  public:
    RowIndex() noexcept : rows_(command_table()) {
        Entry* container = entries_.data();  // sorted order puts a command right before its subcommands
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            const CommandRow& row = rows_[i];
            if (row.subcommand.empty()) {
                container = &place(FoldedName(row.name), kTopLevel, i);
            } else {
                container->has_subcommands = true;
                place(FoldedName(row.subcommand), container->row, i);
            }
        }
    }

    [[nodiscard]] const CommandRow& find(const resp::RequestView& request) const noexcept {
        if (request.argc() == 0) {
            return unknown_command();
        }
        const std::string_view name = request.arg(0);
        if (!can_be_listed(name)) {
            return unknown_command();
        }
        const Entry* command = find_entry(FoldedName(name), kTopLevel);
        if (command == nullptr) {
            return unknown_command();
        }
        if (command->has_subcommands && request.argc() > 1) {
            const std::string_view subcommand = request.arg(1);
            if (can_be_listed(subcommand)) {
                if (const Entry* entry = find_entry(FoldedName(subcommand), command->row)) {
                    return rows_[entry->row];
                }
            }
        }
        return rows_[command->row];
    }

  private:
    static constexpr unsigned kBits = 10;
    static constexpr std::uint16_t kTopLevel = 0xFFFF;

    struct Entry {
        std::uint64_t first = 0, middle = 0, last = 0;
        std::uint16_t row = 0;
        std::uint16_t container = 0;
        std::uint8_t length = 0;  // 0: free
        bool has_subcommands = false;
    };

    static std::size_t slot_of(const FoldedName& name, std::uint16_t container) noexcept {
        const std::uint64_t mixed =
            name.first + std::rotl(name.last, 23) + name.length + (std::uint64_t{container} << 40U);
        return static_cast<std::size_t>((mixed * 0x9E3779B97F4A7C15U) >> (64U - kBits));
    }

    Entry& place(const FoldedName& name, std::uint16_t container, std::size_t row) noexcept {
        std::size_t slot = slot_of(name, container);
        while (entries_[slot].length != 0) {
            slot = (slot + 1) % entries_.size();
        }
        entries_[slot] = {.first = name.first,
                          .middle = name.middle,
                          .last = name.last,
                          .row = static_cast<std::uint16_t>(row),
                          .container = container,
                          .length = static_cast<std::uint8_t>(name.length)};
        return entries_[slot];
    }

    [[nodiscard]] const Entry* find_entry(const FoldedName& name, std::uint16_t container) const noexcept {
        for (std::size_t slot = slot_of(name, container);; slot = (slot + 1) % entries_.size()) {
            const Entry& entry = entries_[slot];
            if (entry.first == name.first && entry.length == name.length && entry.last == name.last &&
                entry.middle == name.middle && entry.container == container) {
                return &entry;
            }
            if (entry.length == 0) {
                return nullptr;
            }
        }
    }

    std::span<const CommandRow> rows_;
    std::array<Entry, std::size_t{1} << kBits> entries_{};
};

const RowIndex& row_index() noexcept {
    static const RowIndex kIndex;
    return kIndex;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// `lower_case` is lower case already.
bool equals_folded(std::string_view any_case, std::string_view lower_case) noexcept {
    return std::equal(any_case.begin(), any_case.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return lower(a) == b; });
}

}  // namespace

const CommandRow& unknown_command() noexcept {
    return kAllRows[command_table().size()];
}

const CommandRow& shared_read_command() noexcept {
    return kAllRows[command_table().size() + 1];
}

const CommandRow& shared_write_command() noexcept {
    return kAllRows[command_table().size() + 2];
}

const CommandRow& classify(const resp::RequestView& request) noexcept {
    return row_index().find(request);
}

bool arity_fits(const CommandRow& row, std::size_t argc) noexcept {
    return row.arity >= 0 ? argc == static_cast<std::size_t>(row.arity) : argc >= static_cast<std::size_t>(-row.arity);
}

bool has_block_option(const CommandRow& row) noexcept {
    return row.name == "xread" || row.name == "xreadgroup" || row.name == "ts.read";
}

std::size_t block_option(const CommandRow& row, const resp::RequestView& request) noexcept {
    const bool keys_first = row.name == "ts.read";  // its key and its timestamp; else they stand behind STREAMS
    std::size_t timeout = 0;
    std::size_t i = keys_first ? 3 : 1;
    while (i < request.argc()) {
        const std::string_view option = request.arg(i);
        if (!keys_first && equals_folded(option, "streams")) {
            break;  // everything behind it is a key or an id
        }
        if (equals_folded(option, "block")) {
            timeout = i + 1;  // the last one counts
            i += 2;
        } else if (!keys_first && equals_folded(option, "group")) {
            i += 3;
        } else if (!keys_first && (equals_folded(option, "count") || equals_folded(option, "claim") ||
                                   equals_folded(option, "maxcount") || equals_folded(option, "maxsize"))) {
            i += 2;
        } else {
            i += 1;  // NOACK; or an option that is not known here, and perhaps its value
        }
    }
    return timeout;
}

bool may_block(const CommandRow& row, const resp::RequestView& request) noexcept {
    return row.handling == Handling::blocking && (!has_block_option(row) || block_option(row, request) != 0);
}

namespace {

/// Before the name of a command that the table need not know.
constexpr std::string_view kOfModule = "module:";

}  // namespace

DenyList::DenyList(const std::vector<std::string>& names) {
    if (names.empty()) {
        return;
    }
    const std::span<const CommandRow> table = command_table();
    rows_.assign(table.size() + kUnlistedRows, Verdict::pass);
    for (const std::string& name : names) {
        std::string folded = name;
        std::transform(folded.begin(), folded.end(), folded.begin(), lower);
        if (folded.starts_with(kOfModule)) {
            folded.erase(0, kOfModule.size());
        }
        const std::size_t bar = folded.find('|');
        const std::string_view command = std::string_view(folded).substr(0, bar);
        const bool whole = bar == std::string::npos;
        const std::string_view subcommand = whole ? std::string_view{} : std::string_view(folded).substr(bar + 1);

        bool listed = false;
        std::optional<std::size_t> own_row;
        for (std::size_t i = 0; i < table.size(); ++i) {
            if (table[i].name != command) {
                continue;
            }
            if (table[i].subcommand.empty()) {
                own_row = i;
            }
            if (whole || (!subcommand.empty() && table[i].subcommand == subcommand)) {
                rows_[i] = Verdict::deny;
                listed = true;
            }
        }
        if (!listed) {
            // Requests for it get the command's own row, or one of those for commands that the table lacks.
            const std::size_t first = own_row.value_or(table.size());
            const std::size_t last = own_row ? *own_row + 1 : rows_.size();
            for (std::size_t i = first; i < last; ++i) {
                if (rows_[i] == Verdict::pass) {
                    rows_[i] = Verdict::compare;
                }
            }
            unlisted_.push_back(std::move(folded));
        }
    }
}

bool DenyList::denies_marked(const CommandRow& row, const resp::RequestView& request) const noexcept {
    const Verdict verdict = rows_[index_of(row)];
    if (verdict != Verdict::compare) {
        return verdict == Verdict::deny;
    }
    if (request.argc() == 0) {
        return false;
    }
    return std::any_of(unlisted_.begin(), unlisted_.end(), [&request](std::string_view name) {
        const std::size_t bar = name.find('|');
        if (!equals_folded(request.arg(0), name.substr(0, bar))) {
            return false;
        }
        return bar == std::string_view::npos ||
               (request.argc() > 1 && equals_folded(request.arg(1), name.substr(bar + 1)));
    });
}

}  // namespace portal::command
