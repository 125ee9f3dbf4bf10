#include "config/secret_files.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

namespace portal::config {

namespace {

constexpr std::streamsize kMaxSecretFile = 64 * 1024;

Parsed<std::string> read_small_file(const std::string& path) {
    if (std::string complaint = why_unreadable(path); !complaint.empty()) {
        return Parsed<std::string>::wrong(std::move(complaint));
    }
    std::ifstream in(path, std::ios::binary);
    std::string content(static_cast<std::size_t>(kMaxSecretFile) + 1, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (in.bad()) {
        return Parsed<std::string>::wrong("cannot be read: " + path);
    }
    if (in.gcount() > kMaxSecretFile) {
        return Parsed<std::string>::wrong("is larger than 64KiB and hardly a secret: " + path);
    }
    content.resize(static_cast<std::size_t>(in.gcount()));
    return Parsed<std::string>::of(std::move(content));
}

void drop_end_of_line(std::string& text) {
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    if (text.ends_with('\r')) {
        text.pop_back();
    }
}

Parsed<std::string> unless_empty(Parsed<std::string> read, const std::string& path) {
    if (read.value && read.value->empty()) {
        return Parsed<std::string>::wrong("holds nothing: " + path);
    }
    return read;
}

}  // namespace

std::string why_unreadable(const std::string& path) {
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed)) {
        return "is a folder, not a file: " + path;
    }
    if (::access(path.c_str(), R_OK) != 0) {
        return "cannot be read: " + path + " (" + std::generic_category().message(errno) + ")";
    }
    return {};
}

Parsed<std::string> read_password(const std::string& path) {
    auto read = read_small_file(path);
    if (read.value) {
        if (const std::size_t end = read.value->find('\n'); end != std::string::npos) {
            read.value->resize(end + 1);
        }
        drop_end_of_line(*read.value);
    }
    return unless_empty(std::move(read), path);
}

Parsed<std::string> read_token(const std::string& path) {
    auto read = read_password(path);
    if (!read.value) {
        return read;
    }
    if (read.value->size() < kShortestToken) {
        return Parsed<std::string>::wrong("holds fewer than " + std::to_string(kShortestToken) +
                                          " characters; make one with: openssl rand -hex 32");
    }
    // It travels in a header, where nothing else may stand.
    const bool visible =
        std::all_of(read.value->begin(), read.value->end(), [](char c) { return c > ' ' && c <= '~'; });
    return visible ? std::move(read)
                   : Parsed<std::string>::wrong(
                         "holds other characters than visible ASCII; make one with: openssl rand "
                         "-hex 32");
}

Parsed<std::string> read_secret_bytes(const std::string& path) {
    auto read = read_small_file(path);
    if (read.value) {
        drop_end_of_line(*read.value);
    }
    return unless_empty(std::move(read), path);
}

}  // namespace portal::config
