#include "sentinel/arbiter/file_arbiter.hpp"

#include "sentinel/arbiter/record_json.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr mode_t kPrivateFile = 0600;
constexpr std::string_view kVersionPrefix = "record.";
constexpr std::string_view kMarkSuffix = ".mark";
/// Versions that are kept, so that a reader that is a moment behind still finds what it was about to open.
constexpr std::uint64_t kKeptVersions = 8;

std::string cause() {
    return std::strerror(errno);
}

/// Holds the file for this process until the descriptor is closed; empty when another process does.
Descriptor hold(const fs::path& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFile));
    return file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(file) : Descriptor{};
}

/// The number of a version's file name; nothing for other files.
std::optional<std::uint64_t> version_of(const std::string& name) {
    if (!name.starts_with(kVersionPrefix)) {
        return std::nullopt;
    }
    std::uint64_t version = 0;
    const auto* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kVersionPrefix.size(), end, version);
    return error == std::errc{} && stop == end ? std::optional(version) : std::nullopt;
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

std::string write_file(const fs::path& path, const std::string& text, bool durable) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivateFile));
    if (!file || !write_all(file.get(), text) || (durable && ::fsync(file.get()) != 0)) {
        return "cannot write " + path.string() + ": " + cause();
    }
    return {};
}

std::string make_names_durable(const fs::path& folder) {
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened && ::fsync(opened.get()) == 0 ? "" : "cannot make " + folder.string() + " durable: " + cause();
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
    Watch(const asio::any_io_executor& executor, std::function<void()> changed)
        : stream_(executor), changed_(std::move(changed)) {}

    void open(const fs::path& folder, std::string own_mark) {
        Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        if (!inotify) {
            return;  // the owner reads now and then anyway
        }
        ::inotify_add_watch(inotify.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_DELETE);
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
            const bool new_version = version_of(name).has_value() && (event.mask & IN_CREATE) != 0;
            const bool other_mark = name.ends_with(kMarkSuffix) && name != own_mark_;
            concerns_us = concerns_us || (event.mask & IN_Q_OVERFLOW) != 0 || new_version || other_mark;
            at += sizeof(event) + event.len;
        }
        if (concerns_us) {
            changed_();
        }
    }

    asio::posix::stream_descriptor stream_;
    std::function<void()> changed_;
    std::string own_mark_;
    alignas(inotify_event) std::array<char, 4096> buffer_{};
};

FileArbiter::FileArbiter(fs::path path, std::string portal_name)
    : path_(fs::absolute(path)), folder_(path_.string() + ".d"), portal_name_(std::move(portal_name)) {
    if (portal_name_.empty() || portal_name_.find('/') != std::string::npos) {
        throw std::runtime_error("arbiter: '" + portal_name_ +
                                 "' cannot be part of a file name; choose another portal name");
    }
    make_private_folder(path_.parent_path());
    make_private_folder(folder_);
    name_lock_ = hold(own(".lock"));
    if (!name_lock_) {
        const bool taken = errno == EWOULDBLOCK;
        const std::string reason = cause();
        throw std::runtime_error("arbiter: cannot hold " + own(".lock").string() + " (" + reason + "); " +
                                 (taken ? "is a portal called " + portal_name_ + " running already?"
                                        : "check the folder's owner, rights and free space"));
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

fs::path FileArbiter::version_path(std::uint64_t version) const {
    return folder_ / (std::string(kVersionPrefix) + std::to_string(version));
}
fs::path FileArbiter::own(const char* suffix) const {
    return folder_ / (portal_name_ + suffix);
}
std::string FileArbiter::describe() const {
    return "file " + path_.string();
}

std::uint64_t FileArbiter::newest() const {
    std::uint64_t highest = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        highest = std::max(highest, version_of(entry.path().filename()).value_or(0));
    }
    return highest;
}

FileArbiter::Stored FileArbiter::load() const {
    Stored stored;
    std::optional<std::string> text;
    try {
        // A version that vanishes between the two calls was outdated by newer ones.
        for (int attempt = 0; attempt < 3 && !text; ++attempt) {
            stored.version = newest();
            if (stored.version == 0) {
                return stored;
            }
            text = contents(version_path(stored.version));
        }
    } catch (const fs::filesystem_error& error) {
        stored.error = "cannot read " + folder_.string() + ": " + error.code().message();
        return stored;
    }
    const auto file = version_path(stored.version).string();
    if (!text) {
        stored.error = "cannot read " + file;
        return stored;
    }
    std::string why;
    auto decoded = decode_record(*text, why);
    if (!decoded) {
        stored.error = file + " holds no record (" + why + "); move " + folder_.string() +
                       " away if the portals shall look for the leader among the nodes";
        return stored;
    }
    stored.record = std::move(decoded->record);
    return stored;
}

void FileArbiter::watch(asio::any_io_executor executor, std::function<void()> changed) {
    watch_ = std::make_shared<Watch>(executor, std::move(changed));
    watch_->open(folder_, own(".mark").filename());
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
    snapshot.version = stored.version == 0 ? "" : std::to_string(stored.version);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) {
        if (entry.path().extension() != kMarkSuffix) {
            continue;
        }
        std::string ignored;
        const auto text = contents(entry.path());
        if (auto mark = text ? decode_mark(*text, ignored) : std::nullopt) {
            snapshot.marks.push_back(std::move(*mark));
        }
    }
    if (error) {
        co_return ReadResult{std::nullopt, "cannot read " + folder_.string() + ": " + error.message()};
    }
    co_return ReadResult{std::move(snapshot), {}};
}

asio::awaitable<WriteResult> FileArbiter::write(Record record, std::string expected) {
    const auto stored = load();
    if (!stored.error.empty()) {
        co_return WriteResult{WriteStatus::unknown, {}, stored.error};
    }
    const auto present = stored.version == 0 ? "" : std::to_string(stored.version);
    if (present != expected) {
        co_return WriteResult{WriteStatus::conflict, present, "somebody else wrote first"};
    }
    co_return claim(record, stored.version + 1);
}

/// Gives the record the next number. Of all who try the same number, link(2) lets one succeed, with the whole text.
WriteResult FileArbiter::claim(const Record& record, std::uint64_t version) {
    const auto draft = own(".new");
    const auto claimed = version_path(version);
    if (auto error = write_file(draft, encode_record(record, version), true); !error.empty()) {
        return {WriteStatus::unknown, {}, std::move(error)};
    }
    if (::link(draft.c_str(), claimed.c_str()) != 0) {
        return errno == EEXIST
                   ? WriteResult{WriteStatus::conflict, {}, "somebody else wrote first"}
                   : WriteResult{WriteStatus::unknown, {}, "cannot make " + claimed.string() + ": " + cause()};
    }
    std::error_code ignored;
    fs::remove(draft, ignored);
    if (newest() >= version + kKeptVersions) {
        // Either others have built much upon this version, or it came so late that its number had been tidied away.
        return {WriteStatus::unknown, {}, "others wrote meanwhile"};
    }
    auto error = make_names_durable(folder_);
    tidy(version);
    return {error.empty() ? WriteStatus::written : WriteStatus::unknown, std::to_string(version), std::move(error)};
}

/// Removes versions that nobody reads any more, and points the link for people at the newest.
void FileArbiter::tidy(std::uint64_t version) const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
        const auto old = version_of(entry.path().filename());
        if (old && *old + kKeptVersions <= version) {
            fs::remove(entry.path(), ignored);
        }
    }
    const auto link = own(".link");
    fs::remove(link, ignored);
    fs::create_symlink(folder_.filename() / version_path(version).filename(), link, ignored);
    const auto present = fs::symlink_status(path_, ignored).type();
    if (present == fs::file_type::not_found || present == fs::file_type::symlink) {
        fs::rename(link, path_, ignored);
    }
}

asio::awaitable<std::string> FileArbiter::write_mark(Mark mark) {
    const auto draft = own(".draft");
    auto error = write_file(draft, encode_mark(mark), false);
    if (error.empty() && ::rename(draft.c_str(), own(".mark").c_str()) != 0) {
        error = "cannot replace " + own(".mark").string() + ": " + cause();
    }
    co_return error;
}

asio::awaitable<std::string> FileArbiter::remove_mark() {
    std::error_code error;
    fs::remove(own(".mark"), error);
    co_return error ? "cannot remove " + own(".mark").string() + ": " + error.message() : std::string{};
}

}  // namespace portal::sentinel
