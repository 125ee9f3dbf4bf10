// A client of a portal as an application has one: TLS that verifies, a login, one command at a time; blocking, with
// time limits. Not open when the portal does not listen, or lets nobody in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;
struct ssl_ctx_st;
struct ssl_st;

namespace portal::demo {

/// What clients trust. May be shared by threads.
class ClientTrust {
  public:
    /// Null when `ca_file` cannot be used.
    [[nodiscard]] static std::shared_ptr<ssl_ctx_st> of(const std::filesystem::path& ca_file);
};

class PortalClient {
  public:
    struct Reply {
        bool is_error = false;
        std::string text;  // of a status, a string, an integer or an error; empty for nil
    };

    /// Connects to 127.0.0.1:`port`; no step may take more than `patience_seconds`.
    PortalClient(std::uint16_t port, const std::shared_ptr<ssl_ctx_st>& trust, const std::string& password,
                 int patience_seconds);
    ~PortalClient();
    PortalClient(const PortalClient&) = delete;
    PortalClient& operator=(const PortalClient&) = delete;

    [[nodiscard]] bool open() const noexcept { return open_; }
    /// Nothing when the connection is lost, or the answer takes too long: it is not open afterwards.
    std::optional<Reply> ask(const std::vector<std::string>& words);

  private:
    [[nodiscard]] bool send(std::string_view bytes);
    [[nodiscard]] std::optional<Reply> read();

    int socket_ = -1;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
    std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
    bool open_ = false;
};

}  // namespace portal::demo
