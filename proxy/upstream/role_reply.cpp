#include "upstream/role_reply.hpp"

#include <charconv>

namespace portal::upstream {

namespace {

/// More replicas than any leader feeds.
constexpr std::uint64_t kMostReplicas = 1024;

/// Takes the parts of a reply one after the other; `failed` once one was not as expected.
class Reader {
  public:
    explicit Reader(std::string_view frame) : rest_(frame) {}

    [[nodiscard]] bool failed() const noexcept { return failed_; }

    std::uint64_t number(char type) {
        const std::string_view line = take_line(type);
        return to_number(line);
    }

    std::string_view text() {
        const std::uint64_t size = number('$');
        if (failed_ || rest_.size() < 2 || size > rest_.size() - 2) {
            failed_ = true;
            return {};
        }
        const std::string_view found = rest_.substr(0, size);
        rest_.remove_prefix(size + 2);
        return found;
    }

    std::uint64_t to_number(std::string_view digits) {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        failed_ = failed_ || error != std::errc{} || end != digits.data() + digits.size();
        return failed_ ? 0 : value;
    }

  private:
    std::string_view take_line(char type) {
        const std::size_t end = rest_.find("\r\n");
        if (failed_ || end == std::string_view::npos || rest_.front() != type) {
            failed_ = true;
            return {};
        }
        const std::string_view line = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 2);
        return line;
    }

    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

std::optional<LeaderRole> parse_leader_role(std::string_view frame) {
    Reader reader(frame);
    LeaderRole role;
    if (reader.number('*') != 3 || reader.text() != "master") {
        return std::nullopt;
    }
    role.offset = reader.number(':');
    const std::uint64_t count = reader.number('*');
    if (reader.failed() || count > kMostReplicas) {
        return std::nullopt;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        if (reader.number('*') != 3) {
            return std::nullopt;
        }
        ConfirmedOffset replica;
        replica.host = reader.text();
        replica.port = static_cast<std::uint16_t>(reader.to_number(reader.text()));
        replica.offset = reader.to_number(reader.text());
        if (reader.failed()) {
            return std::nullopt;
        }
        role.replicas.push_back(std::move(replica));
    }
    return role;
}

}  // namespace portal::upstream
