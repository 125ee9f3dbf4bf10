#include "cli/file_watch.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/inotify.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <openssl/crypto.h>

namespace portal::cli {

namespace {

/// Whoever changes one file often changes another right after it, such as a certificate and its key.
constexpr std::chrono::milliseconds kSettle{200};
/// Longer files are no configuration; the loaders refuse them.
constexpr std::streamsize kMost = 2 << 20;
constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

void append(std::string& joined, const std::string& file) {
    std::string content(static_cast<std::size_t>(kMost), '\0');
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    in.read(content.data(), kMost);
    const bool failed = !in.is_open() || in.bad();
    content.resize(failed ? 0 : static_cast<std::size_t>(in.gcount()));
    joined += file + '\0' + (failed ? std::strerror(errno) : std::to_string(content.size())) + '\0' + content;
    OPENSSL_cleanse(content.data(), content.size());
}

}  // namespace

certs::Sha256 content_of(const std::vector<std::string>& files) {
    std::string joined;
    for (const std::string& file : files) {
        append(joined, file);
    }
    const certs::Sha256 digest = certs::sha256(joined);
    OPENSSL_cleanse(joined.data(), joined.size());
    return digest;
}

FileWatch::FileWatch(boost::asio::io_context& io, std::function<void()> changed, std::chrono::milliseconds backstop)
    : changed_(std::move(changed)), backstop_(backstop), events_(io), timer_(io) {}

void FileWatch::watch(std::vector<std::string> files) {
    if (files != files_) {
        files_ = std::move(files);
        note_present();
    }
    if (!events_.is_open()) {
        // Without inotify the backstop alone finds changes.
        if (const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC); descriptor >= 0) {
            events_.assign(descriptor);
            wait_for_event();
        }
    }
    arm();
    look_in(backstop_);
}

void FileWatch::note_present() {
    seen_ = content_of(files_);
}

void FileWatch::doubt() {
    seen_ = {};
    look_in(kSettle);
}

/// Folders that are watched already stay as they are; one that was made anew is taken up.
void FileWatch::arm() {
    if (!events_.is_open()) {
        return;
    }
    std::set<std::string> folders;
    for (const std::string& file : files_) {
        const std::filesystem::path folder = std::filesystem::path(file).parent_path();
        folders.insert(folder.empty() ? "." : folder.string());
    }
    for (const std::string& folder : folders) {
        ::inotify_add_watch(events_.native_handle(), folder.c_str(), kEvents);
    }
}

void FileWatch::wait_for_event() {
    events_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& failed, std::size_t) {
        if (!failed) {
            if (!std::exchange(settling_, true)) {
                look_in(kSettle);
            }
            wait_for_event();
        }
    });
}

void FileWatch::look_in(std::chrono::milliseconds delay) {
    timer_.expires_after(delay);
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) {
            look();
        }
    });
}

void FileWatch::look() {
    settling_ = false;
    arm();
    look_in(backstop_);
    if (const certs::Sha256 now = content_of(files_); now != seen_) {
        seen_ = now;
        changed_();
    }
}

}  // namespace portal::cli
