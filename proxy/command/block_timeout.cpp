#include "command/block_timeout.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace portal::command {

namespace {

/// Which word is the timeout; 0: none.
std::size_t timeout_position(const CommandRow& row, const resp::RequestView& request) {
    if (row.name == "blmpop" || row.name == "bzmpop") {
        return 1;
    }
    if (row.name == "blmovem") {
        return 5 < request.argc() ? 5 : 0;  // how many elements to move stands behind it
    }
    if (!has_block_option(row)) {
        return request.argc() - 1;
    }
    const std::size_t position = block_option(row, request);
    return position < request.argc() ? position : 0;
}

}  // namespace

std::string with_less_timeout(const CommandRow& row, const resp::RequestView& request,
                              std::chrono::steady_clock::duration waited) {
    std::string same(request.frame());
    const std::size_t position = timeout_position(row, request);
    if (position == 0) {
        return same;
    }
    const bool milliseconds = has_block_option(row);
    const std::string_view word = request.arg(position);
    double timeout = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), timeout);
    if (error != std::errc{} || end != word.data() + word.size() || !(timeout > 0) || !std::isfinite(timeout)) {
        return same;
    }
    const double gone = std::chrono::duration<double>(waited).count();
    std::array<char, 400> text{};
    const int size = milliseconds
                         ? std::snprintf(text.data(), text.size(), "%.0f", std::max(1.0, timeout - gone * 1000))
                         : std::snprintf(text.data(), text.size(), "%.3f", std::max(0.001, timeout - gone));
    std::string frame;
    resp::write_array_header(frame, request.argc());
    for (std::size_t i = 0; i < request.argc(); ++i) {
        resp::write_bulk(
            frame, i == position ? std::string_view(text.data(), static_cast<std::size_t>(size)) : request.arg(i));
    }
    return frame;
}

}  // namespace portal::command
