#include "session/client_filter.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <array>

namespace portal::session {

namespace client_errors = conversation::client_errors;

namespace {

using Text = std::optional<std::string> ClientTraits::*;
struct TextOption {
    std::string_view word;
    Text where;
};
constexpr auto kTexts = std::to_array<TextOption>({{"user", &ClientTraits::username},
                                                   {"addr", &ClientTraits::address},
                                                   {"laddr", &ClientTraits::local_address},
                                                   {"name", &ClientTraits::name},
                                                   {"lib-name", &ClientTraits::library_name},
                                                   {"lib-ver", &ClientTraits::library_version},
                                                   {"ip", &ClientTraits::ip},
                                                   {"flags", &ClientTraits::flags},
                                                   {"capa", &ClientTraits::capabilities}});

/// Letters that CLIENT LIST can show; of capabilities Valkey has one: it follows redirections.
constexpr std::string_view kFlags = "AbBcdeiIMNOPrRStTuUx";
constexpr std::string_view kCapabilities = "r";

/// Options that are no texts.
constexpr auto kOthers = std::to_array<std::string_view>({"id", "type", "db", "skipme", "maxage", "idle"});

bool is_option(std::string_view word) {
    const bool excludes = word.size() > 4 && resp::is_word(word.substr(0, 4), "not-");
    word.remove_prefix(excludes ? 4 : 0);
    return std::ranges::any_of(kTexts, [word](const TextOption& each) { return resp::is_word(word, each.word); }) ||
           std::ranges::any_of(kOthers, [word](std::string_view each) { return resp::is_word(word, each); });
}

bool has_all(std::string_view letters, std::string_view wanted) {
    return std::ranges::all_of(wanted, [letters](char each) { return letters.find(each) != std::string_view::npos; });
}

/// Without its port.
std::string_view ip_of(std::string_view address) {
    std::string_view ip = address.substr(0, address.rfind(':'));
    if (ip.starts_with('[') && ip.ends_with(']')) {
        ip = ip.substr(1, ip.size() - 2);
    }
    return ip;
}

/// For each trait that is given, whether the client has it: all of them (`every`), or any.
bool has(const ClientTraits& traits, const ClientLine& line, bool every) {
    bool all = true;
    bool any = false;
    const auto note = [&](bool given, bool true_of_it) {
        all = all && (!given || true_of_it);
        any = any || (given && true_of_it);
    };
    const auto note_text = [&](const std::optional<std::string>& text, std::string_view its) {
        note(text.has_value(), text && *text == its);
    };
    note(!traits.ids.empty(), std::ranges::find(traits.ids, line.id) != traits.ids.end());
    note(traits.type.has_value(), traits.type && line.type() == *traits.type);
    note_text(traits.username, line.username);
    note_text(traits.address, line.address);
    note_text(traits.local_address, line.local_address);
    note_text(traits.name, line.name);
    note_text(traits.library_name, line.library_name);
    note_text(traits.library_version, line.library_version);
    note_text(traits.ip, ip_of(line.address));
    note(traits.flags.has_value(), traits.flags && has_all(line.flags, *traits.flags));
    note(traits.capabilities.has_value(), traits.capabilities && traits.capabilities->empty());
    note(traits.database.has_value(), traits.database && *traits.database == line.database);
    return every ? all : any;
}

/// Reads one option after the other.
class FilterReader {
  public:
    FilterReader(const resp::RequestView& request, ClientFilter& filter, bool kills)
        : request_(request), filter_(filter), kills_(kills) {}

    std::string read(std::string_view user_error) {
        while (at_ < request_.argc()) {
            if (at_ + 1 == request_.argc()) {
                return std::string(client_errors::kSyntax);
            }
            std::string problem = read_option(user_error);
            if (!problem.empty()) {
                return problem;
            }
        }
        return {};
    }
    /// The one that USER or NOT-USER names first.
    [[nodiscard]] std::optional<std::string_view> user() const noexcept { return user_; }

  private:
    std::string read_option(std::string_view user_error) {
        std::string_view option = request_.arg(at_);
        const std::string_view value = request_.arg(at_ + 1);
        const bool excludes = option.size() > 4 && resp::is_word(option.substr(0, 4), "not-");
        option.remove_prefix(excludes ? 4 : 0);
        ClientTraits& traits = excludes ? filter_.unwanted : filter_.wanted;
        if (resp::is_word(option, "id")) {
            return read_ids(traits);
        }
        at_ += 2;
        if (resp::is_word(option, "type")) {
            traits.type = to_client_type(value);
            return traits.type ? std::string() : client_errors::unknown_client_type(value);
        }
        if (resp::is_word(option, "db")) {
            traits.database = resp::to_integer(value);
            return traits.database && *traits.database >= 0 ? std::string()
                                                            : std::string(client_errors::kDatabaseRange);
        }
        const auto* text =
            std::ranges::find_if(kTexts, [&](const TextOption& each) { return resp::is_word(option, each.word); });
        if (text != kTexts.end()) {
            return read_text(*text, traits, value, user_error);
        }
        return excludes ? std::string(client_errors::kSyntax) : read_bound(option, value);
    }

    std::string read_text(const TextOption& option, ClientTraits& traits, std::string_view value,
                          std::string_view user_error) {
        if (option.where == &ClientTraits::username) {
            user_ = user_.value_or(value);
            if (!user_error.empty()) {
                return std::string(user_error);
            }
        }
        const bool letters = option.where == &ClientTraits::flags || option.where == &ClientTraits::capabilities;
        if (letters && !has_all(option.where == &ClientTraits::flags ? kFlags : kCapabilities, value)) {
            return client_errors::unknown_letters(option.word, value);
        }
        traits.*option.where = std::string(value);
        return {};
    }

    std::string read_bound(std::string_view option, std::string_view value) {
        const auto number = resp::to_integer(value);
        if (resp::is_word(option, "skipme") && (resp::is_word(value, "yes") || resp::is_word(value, "no"))) {
            filter_.skip_asker = resp::is_word(value, "yes");
        } else if (resp::is_word(option, "maxage")) {
            filter_.min_age = number.value_or(0);
            return number ? std::string() : std::string(client_errors::kMaxAge);
        } else if (resp::is_word(option, "idle")) {
            filter_.min_idle = number.value_or(0);
            return number ? std::string() : std::string(client_errors::kIdle);
        } else {
            return std::string(client_errors::kSyntax);
        }
        return {};
    }

    /// As many as follow.
    std::string read_ids(ClientTraits& traits) {
        const std::size_t first = ++at_;
        traits.ids.clear();
        for (; at_ < request_.argc(); ++at_) {
            const auto id = resp::to_integer(request_.arg(at_));
            if (!id && at_ > first && (kills_ || is_option(request_.arg(at_)))) {
                break;
            }
            if (!id || (kills_ && *id < 1)) {
                return std::string(kills_ ? client_errors::kClientIdPositive : client_errors::kClientId);
            }
            traits.ids.push_back(static_cast<std::uint64_t>(*id));
        }
        return {};
    }

    const resp::RequestView& request_;
    ClientFilter& filter_;
    bool kills_;
    std::size_t at_ = 2;
    std::optional<std::string_view> user_;
};

}  // namespace

bool ClientFilter::matches(const ClientLine& line) const {
    return line.age >= min_age && line.idle >= min_idle && has(wanted, line, true) && !has(unwanted, line, false);
}

std::string read_list(const resp::RequestView& request, ClientFilter& filter) {
    return FilterReader(request, filter, false).read({});
}

std::string read_kill(const resp::RequestView& request, std::string_view user_error, ClientFilter& filter) {
    if (request.argc() == 3) {
        filter.old_form = true;
        filter.wanted.address = request.arg(2);
        return {};
    }
    filter.skip_asker = true;
    return FilterReader(request, filter, true).read(user_error);
}

std::optional<std::string_view> user_of_kill(const resp::RequestView& request) {
    if (request.argc() == 3) {
        return std::nullopt;
    }
    ClientFilter filter;
    FilterReader reader(request, filter, true);
    static_cast<void>(reader.read({}));
    return reader.user();
}

}  // namespace portal::session
