#include "upstream/fence.hpp"

#include <cerrno>
#include <cstdlib>
#include <span>
#include <sys/random.h>

namespace portal::upstream {

namespace {

constexpr std::size_t kDigits = 2 * NonceSource::kBytes;
constexpr std::string_view kEcho = "*2\r\n$4\r\nECHO\r\n";
constexpr std::string_view kCommand = "*1\r\n";
constexpr std::string_view kHeader = "$32\r\n";
constexpr std::string_view kUnknown = "-ERR unknown command ";
/// The word as it is sent, and as ECHO answers it.
constexpr std::size_t kBulk = kHeader.size() + kDigits + 2;

}  // namespace

void NonceSource::next(std::array<char, 2 * kBytes>& out) {
    if (used_ == random_.size()) {
        std::span<unsigned char> rest(random_);
        while (!rest.empty()) {
            const ssize_t got = ::getrandom(rest.data(), rest.size(), 0);
            if (got > 0) {
                rest = rest.subspan(static_cast<std::size_t>(got));
            } else if (errno != EINTR) {
                std::abort();  // a fence that can be guessed is none
            }
        }
        used_ = 0;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    for (std::size_t i = 0; i < kBytes; ++i) {
        const unsigned char byte = random_[used_ + i];
        out[2 * i] = kHex[byte >> 4U];
        out[2 * i + 1] = kHex[byte & 15U];
    }
    used_ += kBytes;
}

void write_fence(std::string& frame, FenceStyle style, NonceSource& nonces) {
    std::array<char, kDigits> nonce;
    nonces.next(nonce);
    frame.assign(style == FenceStyle::echo ? kEcho : kCommand);
    frame.append(kHeader).append(nonce.data(), nonce.size()).append("\r\n");
}

bool may_answer_fence(std::string_view reply) noexcept {
    return (reply.size() == kBulk && reply.starts_with(kHeader)) || reply.starts_with(kUnknown);
}

bool answers_fence(std::string_view frame, std::string_view reply) noexcept {
    const std::string_view word = frame.substr(frame.size() - kBulk);
    if (frame.starts_with(kEcho)) {
        return reply == word;
    }
    const std::string_view nonce = word.substr(kHeader.size(), kDigits);
    // Between the two stands a quotation mark, which differs between versions.
    return reply.starts_with(kUnknown) && reply.size() > kUnknown.size() &&
           reply.substr(kUnknown.size() + 1).starts_with(nonce);
}

}  // namespace portal::upstream
