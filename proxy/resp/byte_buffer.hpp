// A growing run of bytes with a read end and a write end: prepare / commit / consume. Compaction is lazy: consumed
// space is reused at the next prepare. Has a maximum; gives its memory back when empty and told to.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace portal::resp {

class ByteBuffer {
  public:
    ByteBuffer() noexcept = default;
    /// `maximum` bounds size(), not capacity.
    explicit ByteBuffer(std::size_t maximum) noexcept : maximum_(maximum) {}
    ByteBuffer(ByteBuffer&&) noexcept;
    ByteBuffer& operator=(ByteBuffer&&) noexcept;

    [[nodiscard]] std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t maximum() const noexcept { return maximum_; }

    /// Writable space of at least `n` bytes after the present content (an empty span if size() + n would pass the
    /// maximum). May move the content: views taken before are invalid.
    [[nodiscard]] std::span<char> prepare(std::size_t n);
    /// The first `n` bytes of the prepared space are content now.
    void commit(std::size_t n) noexcept { end_ += n; }
    /// Appends a copy. False (and unchanged) if that would pass the maximum.
    [[nodiscard]] bool append(std::string_view bytes) {
        if (!bytes.empty() && bytes.size() <= capacity_ - end_ && size() + bytes.size() <= maximum_) {
            std::memcpy(data_.get() + end_, bytes.data(), bytes.size());
            end_ += bytes.size();
            return true;
        }
        return append_with_more_room(bytes);
    }
    /// Drops `n` bytes from the front, n <= size().
    void consume(std::size_t n) noexcept {
        begin_ += n;
        if (begin_ == end_) {
            begin_ = end_ = 0;
        }
    }
    void clear() noexcept { begin_ = end_ = 0; }
    /// Gives the memory back; the content is dropped.
    void release() noexcept;

  private:
    [[nodiscard]] bool append_with_more_room(std::string_view bytes);

    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t maximum_ = static_cast<std::size_t>(-1);
};

}  // namespace portal::resp
