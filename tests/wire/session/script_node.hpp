// A node that keeps scripts as redis-server does: EVAL and SCRIPT LOAD make it know one, EVALSHA needs that, and SCRIPT
// FLUSH ends it. What a script returns is its text. A test may answer first, and so make it refuse, lie or fall silent.
#pragma once

#include "fake_node.hpp"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

namespace portal::testing {

[[nodiscard]] inline std::string sha1_of(std::string_view text) {
    std::array<unsigned char, 20> digest{};
    unsigned int size = 0;
    ::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
    std::string hex;
    for (const unsigned char byte : digest) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        hex += kDigits[byte >> 4U];
        hex += kDigits[byte & 15U];
    }
    return hex;
}

[[nodiscard]] inline std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

[[nodiscard]] inline std::string frame_of(const std::vector<std::string>& words) {
    std::string frame = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        frame += bulk(word);
    }
    return frame;
}

class ScriptNode {
  public:
    using Words = std::vector<std::string>;
    static inline const std::string kNoScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
    static inline const std::string kGoOn = "!go on";

    /// `first` may answer instead of the node; kGoOn: it does not.
    explicit ScriptNode(std::function<std::string(const Words&)> first = {})
        : first_(std::move(first)), node_([this](const Words& words) { return answer(words); }) {}

    [[nodiscard]] FakeNode& node() noexcept { return node_; }
    [[nodiscard]] bool knows(std::string_view body) const {
        const std::lock_guard lock(mutex_);
        return known_.contains(sha1_of(body));
    }
    /// As if another portal's client had loaded it.
    void learn(std::string_view body) {
        const std::lock_guard lock(mutex_);
        known_.insert(sha1_of(body));
    }
    void flush() {
        const std::lock_guard lock(mutex_);
        known_.clear();
    }
    [[nodiscard]] std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return known_.size();
    }

  private:
    std::string answer(const Words& words) {
        if (first_) {
            if (std::string given = first_(words); given != kGoOn) {
                return given;
            }
        }
        const std::lock_guard lock(mutex_);
        if (words[0] == "MULTI") {
            queued_ = std::make_unique<std::vector<Words>>();
            return "+OK\r\n";
        }
        if (words[0] == "EXEC" && queued_) {
            const auto queued = std::move(queued_);
            std::string all = "*" + std::to_string(queued->size()) + "\r\n";
            for (const Words& each : *queued) {
                all += run(each);
            }
            return all;
        }
        if (queued_ && words[0] != "SCRIPT") {
            queued_->push_back(words);
            return "+QUEUED\r\n";
        }
        return run(words);
    }

    std::string run(const Words& words) {
        if (words[0].starts_with("EVALSHA")) {
            return known_.contains(words[1]) ? bulk("ran") : kNoScript;
        }
        if (words[0].starts_with("EVAL")) {
            if (words[1].starts_with("syntax error")) {
                return "-ERR Error compiling script (new function): user_script:1: near 'error'\r\n";
            }
            known_.insert(sha1_of(words[1]));
            return words[1].starts_with("fail") ? "-MYERR it says\r\n" : bulk("ran");
        }
        if (words[0] == "SCRIPT" && words[1] == "LOAD") {
            known_.insert(sha1_of(words[2]));
            return bulk(sha1_of(words[2]));
        }
        if (words[0] == "SCRIPT" && words[1] == "EXISTS") {
            std::string all = "*" + std::to_string(words.size() - 2) + "\r\n";
            for (std::size_t i = 2; i < words.size(); ++i) {
                all += known_.contains(words[i]) ? ":1\r\n" : ":0\r\n";
            }
            return all;
        }
        if (words[0] == "SCRIPT" && words[1] == "FLUSH") {
            known_.clear();
            return "+OK\r\n";
        }
        return words[0] == "GET" ? bulk("value") : "+OK\r\n";
    }

    std::function<std::string(const Words&)> first_;
    mutable std::mutex mutex_;
    std::set<std::string> known_;
    std::unique_ptr<std::vector<Words>> queued_;
    FakeNode node_;
};

}  // namespace portal::testing
