// Feeds bytes to a scanner in pieces, as a socket would deliver them, and notes all that comes out. Whatever the
// pieces, the outcome must be the same. Used by the unit tests, the fuzzers and the comparison with redis-server.
#pragma once

#include "resp/frame_scanner.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace portal::resp::testing {

struct Event {
    ScanStatus status;
    std::string bytes;  // the frame
    std::string error;  // its text
    char type = 0;      // of a reply

    bool operator==(const Event&) const = default;
};

struct Outcome {
    std::vector<Event> events;
    std::size_t unfinished = 0;   // bytes of the last, incomplete value
    std::uint64_t announced = 0;  // request side

    bool operator==(const Outcome&) const = default;
};

// For GoogleTest's messages.
inline void PrintTo(const Event& event, std::ostream* out) {  // NOLINT(readability-identifier-naming)
    *out << "{status " << static_cast<int>(event.status) << ", type '" << event.type << "', " << event.bytes.size()
         << " bytes \"" << event.bytes.substr(0, 100) << "\", error \"" << event.error << "\"}";
}
inline void PrintTo(const Outcome& outcome, std::ostream* out) {  // NOLINT(readability-identifier-naming)
    for (const Event& event : outcome.events) {
        PrintTo(event, out);
        *out << ' ';
    }
    *out << "and " << outcome.unfinished << " bytes, announced " << outcome.announced;
}

/// Says how many of the scanned bytes to drop, out of `scanned`, after a need_more.
using Drop = std::function<std::size_t(std::size_t scanned)>;
inline std::size_t drop_nothing(std::size_t) {
    return 0;
}
inline std::size_t drop_everything(std::size_t scanned) {
    return scanned;
}
inline std::size_t drop_half(std::size_t scanned) {
    return (scanned + 1) / 2;
}

/// The ends of the pieces: each byte on its own.
inline std::vector<std::size_t> byte_by_byte(std::string_view input) {
    std::vector<std::size_t> cuts(input.size());
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        cuts[i] = i + 1;
    }
    return cuts;
}

/// A copy of exactly these bytes, so that the sanitizer sees a read past them; without a copy if that would take too
/// long.
class Piece {
  public:
    Piece(std::string_view bytes, bool copy) : bytes_(bytes) {
        if (copy) {
            copy_.assign(bytes.begin(), bytes.end());
            bytes_ = {copy_.data(), copy_.size()};
        }
    }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }

  private:
    std::vector<char> copy_;
    std::string_view bytes_;
};
constexpr std::size_t kCopyBelow = 16384;

/// `cuts` are offsets at which a piece ends, in growing order; the last piece ends with the input.
inline Outcome feed_requests(const RequestLimits& limits, std::string_view input, std::vector<std::size_t> cuts = {},
                             const Drop& drop = drop_nothing) {
    cuts.push_back(input.size());
    RequestScanner scanner(limits);
    Outcome outcome;
    std::size_t start = 0;    // of the request
    std::size_t dropped = 0;  // bytes of the request
    for (const std::size_t cut : cuts) {
        while (true) {
            const std::size_t from = start + dropped;
            const Piece seen(input.substr(from, cut - from), input.size() < kCopyBelow);
            const ScanResult result = scanner.scan(seen.bytes());
            if (result.status == ScanStatus::need_more) {
                const std::size_t n = std::min(drop(scanner.scanned()), scanner.scanned());
                scanner.dropped(n);
                dropped += n;
                break;
            }
            if (result.status == ScanStatus::error) {
                outcome.events.push_back({result.status, {}, scanner.error_text(result.error)});
                return outcome;
            }
            const std::size_t size = dropped + result.size;
            outcome.events.push_back({result.status, std::string(input.substr(start, size)), {}});
            start += size;
            dropped = 0;
        }
    }
    outcome.unfinished = input.size() - start;
    outcome.announced = scanner.announced();
    return outcome;
}

inline Outcome feed_replies(const ReplyLimits& limits, std::string_view input, std::vector<std::size_t> cuts = {},
                            const Drop& drop = drop_nothing) {
    cuts.push_back(input.size());
    ReplyScanner scanner(limits);
    Outcome outcome;
    std::size_t start = 0;    // of the value
    std::size_t dropped = 0;  // bytes of the value
    for (const std::size_t cut : cuts) {
        while (true) {
            const std::size_t from = start + dropped;
            const Piece seen(input.substr(from, cut - from), input.size() < kCopyBelow);
            const ScanResult result = scanner.scan(seen.bytes());
            if (result.status == ScanStatus::need_more) {
                const std::size_t n = std::min(drop(scanner.scanned()), scanner.scanned());
                scanner.dropped(n);
                dropped += n;
                break;
            }
            if (result.status == ScanStatus::error) {
                outcome.events.push_back({result.status, {}, make_error_code(result.error).message()});
                return outcome;
            }
            const std::size_t size = dropped + result.size;
            outcome.events.push_back({result.status, std::string(input.substr(start, size)), {}, scanner.type()});
            start += size;
            dropped = 0;
        }
    }
    outcome.unfinished = input.size() - start;
    return outcome;
}

}  // namespace portal::resp::testing
