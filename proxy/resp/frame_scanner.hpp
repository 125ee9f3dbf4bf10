// Finds the end of the next request or reply in a growing run of bytes. Resumable at any byte, builds no tree,
// allocates nothing. Knows no socket and no command.
#pragma once

#include "resp/limits.hpp"
#include "resp/resp_error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portal::resp {

enum class ScanStatus : std::uint8_t {
    need_more,  // not finished; call again with the same bytes followed by more
    complete,   // one whole value; its bytes are [0, size)
    empty,      // request side only: an empty command ("*0", "*-1", a blank line) that gets no reply; drop `size` bytes
    error,      // the peer broke the protocol; the connection cannot go on
};

struct ScanResult {
    ScanStatus status = ScanStatus::need_more;
    std::size_t size = 0;
    Error error{};  // meaningful with ScanStatus::error only
};

/// Frames client requests: multibulk ("*2\r\n$3\r\nGET\r\n...") and inline commands ("PING\r\n").
///
/// `bytes` always starts at the first byte of the current request. After complete or empty the scanner stands at the
/// start of the next request by itself: call again with what follows. After error it stays in error. Errors come in the
/// order and for the inputs for which redis-server 7.0 reports them, whatever pieces the bytes come in (as if byte by
/// byte: redis-server lets an overlong line pass if its end happens to come in the same read). One is ours: a multibulk
/// request has CR LF wherever one belongs. redis-server takes any byte for LF, and any two behind an argument; requests
/// travel as they came, and another server might then disagree about where the next one begins.
///
/// A long request need not be kept whole: after need_more the caller may drop the first n scanned bytes if it says so
/// with dropped(n), n <= scanned(); `size` of the final result then counts only bytes after the dropped ones.
class RequestScanner {
  public:
    explicit RequestScanner(const RequestLimits& limits) noexcept : limits_(&limits) {}

    ScanResult scan(std::string_view bytes) noexcept;

    /// The limits change when a client authenticates. The reference must outlive the scanner.
    void set_limits(const RequestLimits& limits) noexcept { limits_ = &limits; }

    /// Bytes that the request is already known to still need beyond what was scanned (an announced bulk); 0 if unknown.
    [[nodiscard]] std::uint64_t announced() const noexcept;

    [[nodiscard]] std::size_t scanned() const noexcept { return position_; }
    void dropped(std::size_t n) noexcept {
        position_ -= n;
        dropped_ += n;
    }

    /// The full client-visible text of `error`, e.g. "Protocol error: expected '$', got 'x'".
    [[nodiscard]] std::string error_text(Error error) const;

  private:
    enum class Line : std::uint8_t { complete, need_more, too_long };

    ScanResult scan_inline(std::string_view bytes) noexcept;
    Line find_line_end(std::string_view bytes, std::size_t start, char end) noexcept;
    ScanResult suspend(std::size_t position, std::int64_t arguments_left, std::uint64_t bulk_left) noexcept;
    ScanResult finish(ScanStatus status, std::size_t size) noexcept;
    ScanResult fail(Error error) noexcept;

    const RequestLimits* limits_;
    std::size_t position_ = 0;          // everything before it is scanned
    std::uint64_t dropped_ = 0;         // bytes of the request that went before
    std::size_t searched_ = 0;          // of the line that starts at position_, so many bytes hold no line end
    std::int64_t arguments_left_ = -1;  // -1: the request's first line is not scanned yet
    std::uint64_t bulk_left_ = 0;       // bytes of the current argument with its line end; 0: between arguments
    char offending_ = 0;
    bool failed_ = false;
    Error error_{};
};

/// Frames node replies, RESP2 and RESP3: nested aggregates, nulls, booleans, doubles, big numbers, verbatim strings,
/// bulk errors, maps, sets, pushes, attributes (which belong to the value that follows them), streamed strings ("$?"
/// ... ";0") and streamed aggregates ("*?" ... ".").
///
/// A long reply need not be kept whole: after need_more the caller may drop the first n scanned bytes if it says so
/// with dropped(n), n <= scanned(); `size` of the final result then counts only bytes after the dropped ones.
class ReplyScanner {
  public:
    explicit ReplyScanner(const ReplyLimits& limits) noexcept : limits_(&limits) {}

    ScanResult scan(std::string_view bytes) noexcept;

    [[nodiscard]] std::size_t scanned() const noexcept { return position_; }
    void dropped(std::size_t n) noexcept { position_ -= n; }

    /// Bytes that the value is already known to still need beyond what was scanned (an announced string, the least that
    /// announced elements take); 0 if unknown.
    [[nodiscard]] std::uint64_t announced() const noexcept;

    /// First byte of the value that scan() works on or has just completed: '+', '-', '$', '>', ... Attributes are
    /// passed over, so this is the type of the value itself; 0 before any byte.
    [[nodiscard]] char type() const noexcept { return type_; }

  private:
    enum class Phase : std::uint8_t {
        value,   // at the first byte of a value
        bulk,    // inside a string of announced length
        text,    // inside a line
        chunks,  // inside a streamed string, at the first byte of a chunk
    };
    enum class Step : std::uint8_t { go_on, need_more, malformed, too_large, too_deep };
    struct Length;

    Step step(std::string_view bytes) noexcept;
    Step scan_value(std::string_view bytes) noexcept;
    Step scan_bulk(std::string_view bytes) noexcept;
    Step scan_text(std::string_view bytes) noexcept;
    Step scan_chunk(std::string_view bytes) noexcept;
    Step open_bulk(const Length& length) noexcept;
    Step open_aggregate(char type, const Length& length) noexcept;
    Step add_elements(std::int64_t count, std::int64_t per_element) noexcept;
    void begin_value(char type) noexcept;
    void value_done() noexcept;

    static constexpr std::size_t kMaxDepth = 32;  // >= ReplyLimits::depth

    const ReplyLimits* limits_;
    std::size_t position_ = 0;
    // Values still to come, the current one included. An aggregate just adds its elements to it and an attribute adds
    // its own without counting as a value, so counted nesting takes no stack however deep it is.
    std::int64_t outstanding_ = 0;
    std::int64_t left_ = 0;  // bulk: bytes to come, without the line end; text: bytes that may still come
    std::size_t depth_ = 0;  // open streamed aggregates
    struct Streamed {
        std::int64_t outstanding = 0;  // around the aggregate
        bool map = false;
        bool odd = false;  // a key was seen, its value is due
    };
    std::array<Streamed, kMaxDepth> streamed_{};
    Phase phase_ = Phase::value;
    bool streaming_string_ = false;
    bool in_value_ = false;  // past the attributes in front of the value
    bool inside_ = false;    // past the head of an aggregate: a push may stand beside its elements
    char type_ = 0;
    bool failed_ = false;
    Error error_{};
};

}  // namespace portal::resp
