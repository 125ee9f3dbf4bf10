#include "resp/byte_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace portal::resp {

ByteBuffer::ByteBuffer(ByteBuffer&& other) noexcept
    : data_(std::move(other.data_)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      maximum_(other.maximum_) {}

ByteBuffer& ByteBuffer::operator=(ByteBuffer&& other) noexcept {
    if (this != &other) {
        data_ = std::move(other.data_);
        capacity_ = std::exchange(other.capacity_, 0);
        begin_ = std::exchange(other.begin_, 0);
        end_ = std::exchange(other.end_, 0);
        maximum_ = other.maximum_;
    }
    return *this;
}

std::span<char> ByteBuffer::prepare(std::size_t n) {
    const std::size_t content = size();
    if (content > maximum_ || n > maximum_ - content) {
        return {};
    }
    if (capacity_ - end_ < n) {
        // Moving the content down is only worth it when at least as much space is won as is moved: otherwise a full
        // buffer that is drained a byte at a time would copy itself for every byte.
        if (begin_ >= content && capacity_ - content >= n) {
            if (content > 0) {
                std::memcpy(data_.get(), data_.get() + begin_, content);
            }
        } else {
            constexpr std::size_t kSmallest = 512;
            const std::size_t capacity = std::max({kSmallest, content + n, std::min(2 * capacity_, maximum_)});
            auto data = std::make_unique_for_overwrite<char[]>(capacity);
            if (content > 0) {
                std::memcpy(data.get(), data_.get() + begin_, content);
            }
            data_ = std::move(data);
            capacity_ = capacity;
        }
        begin_ = 0;
        end_ = content;
    }
    return {data_.get() + end_, std::min(capacity_ - end_, maximum_ - content)};
}

bool ByteBuffer::append_with_more_room(std::string_view bytes) {
    if (bytes.empty()) {
        return true;
    }
    const std::span<char> space = prepare(bytes.size());
    if (space.empty()) {
        return false;
    }
    std::memcpy(space.data(), bytes.data(), bytes.size());
    commit(bytes.size());
    return true;
}

void ByteBuffer::release() noexcept {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

}  // namespace portal::resp
