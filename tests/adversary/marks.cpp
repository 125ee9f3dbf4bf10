#include "marks.hpp"

#include "chance.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::string_view kBegin = "~m:";
constexpr std::string_view kMeaning = ">*+-$:\r\n_#,(!=%|~";

template <typename Number>
bool take_number(std::string_view& from, Number& into, char end) {
    const auto [rest, error] = std::from_chars(from.data(), from.data() + from.size(), into);
    if (error != std::errc{} || rest == from.data() + from.size() || *rest != end) {
        return false;
    }
    from.remove_prefix(static_cast<std::size_t>(rest - from.data()) + 1);
    return true;
}

void append_content(std::string& out, std::size_t size, std::uint64_t seed) {
    Chance chance(seed * 0x9E3779B97F4A7C15U + 1);
    while (out.size() < size) {
        const std::size_t left = size - out.size();
        switch (chance.below(6)) {
            case 0:  // a run of one byte, sometimes a very long one, so that it covers what is read at a time
                out.append(std::min(left, chance.hits(0.2) ? chance.between(1, 300000) : chance.between(1, 200)),
                           kMeaning[chance.below(kMeaning.size())]);
                break;
            case 1:
                out.append(std::string_view(">2\r\n$10\r\ninvalidate\r\n+OK\r\n-ERR no\r\n:1\r\n$-1\r\n*1\r\n")
                               .substr(0, std::min(left, chance.between(1, 53))));
                break;
            case 2:  // any byte
                for (std::size_t i = std::min(left, chance.between(1, 4096)); i > 0; i -= std::min<std::size_t>(i, 8)) {
                    const std::uint64_t bits = chance.bits();
                    out.append(reinterpret_cast<const char*>(&bits), std::min<std::size_t>(i, 8));
                }
                break;
            default:
                for (std::size_t i = std::min(left, chance.between(1, 64)); i > 0; --i) {
                    out.push_back(kMeaning[chance.below(kMeaning.size())]);
                }
        }
    }
}

}  // namespace

std::string text_of(const Mark& mark) {
    return fmt::format("~m:{}.{}.{}.{}.{}~", mark.client, mark.user, mark.database, mark.serial, mark.size);
}

std::optional<Mark> leading_mark(std::string_view bytes) {
    Mark mark;
    if (!bytes.starts_with(kBegin)) {
        return std::nullopt;
    }
    bytes.remove_prefix(kBegin.size());
    const bool whole = take_number(bytes, mark.client, '.') && take_number(bytes, mark.user, '.') &&
                       take_number(bytes, mark.database, '.') && take_number(bytes, mark.serial, '.') &&
                       take_number(bytes, mark.size, '~');
    return whole ? std::optional(mark) : std::nullopt;
}

std::optional<Mark> find_mark(std::string_view bytes) {
    for (std::size_t at = bytes.find(kBegin); at != std::string_view::npos; at = bytes.find(kBegin, at + 1)) {
        if (const auto found = leading_mark(bytes.substr(at))) {
            return found;
        }
    }
    return std::nullopt;
}

std::string value_of(const Mark& mark) {
    std::string value = text_of(mark);
    value.reserve(mark.size);
    append_content(value, mark.size, mark.serial);
    return value;
}

std::string shown(std::string_view bytes, std::size_t most) {
    std::string out;
    for (const char each : bytes.substr(0, most)) {
        if (each >= ' ' && each <= '~') {
            out.push_back(each);
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(each));
        }
    }
    return bytes.size() > most ? fmt::format("{}... ({} bytes)", out, bytes.size()) : out;
}

std::string difference(std::string_view expected, std::string_view got) {
    const auto [left, right] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
    const auto at = static_cast<std::size_t>(left - expected.begin());
    return fmt::format("{} bytes expected, {} came, different from byte {} on: \"{}\" expected, \"{}\" came",
                       expected.size(), got.size(), at, shown(expected.substr(at), 24), shown(got.substr(at), 24));
}

std::string key_name(char kind, std::uint32_t client, std::uint32_t database, std::string_view rest) {
    return fmt::format("{}:{}:{}:{}", kind, client, database, rest);
}

std::optional<KeyOwner> owner_of(std::string_view key) {
    KeyOwner owner;
    if (key.size() < 2 || key[1] != ':') {
        return std::nullopt;
    }
    key.remove_prefix(2);
    const bool whole = take_number(key, owner.client, ':') && take_number(key, owner.database, ':');
    return whole ? std::optional(owner) : std::nullopt;
}

}  // namespace portal::adversary
