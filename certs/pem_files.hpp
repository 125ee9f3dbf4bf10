// Reads and writes the small files that hold certificates and keys. Blocking; not for a shard's thread.
#pragma once

#include "certs/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace portal::certs {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view bytes);
std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256& digest);

/// The whole file, at most 1 MiB (no chain is longer). The error names the path and the system's reason.
Result<std::string> read_pem_file(const std::string& path);

enum class FileMode : std::uint16_t { everyone_reads = 0644, owner_only = 0600 };
enum class IfPresent : std::uint8_t { replace, fail };

/// Writes beside `path` under a name nobody can guess, syncs, and then puts it in place in one step: a reader sees the
/// old file or the whole new one, and a planted symbolic link is never followed.
Result<void> write_file(const std::string& path, std::string_view content, FileMode mode, IfPresent if_present);

}  // namespace portal::certs
