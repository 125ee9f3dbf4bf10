// What a node has sent on one link, cut into replies. A reply that is not whole can be taken as far as it is there;
// what comes then is its rest, until it is complete. Pure: bytes are put in, pieces come out.
#pragma once

#include "resp/byte_buffer.hpp"
#include "resp/frame_scanner.hpp"
#include "upstream/pending_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portal::upstream {

class LinkReader {
  public:
    /// A reply that is longer than this, or announces to be, is large: it is handed on in parts as it arrives.
    static constexpr std::size_t kLarge = 256 * 1024;

    /// `limits` outlives this.
    explicit LinkReader(const resp::ReplyLimits& limits) noexcept : scanner_(limits) {}

    /// What comes next. The view lives until the next call of anything here.
    struct Piece {
        resp::ScanStatus status = resp::ScanStatus::need_more;  // need_more: there is no more of it yet
        std::string_view bytes;
        resp::Error error{};  // with ScanStatus::error only

        [[nodiscard]] bool whole() const noexcept { return status == resp::ScanStatus::complete; }
    };

    /// Where bytes of the node are put.
    [[nodiscard]] resp::ByteBuffer& input() noexcept { return input_; }

    [[nodiscard]] bool empty() const noexcept { return input_.empty(); }
    [[nodiscard]] Piece next() noexcept {
        const resp::ScanResult result = scanner_.scan(input_.view());
        const bool whole = result.status == resp::ScanStatus::complete;
        return {result.status, input_.view().substr(0, whole ? result.size : scanner_.scanned()), result.error};
    }
    /// First byte of the value to which the piece belongs, without attributes.
    [[nodiscard]] char type() const noexcept { return scanner_.type(); }
    /// The next piece belongs to a reply whose beginning was taken already.
    [[nodiscard]] bool within_reply() const noexcept { return within_reply_; }
    /// Bytes of a piece that is not whole, with those that are announced to follow.
    [[nodiscard]] std::size_t expected() const noexcept { return scanner_.scanned() + scanner_.announced(); }
    /// Whether a piece that is not whole, for that request, is taken as it is. Pushes and the lines of MONITOR, which
    /// may stand in front of a reply, are gathered whole.
    [[nodiscard]] bool takes_part(const PendingRequest& front) const noexcept;

    /// The piece has been dealt with.
    void take(const Piece& piece) noexcept {
        within_reply_ = !piece.whole();
        if (within_reply_) {
            scanner_.dropped(piece.bytes.size());
        }
        input_.consume(piece.bytes.size());
    }

  private:
    resp::ByteBuffer input_;
    resp::ReplyScanner scanner_;
    bool within_reply_ = false;
};

}  // namespace portal::upstream
