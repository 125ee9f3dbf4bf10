// Record and mark as JSON, for every arbiter that keeps text. Unknown keys are ignored, so that an older portal can
// read what a newer one wrote. Pure.
#pragma once

#include "sentinel/arbiter/record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portal::sentinel {

/// One line of JSON. `version` is kept inside for arbiters that have no versions of their own; 0 leaves it out.
std::string encode_record(const Record& record, std::uint64_t version);
std::string encode_mark(const Mark& mark);

struct VersionedRecord {
    Record record;
    std::uint64_t version = 0;
};
/// Nothing, and a sentence in `error`, when the text is not a record.
std::optional<VersionedRecord> decode_record(std::string_view text, std::string& error);
std::optional<Mark> decode_mark(std::string_view text, std::string& error);

}  // namespace portal::sentinel
