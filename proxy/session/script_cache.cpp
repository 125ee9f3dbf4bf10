#include "session/script_cache.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include <openssl/evp.h>

namespace portal::session {

namespace {

constexpr std::size_t kDigest = 40;

/// Cheap enough for each EVAL; a text is compared as well before it counts as known.
std::size_t hash_of(std::string_view body) noexcept {
    return std::hash<std::string_view>{}(body);
}

}  // namespace

std::string digest_of(std::string_view body) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::array<unsigned char, kDigest / 2> bytes{};
    unsigned int size = 0;
    if (::EVP_Digest(body.data(), body.size(), bytes.data(), &size, ::EVP_sha1(), nullptr) != 1 ||
        size != bytes.size()) {
        return {};
    }
    std::string digest;
    for (const unsigned char byte : bytes) {
        digest += kDigits[byte >> 4U];
        digest += kDigits[byte & 15U];
    }
    return digest;
}

std::string lower_digest(std::string_view digest) {
    std::string lower(digest.substr(0, digest.size() == kDigest ? kDigest : 0));
    for (char& c : lower) {
        c = c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return {};
        }
    }
    return lower;
}

void ScriptCache::limit(std::size_t bytes) {
    limit_ = bytes;
    make_room();
}

ScriptPtr ScriptCache::accept(std::string_view body, Kind kind, Proof proof, const command::CredentialsPtr& by,
                              std::string_view digest) {
    const std::size_t hash = hash_of(body);
    if (Entry* const known = find(body, hash)) {
        if (!digest.empty() && digest != known->digest) {
            return nullptr;
        }
        if (proof == Proof::given) {
            set_doubtful(*known, false);
        }
        touch(by_digest_.find(known->digest)->second, kind);
        return nullptr;
    }
    if (body.size() + kOverhead > limit_) {
        return nullptr;
    }
    std::string computed = digest_of(body);
    if (computed.empty() || (!digest.empty() && digest != computed)) {
        return nullptr;
    }
    auto script = std::make_shared<const Script>(Script{std::move(computed), std::string(body), by});
    if (const auto named = by_digest_.find(script->digest); named != by_digest_.end()) {
        give_text(*named->second, script, hash);
        touch(named->second, Kind::kept);
        make_room();
        return script;
    }
    insert({script->digest, script, hash, kind, proof == Proof::owed});
    return script;
}

bool ScriptCache::accept(const ScriptPtr& script, Kind kind) {
    const auto known = by_digest_.find(script->digest);
    if (known == by_digest_.end()) {
        if (script->body.size() + kOverhead <= limit_) {
            insert({script->digest, script, hash_of(script->body), kind, false});
        }
        return true;
    }
    set_doubtful(*known->second, false);
    const bool has_text = known->second->script != nullptr;
    if (!has_text) {
        give_text(*known->second, script, hash_of(script->body));
        touch(known->second, Kind::kept);
        make_room();
    }
    return !has_text;
}

void ScriptCache::note_known(std::string_view digest) {
    if (const auto known = by_digest_.find(digest); known != by_digest_.end()) {
        touch(known->second, known->second->script ? Kind::kept : Kind::named);
        return;
    }
    // EVALSHA takes capitals; nearly nobody sends them.
    std::string lower = lower_digest(digest);
    if (lower.empty()) {
        return;
    }
    if (lower != digest) {
        note_known(lower);
        return;
    }
    insert({std::move(lower), nullptr, 0, Kind::named, false});
}

void ScriptCache::confirm(std::string_view digest, bool known) {
    const auto found = by_digest_.find(digest);
    if (found == by_digest_.end()) {
        return;
    }
    if (known) {
        set_doubtful(*found->second, false);
    } else {
        erase(found->second);
    }
}

void ScriptCache::doubt() {
    for (Entries& entries : entries_) {
        for (Entry& each : entries) {
            set_doubtful(each, true);
        }
    }
}

void ScriptCache::drop_doubtful() {
    for (Entries& entries : entries_) {
        for (auto next = entries.begin(); doubtful_ > 0 && next != entries.end();) {
            const auto each = next++;
            if (each->doubtful) {
                erase(each);
            }
        }
    }
}

std::vector<ScriptCache::Known> ScriptCache::all() const {
    return some(0, size());
}

std::vector<ScriptCache::Known> ScriptCache::some(std::size_t begin, std::size_t count) const {
    std::vector<Known> found;
    for (const Kind kind : {Kind::kept, Kind::evaluated, Kind::named}) {
        if (begin >= of(kind).size()) {
            begin -= of(kind).size();
            continue;
        }
        for (auto each = std::next(of(kind).begin(), static_cast<std::ptrdiff_t>(begin));
             each != of(kind).end() && found.size() < count; ++each) {
            found.push_back({each->digest, each->script, each->doubtful});
        }
        begin = 0;
    }
    return found;
}

/// They are among those used last, unless all are: looks no further than it must.
std::vector<ScriptCache::Known> ScriptCache::doubtful() const {
    std::vector<Known> found;
    for (const Kind kind : {Kind::evaluated, Kind::kept, Kind::named}) {
        for (const Entry& each : of(kind)) {
            if (found.size() == doubtful_) {
                return found;
            }
            if (each.doubtful) {
                found.push_back({each.digest, each.script, true});
            }
        }
    }
    return found;
}

bool ScriptCache::is_proven(std::string_view digest) const {
    const auto found = by_digest_.find(digest);
    return found != by_digest_.end() && !found->second->doubtful;
}

ScriptCache::Entry* ScriptCache::find(std::string_view body, std::size_t hash) {
    const auto found = by_text_.find(hash);
    return found != by_text_.end() && found->second->script->body == body ? &*found->second : nullptr;
}

/// A script that is named or loaded stays what it is when it comes with an EVAL once more.
void ScriptCache::touch(Entries::iterator entry, Kind kind) {
    const Kind before = entry->kind;
    const Kind now = before == Kind::kept ? Kind::kept : kind;
    entry->kind = now;
    of(now).splice(of(now).begin(), of(before), entry);
}

void ScriptCache::insert(Entry entry) {
    const Kind kind = entry.kind;
    bytes_ += kOverhead + (entry.script ? entry.script->body.size() : 0);
    doubtful_ += entry.doubtful ? 1U : 0U;
    of(kind).push_front(std::move(entry));
    const auto at = of(kind).begin();
    by_digest_.emplace(at->digest, at);
    if (at->script) {
        by_text_.insert_or_assign(at->hash, at);
    }
    make_room();
}

void ScriptCache::give_text(Entry& entry, const ScriptPtr& script, std::size_t hash) {
    if (entry.script) {
        return;
    }
    entry.script = script;
    entry.hash = hash;
    bytes_ += script->body.size();
    by_text_.insert_or_assign(hash, by_digest_.find(entry.digest)->second);
}

void ScriptCache::set_doubtful(Entry& entry, bool doubtful) noexcept {
    doubtful_ += doubtful && !entry.doubtful ? 1U : 0U;
    doubtful_ -= !doubtful && entry.doubtful ? 1U : 0U;
    entry.doubtful = doubtful;
}

void ScriptCache::erase(Entries::iterator entry) {
    set_doubtful(*entry, false);
    bytes_ -= kOverhead + (entry->script ? entry->script->body.size() : 0);
    if (const auto text = by_text_.find(entry->hash); text != by_text_.end() && text->second == entry) {
        by_text_.erase(text);
    }
    by_digest_.erase(entry->digest);
    of(entry->kind).erase(entry);
}

void ScriptCache::drop_last(Kind kind) {
    erase(std::prev(of(kind).end()));
}

void ScriptCache::make_room() {
    while (of(Kind::evaluated).size() > kMostEvaluated) {
        drop_last(Kind::evaluated);
    }
    while (of(Kind::named).size() > kMostNamed) {
        drop_last(Kind::named);
    }
    for (const Kind kind : {Kind::evaluated, Kind::named, Kind::kept}) {
        while (bytes_ > limit_ && !of(kind).empty()) {
            drop_last(kind);
        }
    }
}

}  // namespace portal::session
