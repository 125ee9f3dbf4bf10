// OpenSSL gives the buffers of a TLS connection back whenever it holds no record (SSL_MODE_RELEASE_BUFFERS), so that an
// idle client costs little; and asks for them again with the next record. For the general allocator these are large
// blocks, which it splits and joins each time. Here each thread keeps a few of them.
#pragma once

namespace portal::certs {

/// OpenSSL's memory comes from here from now on. To be called before anything else of OpenSSL, once, by the program;
/// later it has no effect.
void keep_record_buffers() noexcept;

}  // namespace portal::certs
