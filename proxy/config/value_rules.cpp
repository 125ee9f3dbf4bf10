#include "config/value_rules.hpp"

#include "config/spelling.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <vector>

namespace portal::config {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct Unit {
    std::string_view word;
    std::uint64_t factor;
};

constexpr std::array<Unit, 4> kDurationUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 9> kSizeUnits{{{"TiB", 1ULL << 40U},
                                          {"GiB", 1ULL << 30U},
                                          {"MiB", 1ULL << 20U},
                                          {"KiB", 1ULL << 10U},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"KB", 1000},
                                          {"B", 1}}};
constexpr std::size_t kBinaryUnits = 4;

/// "64MiB" is 64 and "MiB". False when it does not begin with a whole number.
bool split_number(std::string_view text, std::uint64_t& number, std::string_view& unit, bool& too_large) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    too_large = error == std::errc::result_out_of_range;
    if (end == text.data() || error == std::errc::invalid_argument) {
        return false;
    }
    unit = text.substr(static_cast<std::size_t>(end - text.data()));
    return true;
}

/// The number in the smallest unit; empty when the unit is unknown. Numbers beyond 64 bits become the largest one,
/// which no bound allows.
std::optional<std::uint64_t> scaled(std::uint64_t number, std::string_view word, bool too_large,
                                    std::span<const Unit> units) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.word == word; });
    if (unit == units.end()) {
        return std::nullopt;
    }
    if (too_large || number > std::numeric_limits<std::uint64_t>::max() / unit->factor) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    return number * unit->factor;
}

std::string print_scaled(std::uint64_t value, std::span<const Unit> units, std::string_view smallest) {
    for (const Unit& unit : units) {
        if (value != 0 && value % unit.factor == 0) {
            return std::to_string(value / unit.factor) + std::string(unit.word);
        }
    }
    return std::to_string(value) + std::string(smallest);
}

bool is_host(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
    });
}

bool is_v6(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    // What follows a '%' names a zone, as in fe80::1%eth0.
    return inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), bytes.data()) == 1;
}

}  // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kShown = 40;
    std::string shown = "'";
    for (const char c : text.substr(0, kShown)) {
        const auto byte = static_cast<unsigned char>(c);
        shown += byte >= 0x20 && byte != 0x7f ? c : '?';
    }
    return shown + (text.size() > kShown ? "...'" : "'");
}

Parsed<std::string> TextRule::parse(const std::string& text) const {
    if (text.empty()) {
        return Parsed<std::string>::wrong("is empty; give a value or leave the key out");
    }
    return Parsed<std::string>::of(text);
}

Parsed<std::string> NameRule::parse(const std::string& text) const {
    const bool good = !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
    });
    if (!good) {
        return Parsed<std::string>::wrong(in_quotes(text) +
                                          " is not a name; use 1 to 63 letters, digits, '.', '_' and '-'");
    }
    return Parsed<std::string>::of(text);
}

Parsed<std::string> FileRule::parse(const std::string& text) const {
    if (text.empty() || text.find('\0') != std::string::npos) {
        return Parsed<std::string>::wrong("is not a path; give one or leave the key out");
    }
    return Parsed<std::string>::of(text);
}

Parsed<Milliseconds> DurationRule::parse(const std::string& text) const {
    using Result = Parsed<Milliseconds>;
    std::uint64_t number = 0;
    std::string_view unit;
    bool too_large = false;
    if (!split_number(text, number, unit, too_large)) {
        return Result::wrong(in_quotes(text) +
                             " is not a duration; write a whole number and a unit, such as 200ms, 1s or 5m");
    }
    if (unit.empty()) {
        return Result::wrong(in_quotes(text) + " has no unit; write " + text.substr(0, 20) + "ms or " +
                             text.substr(0, 20) + "s");
    }
    const auto milliseconds = scaled(number, unit, too_large, kDurationUnits);
    if (!milliseconds) {
        return Result::wrong(in_quotes(text) + " is not a duration; the units are ms, s, m and h");
    }
    const bool is_zero_word = *milliseconds == 0 && !zero.empty();
    if (!is_zero_word && (*milliseconds < static_cast<std::uint64_t>(min.count()) ||
                          *milliseconds > static_cast<std::uint64_t>(max.count()))) {
        return Result::wrong(in_quotes(text) + " is out of bounds; choose " + print(min) + " to " + print(max) +
                             (zero.empty() ? "" : ", or 0s for " + std::string(zero)));
    }
    return Result::of(Milliseconds(static_cast<Milliseconds::rep>(*milliseconds)));
}

std::string DurationRule::print(Milliseconds value) const {
    return value.count() == 0 ? "0s" : print_scaled(static_cast<std::uint64_t>(value.count()), kDurationUnits, "ms");
}

std::string DurationRule::kind() const {
    return "duration, " + print(min) + " to " + print(max) + (zero.empty() ? "" : ", or `0s`: " + std::string(zero));
}

Parsed<Bytes> SizeRule::parse(const std::string& text) const {
    std::uint64_t number = 0;
    std::string_view unit;
    bool too_large = false;
    if (!split_number(text, number, unit, too_large)) {
        return Parsed<Bytes>::wrong(in_quotes(text) +
                                    " is not a size; write a whole number and a unit, such as 64MiB or 1GB");
    }
    const auto bytes = scaled(number, unit.empty() ? "B" : unit, too_large, kSizeUnits);
    if (!bytes) {
        return Parsed<Bytes>::wrong(
            in_quotes(text) + " is not a size; the units are B, KiB, MiB, GiB, TiB (1024) and KB, MB, GB, TB (1000)");
    }
    if (*bytes < min.count || *bytes > max.count) {
        return Parsed<Bytes>::wrong(in_quotes(text) + " is out of bounds; choose " + print(min) + " to " + print(max));
    }
    return Parsed<Bytes>::of(Bytes{*bytes});
}

std::string SizeRule::print(Bytes value) const {
    return print_scaled(value.count, std::span(kSizeUnits).first(kBinaryUnits), "");
}

std::string SizeRule::kind() const {
    return "size, " + print(min) + " to " + print(max);
}

Parsed<std::uint32_t> CountRule::parse(const std::string& text) const {
    if (!zero_word.empty() && text == zero_word) {
        return Parsed<std::uint32_t>::of(0);
    }
    std::uint64_t number = 0;
    std::string_view rest;
    bool too_large = false;
    const std::string or_word = zero_word.empty() ? "" : ", or " + std::string(zero_word);
    if (!split_number(text, number, rest, too_large) || !rest.empty()) {
        return Parsed<std::uint32_t>::wrong(in_quotes(text) + " is not a whole number; choose " + std::to_string(min) +
                                            " to " + std::to_string(max) + or_word);
    }
    if (too_large || number < min || number > max) {
        return Parsed<std::uint32_t>::wrong(in_quotes(text) + " is out of bounds; choose " + std::to_string(min) +
                                            " to " + std::to_string(max) + or_word);
    }
    return Parsed<std::uint32_t>::of(static_cast<std::uint32_t>(number));
}

std::string CountRule::print(std::uint32_t value) const {
    return value == 0 && !zero_word.empty() ? std::string(zero_word) : std::to_string(value);
}

std::string CountRule::kind() const {
    return std::to_string(min) + " to " + std::to_string(max) +
           (zero_word.empty() ? "" : ", or `" + std::string(zero_word) + "`");
}

Parsed<Address> AddressRule::parse(const std::string& text) const {
    using Result = Parsed<Address>;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || (text.starts_with('[') && text.ends_with(']'))) {
        return Result::wrong(in_quotes(text) + " has no port; write host:port");
    }
    std::string host = text.substr(0, colon);
    const std::string port_text = text.substr(colon + 1);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
        if (!is_v6(host)) {
            return Result::wrong(in_quotes(text) +
                                 " holds no IPv6 address in its brackets; write [v6]:port or host:port");
        }
    } else if (host.find(':') != std::string::npos) {
        return Result::wrong(in_quotes(text) + " is not clear; put an IPv6 address in brackets, as in [::1]:6379");
    } else if (host.empty() || host == "*") {
        return Result::wrong(in_quotes(text) + " has no host; write 0.0.0.0:" + port_text + " or [::]:" + port_text +
                             " for all addresses of this machine");
    } else if (!is_host(host)) {
        return Result::wrong(in_quotes(text) + " is not an address; write host:port, without a scheme or spaces");
    }
    std::uint64_t port = 0;
    std::string_view rest;
    bool too_large = false;
    if (!split_number(port_text, port, rest, too_large) || !rest.empty() || too_large || port < 1 || port > 65535) {
        return Result::wrong(in_quotes(text) + " has no usable port; choose 1 to 65535");
    }
    return Result::of(Address{std::move(host), static_cast<std::uint16_t>(port)});
}

std::string AddressRule::print(const Address& value) const {
    const bool v6 = value.host.find(':') != std::string::npos;
    return (v6 ? "[" + value.host + "]" : value.host) + ":" + std::to_string(value.port);
}

Parsed<std::string> UrlRule::parse(const std::string& text) const {
    using Result = Parsed<std::string>;
    const std::string_view all(text);
    const std::string_view rest = all.starts_with("https://")  ? all.substr(8)
                                  : all.starts_with("http://") ? all.substr(7)
                                                               : std::string_view();
    if (rest.find('@') != std::string_view::npos) {
        // Not quoted: what stands before the '@' may be a password.
        return Result::wrong("must not hold a user or password; use username and password_file");
    }
    const std::string address(rest.ends_with('/') ? rest.substr(0, rest.size() - 1) : rest);
    if (address.empty() || !AddressRule{}.parse(address).value) {
        return Result::wrong("is not the address of a server; write http://host:port or https://host:port");
    }
    return Result::of(text.ends_with('/') ? text.substr(0, text.size() - 1) : text);
}

Parsed<std::string> CommandRule::parse(const std::string& text) const {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    std::string_view name = lower;
    if (name.starts_with(kModuleCommand)) {
        name.remove_prefix(kModuleCommand.size());
    }
    const bool good = !name.empty() && name.size() <= 64 && is_letter(name.front()) && name.back() != '|' &&
                      std::count(name.begin(), name.end(), '|') <= 1 &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '|';
                      });
    if (!good) {
        return Parsed<std::string>::wrong(in_quotes(text) +
                                          " is not a command; write its name, command|subcommand, or module:command");
    }
    return Parsed<std::string>::of(std::move(lower));
}

Parsed<NodeSetting> NodeSettingRule::parse(const std::string& text) const {
    // What holds a secret, or is for the monitor to decide.
    static constexpr std::array<std::string_view, 10> kOthers{"requirepass",
                                                              "masterauth",
                                                              "masteruser",
                                                              "tls-key-file-pass",
                                                              "tls-client-key-file-pass",
                                                              "replicaof",
                                                              "slaveof",
                                                              "port",
                                                              "bind",
                                                              "dir"};
    const auto blank = text.find(' ');
    const auto begin = text.find_first_not_of(' ', blank);
    NodeSetting setting;
    setting.name = text.substr(0, blank);
    std::transform(setting.name.begin(), setting.name.end(), setting.name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const bool named = !setting.name.empty() && std::ranges::all_of(setting.name, [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
    const bool plain = std::ranges::none_of(text, [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
    if (!named || blank == std::string::npos || begin == std::string::npos || !plain) {
        return Parsed<NodeSetting>::wrong(in_quotes(text) + " is not a setting; write its name, a blank and its value");
    }
    if (std::ranges::find(kOthers, setting.name) != kOthers.end()) {
        return Parsed<NodeSetting>::wrong(setting.name +
                                          " cannot be asserted: it belongs in each node's own redis.conf");
    }
    setting.value = text.substr(begin);
    if (setting.value.size() > 1 && setting.value.front() == '"' && setting.value.back() == '"') {  // as in redis.conf
        setting.value = setting.value.substr(1, setting.value.size() - 2);
        if (setting.value.find_first_of("\"\\") != std::string::npos) {
            return Parsed<NodeSetting>::wrong(setting.name +
                                              ": no quotation mark or backslash can stand inside of quotation marks");
        }
    }
    return Parsed<NodeSetting>::of(std::move(setting));
}

std::string not_one_of(std::string_view text, const std::string_view* words, std::size_t count) {
    const std::vector<std::string_view> all(words, words + count);
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list += (i == 0 ? "" : i + 1 == count ? " or " : ", ") + std::string(all[i]);
    }
    const auto meant = nearest_word(text, all);
    return in_quotes(text) + " is not known; " +
           (meant ? "did you mean " + std::string(*meant) + "? Choose " : std::string("choose ")) + list;
}

}  // namespace portal::config
