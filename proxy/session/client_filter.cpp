#include "session/client_filter.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"

#include <limits>

namespace portal::session {

namespace client_errors = conversation::client_errors;

bool ClientFilter::matches(const ClientLine& line) const {
    return (id == 0 || line.id == id) && (!type || line.type() == *type) && (!username || line.username == *username) &&
           (!address || line.address == *address) && (!local_address || line.local_address == *local_address) &&
           line.age >= min_age;
}

std::string read_kill(const resp::RequestView& request, std::string_view user_error, ClientFilter& filter) {
    if (request.argc() == 3) {
        filter.old_form = true;
        filter.skip_asker = false;
        filter.address = request.arg(2);
        return {};
    }
    for (std::size_t i = 2; i < request.argc(); i += 2) {
        if (i + 1 == request.argc()) {
            return std::string(client_errors::kSyntax);
        }
        const std::string key(request.arg(i));
        const std::string_view value = request.arg(i + 1);
        if (resp::is_word(key, "id")) {
            const auto id = resp::to_integer(value);
            if (!id || *id < 1) {
                return std::string(client_errors::kClientIdPositive);
            }
            filter.id = static_cast<std::uint64_t>(*id);
        } else if (resp::is_word(key, "type")) {
            filter.type = to_client_type(value);
            if (!filter.type) {
                return client_errors::unknown_client_type(value);
            }
        } else if (resp::is_word(key, "addr")) {
            filter.address = value;
        } else if (resp::is_word(key, "laddr")) {
            filter.local_address = value;
        } else if (resp::is_word(key, "user")) {
            if (!user_error.empty()) {
                return std::string(user_error);
            }
            filter.username = value;
        } else if (resp::is_word(key, "skipme") && resp::is_word(value, "yes")) {
            filter.skip_asker = true;
        } else if (resp::is_word(key, "skipme") && resp::is_word(value, "no")) {
            filter.skip_asker = false;
        } else if (resp::is_word(key, "maxage")) {
            const auto age = resp::to_integer(value);
            if (!age) {
                return std::string(client_errors::kMaxAge);
            }
            filter.min_age = *age;
        } else {
            return std::string(client_errors::kSyntax);
        }
    }
    return {};
}

std::optional<std::string_view> user_of_kill(const resp::RequestView& request) {
    for (std::size_t i = 2; i + 1 < request.argc(); i += 2) {
        if (resp::is_word(request.arg(i), "user")) {
            return request.arg(i + 1);
        }
    }
    return std::nullopt;
}

}  // namespace portal::session
