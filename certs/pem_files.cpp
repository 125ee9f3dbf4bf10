#include "certs/pem_files.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace portal::certs {

namespace {

constexpr std::size_t kMaxFileSize = 1U << 20U;

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

std::string reason(int error) {
    return std::generic_category().message(error);
}

Error cannot_write(const std::string& path, int error) {
    return Error{"Cannot write " + path + ": " + reason(error) + "; check the folder's owner, rights and free space"};
}

bool write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
    Sha256 digest{};
    EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(), nullptr);
    return digest;
}

std::string to_hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text.push_back(kDigits[value >> 4U]);
        text.push_back(kDigits[value & 15U]);
    }
    return text;
}

std::string to_hex(const Sha256& digest) {
    return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<std::string> read_pem_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        return Error{"Cannot read " + path + ": " + reason(errno) + "; check the path and the file's owner and rights"};
    }
    std::string content;
    std::array<char, 16384> part{};
    for (;;) {
        const ssize_t got = ::read(file.get(), part.data(), part.size());
        if (got == 0) {
            return content;
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return Error{"Cannot read " + path + ": " + reason(errno) + "; give the path of a PEM file"};
        }
        content.append(part.data(), static_cast<std::size_t>(got));
        if (content.size() > kMaxFileSize) {
            return Error{path + " is larger than 1 MiB; give the path of a PEM file"};
        }
    }
}

Result<void> write_file(const std::string& path, std::string_view content, FileMode mode, IfPresent if_present) {
    std::array<unsigned char, 8> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
        return openssl_error("Cannot draw random bytes for " + path);
    }
    const std::filesystem::path target(path);
    const std::string temporary =
        (target.parent_path() / ("." + target.filename().string() + "." +
                                 to_hex(std::string_view(reinterpret_cast<const char*>(random.data()), random.size()))))
            .string();

    const auto bits = static_cast<mode_t>(mode);
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, bits));
    if (file.get() < 0) {
        return cannot_write(path, errno);
    }
    // fchmod, because the umask may have taken rights away.
    bool done = ::fchmod(file.get(), bits) == 0 && write_all(file.get(), content) && ::fsync(file.get()) == 0;
    if (done) {
        // link() refuses to replace, rename() replaces: both in one step.
        done = if_present == IfPresent::fail ? ::link(temporary.c_str(), path.c_str()) == 0
                                             : ::rename(temporary.c_str(), path.c_str()) == 0;
    }
    const int error = errno;
    if (!done || if_present == IfPresent::fail) {
        ::unlink(temporary.c_str());
    }
    if (!done) {
        return cannot_write(path, error);
    }
    return {};
}

}  // namespace portal::certs
