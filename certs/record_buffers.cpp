#include "certs/record_buffers.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>

#include <openssl/crypto.h>

namespace portal::certs {

namespace {

/// A sanitizer is to see what is used after it was given back.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

/// OpenSSL's buffers for one record, 16 KiB and what TLS adds to it, are a little larger than the one and fit into the
/// other.
constexpr std::size_t kSmallest = 16UL * 1024;
constexpr std::size_t kBuffer = 17UL * 1024;
/// What the system's allocator may add to a block.
constexpr std::size_t kSlack = 64;

/// Of one thread. A connection that is served holds two; what more of them are given back goes to the allocator.
struct SpareBuffers {
    std::array<void*, 16> blocks;
    std::size_t count;
    bool closed;  // the thread ends
};
thread_local constinit SpareBuffers spare{};

/// Empties it when the thread ends.
struct Closer {
    ~Closer() {
        spare.closed = true;
        while (spare.count > 0) {
            std::free(spare.blocks[--spare.count]);
        }
    }
};

void* allocate(std::size_t size, const char* /*file*/, int /*line*/) {
    if (size <= kSmallest || size > kBuffer) {
        return std::malloc(size);
    }
    return spare.count > 0 ? spare.blocks[--spare.count] : std::malloc(kBuffer);
}

void* reallocate(void* block, std::size_t size, const char* /*file*/, int /*line*/) {
    return std::realloc(block, size);
}

void release(void* block, const char* /*file*/, int /*line*/) {
    if (block == nullptr) {
        return;
    }
    const std::size_t size = ::malloc_usable_size(block);
    if (size < kBuffer || size > kBuffer + kSlack || spare.count == spare.blocks.size() || spare.closed) {
        std::free(block);
        return;
    }
    thread_local const Closer closer;
    static_cast<void>(closer);
    spare.blocks[spare.count++] = block;
}

}  // namespace

void keep_record_buffers() noexcept {
    if (kKeeps) {
        static_cast<void>(CRYPTO_set_mem_functions(&allocate, &reallocate, &release));
    }
}

}  // namespace portal::certs
