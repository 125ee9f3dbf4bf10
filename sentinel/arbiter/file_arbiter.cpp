#include "sentinel/arbiter/file_arbiter.hpp"

#include "sentinel/arbiter/record_json.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/file.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr mode_t kPrivateFile = 0600;
/// A lock is held for one small write; whoever holds it longer is stuck.
constexpr std::chrono::milliseconds kLockPatience{300};

std::string cause() {
    return std::strerror(errno);
}

/// Takes the lock, or says why not. The lock ends with the descriptor.
Descriptor lock(const fs::path& path, std::chrono::milliseconds patience, std::string& error) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFile));
    if (!file) {
        error = "cannot open " + path.string() + ": " + cause();
        return Descriptor{};
    }
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (std::chrono::steady_clock::now() >= give_up) {
            error = "cannot lock " + path.string() + ": another process holds it";
            return Descriptor{};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return file;
}

bool write_all(int fd, const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const auto count = ::write(fd, text.data() + done, text.size() - done);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    return true;
}

/// Replaces `path` as a whole: readers see the old text or the new, also after a crash when `durable`.
std::string replace(const fs::path& path, const fs::path& temporary, const std::string& text, bool durable) {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivateFile));
    if (!file || !write_all(file.get(), text) || (durable && ::fsync(file.get()) != 0)) {
        return "cannot write " + temporary.string() + ": " + cause();
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        return "cannot replace " + path.string() + ": " + cause();
    }
    if (durable) {
        const Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder && ::fsync(folder.get()) != 0) {
            return "cannot make " + path.string() + " durable: " + cause();
        }
    }
    return {};
}

/// Nothing when the file does not exist.
std::optional<std::string> contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return std::nullopt;
    }
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

void make_private_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::is_directory(folder, error)) {
        return;
    }
    fs::create_directories(folder, error);
    if (!error) {
        fs::permissions(folder, fs::perms::owner_all, error);
    }
    if (error) {
        throw std::runtime_error("arbiter: cannot make the folder " + folder.string() + ": " + error.message());
    }
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}
Descriptor::~Descriptor() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}
int Descriptor::release() noexcept {
    return std::exchange(fd_, -1);
}

/// Reads inotify events and reports those that concern the record or another portal's mark.
class FileArbiter::Watch : public std::enable_shared_from_this<Watch> {
  public:
    Watch(asio::any_io_executor executor, std::function<void()> changed)
        : stream_(std::move(executor)), changed_(std::move(changed)) {}

    void open(const fs::path& record, const fs::path& marks, std::string own_mark) {
        Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        if (!inotify) {
            return;  // the owner reads now and then anyway
        }
        ::inotify_add_watch(inotify.get(), record.parent_path().c_str(), IN_MOVED_TO | IN_DELETE);
        ::inotify_add_watch(inotify.get(), marks.c_str(), IN_MOVED_TO | IN_DELETE);
        record_name_ = record.filename();
        own_mark_ = std::move(own_mark);
        stream_.assign(inotify.release());
        wait();
    }

    void close() {
        changed_ = nullptr;
        boost::system::error_code ignored;
        stream_.close(ignored);
    }

  private:
    void wait() {
        stream_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](boost::system::error_code error, std::size_t count) {
                                    if (!error && self->changed_) {
                                        self->look_at(count);
                                        self->wait();
                                    }
                                });
    }

    void look_at(std::size_t count) {
        bool concerns_us = false;
        for (std::size_t at = 0; at + sizeof(inotify_event) <= count;) {
            inotify_event event{};
            std::memcpy(&event, buffer_.data() + at, sizeof(event));
            const std::string name = event.len > 0 ? buffer_.data() + at + sizeof(event) : "";
            concerns_us = concerns_us || (event.mask & IN_Q_OVERFLOW) != 0 || name == record_name_ ||
                          (name.ends_with(".mark") && name != own_mark_);
            at += sizeof(event) + event.len;
        }
        if (concerns_us) {
            changed_();
        }
    }

    asio::posix::stream_descriptor stream_;
    std::function<void()> changed_;
    std::string record_name_;
    std::string own_mark_;
    alignas(inotify_event) std::array<char, 4096> buffer_{};
};

FileArbiter::FileArbiter(fs::path path, std::string portal_name)
    : path_(fs::absolute(path)), portal_name_(std::move(portal_name)) {
    if (portal_name_.empty() || portal_name_.find('/') != std::string::npos) {
        throw std::runtime_error("arbiter: '" + portal_name_ +
                                 "' cannot be part of a file name; choose another portal name");
    }
    marks_ = beside(".marks");
    make_private_folder(path_.parent_path());
    make_private_folder(marks_);
    std::string error;
    name_lock_ = lock(marks_ / (portal_name_ + ".lock"), std::chrono::milliseconds(0), error);
    if (!name_lock_) {
        throw std::runtime_error("arbiter: " + error + "; is a portal called " + portal_name_ + " running already?");
    }
    if (!lock(beside(".lock"), kLockPatience, error)) {
        throw std::runtime_error("arbiter: " + error);
    }
    if (const auto stored = load(); !stored.error.empty()) {
        throw std::runtime_error("arbiter: " + stored.error);
    }
}

FileArbiter::~FileArbiter() {
    if (watch_) {
        watch_->close();
    }
}

fs::path FileArbiter::beside(const char* suffix) const {
    return path_.string() + suffix;
}
fs::path FileArbiter::mark_path() const {
    return marks_ / (portal_name_ + ".mark");
}
std::string FileArbiter::describe() const {
    return "file " + path_.string();
}

FileArbiter::Stored FileArbiter::load() const {
    Stored stored;
    const auto text = contents(path_);
    if (!text) {
        std::error_code error;
        if (fs::exists(path_, error) || error) {
            stored.error = "cannot read " + path_.string() + (error ? ": " + error.message() : "");
        }
        return stored;
    }
    std::string why;
    auto decoded = decode_record(*text, why);
    if (!decoded) {
        stored.error = path_.string() + " holds no record (" + why +
                       "); move it away if the portals shall look for the leader among the nodes";
        return stored;
    }
    stored.record = std::move(decoded->record);
    stored.version = decoded->version;
    return stored;
}

void FileArbiter::watch(asio::any_io_executor executor, std::function<void()> changed) {
    watch_ = std::make_shared<Watch>(std::move(executor), std::move(changed));
    watch_->open(path_, marks_, mark_path().filename());
}

void FileArbiter::close() {
    if (watch_) {
        watch_->close();
        watch_.reset();
    }
}

asio::awaitable<ReadResult> FileArbiter::read() {
    auto stored = load();
    if (!stored.error.empty()) {
        co_return ReadResult{std::nullopt, stored.error};
    }
    Snapshot snapshot;
    snapshot.record = std::move(stored.record);
    snapshot.version = snapshot.record ? std::to_string(stored.version) : "";
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(marks_, error)) {
        if (entry.path().extension() != ".mark") {
            continue;
        }
        std::string ignored;
        const auto text = contents(entry.path());
        if (auto mark = text ? decode_mark(*text, ignored) : std::nullopt) {
            snapshot.marks.push_back(std::move(*mark));
        }
    }
    if (error) {
        co_return ReadResult{std::nullopt, "cannot read " + marks_.string() + ": " + error.message()};
    }
    co_return ReadResult{std::move(snapshot), {}};
}

asio::awaitable<WriteResult> FileArbiter::write(Record record, std::string expected) {
    std::string error;
    const auto locked = lock(beside(".lock"), kLockPatience, error);
    if (!locked) {
        co_return WriteResult{WriteStatus::unknown, {}, error};
    }
    const auto stored = load();
    if (!stored.error.empty()) {
        co_return WriteResult{WriteStatus::unknown, {}, stored.error};
    }
    const auto present = stored.record ? std::to_string(stored.version) : "";
    if (present != expected) {
        co_return WriteResult{WriteStatus::conflict, present, "somebody else wrote first"};
    }
    const auto version = stored.version + 1;
    error = replace(path_, beside(".new"), encode_record(record, version), true);
    co_return WriteResult{error.empty() ? WriteStatus::written : WriteStatus::unknown, std::to_string(version), error};
}

asio::awaitable<std::string> FileArbiter::write_mark(Mark mark) {
    co_return replace(mark_path(), marks_ / (portal_name_ + ".new"), encode_mark(mark), false);
}

asio::awaitable<std::string> FileArbiter::remove_mark() {
    std::error_code error;
    fs::remove(mark_path(), error);
    co_return error ? "cannot remove " + mark_path().string() + ": " + error.message() : std::string{};
}

}  // namespace portal::sentinel
