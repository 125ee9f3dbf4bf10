#include "command/tracking.hpp"

#include "resp/reply_writer.hpp"
#include "resp/words.hpp"

#include <algorithm>

namespace portal::command {

namespace {

/// CLIENT TRACKING ON|OFF, then options.
constexpr std::size_t kFirstOption = 3;

/// Calls each(index) for every option word, stepping over the values of REDIRECT and PREFIX.
template <typename Each>
void for_each_option(const resp::RequestView& request, Each&& each) {
    for (std::size_t i = kFirstOption; i < request.argc(); ++i) {
        each(i);
        const bool has_value = resp::is_word(request.arg(i), "redirect") || resp::is_word(request.arg(i), "prefix");
        i += has_value ? 1 : 0;
    }
}

}  // namespace

std::optional<std::uint64_t> Tracking::redirect_of(const resp::RequestView& request) {
    std::optional<std::uint64_t> found;
    for_each_option(request, [&](std::size_t i) {
        if (resp::is_word(request.arg(i), "redirect") && i + 1 < request.argc()) {
            const auto id = resp::to_integer(request.arg(i + 1));
            if (id && *id > 0) {
                found = static_cast<std::uint64_t>(*id);
            }
        }
    });
    return found;
}

std::string Tracking::redirected(const resp::RequestView& request, std::string_view id) {
    std::vector<std::size_t> values;
    for_each_option(request, [&](std::size_t i) {
        if (resp::is_word(request.arg(i), "redirect") && i + 1 < request.argc() &&
            resp::to_integer(request.arg(i + 1)).value_or(0) > 0) {
            values.push_back(i + 1);
        }
    });
    std::string frame;
    resp::write_array_header(frame, request.argc());
    for (std::size_t i = 0; i < request.argc(); ++i) {
        resp::write_bulk(frame, std::ranges::find(values, i) != values.end() ? id : request.arg(i));
    }
    return frame;
}

bool Tracking::turns_on(const resp::RequestView& request) {
    return resp::is_word(request.arg(2), "on");
}

void Tracking::accept(const resp::RequestView& request) {
    options_.clear();
    broadcasts_ = false;
    for_each_option(request, [&](std::size_t i) {
        const std::string option(request.arg(i));
        if (resp::is_word(option, "prefix")) {
            std::string prefix(request.arg(i + 1));
            if (std::ranges::find(prefixes_, prefix) == prefixes_.end()) {
                prefixes_.push_back(std::move(prefix));
            }
        } else if (!resp::is_word(option, "redirect")) {
            broadcasts_ = broadcasts_ || resp::is_word(option, "bcast");
            options_.push_back(option);
        }
    });
}

std::string Tracking::request(std::optional<std::uint64_t> redirect) const {
    std::vector<std::string> words{"CLIENT", "TRACKING", "ON"};
    words.insert(words.end(), options_.begin(), options_.end());
    for (const std::string& prefix : prefixes_) {
        words.insert(words.end(), {"PREFIX", prefix});
    }
    if (redirect) {
        words.insert(words.end(), {"REDIRECT", std::to_string(*redirect)});
    }
    std::string frame;
    resp::write_array_header(frame, words.size());
    for (const std::string& word : words) {
        resp::write_bulk(frame, word);
    }
    return frame;
}

}  // namespace portal::command
