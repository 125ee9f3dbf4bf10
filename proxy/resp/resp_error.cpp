#include "resp/resp_error.hpp"

#include <string>

namespace portal::resp {
namespace {

// Boost leaves the base's destructor public and not virtual; categories are statics that nobody deletes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class RespCategory final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "resp"; }
    [[nodiscard]] std::string message(int value) const override { return text(static_cast<Error>(value)); }
    // The base class copies message() into the buffer; a literal needs no copy.
    [[nodiscard]] const char* message(int value, char* /*buffer*/, std::size_t /*length*/) const noexcept override {
        return text(static_cast<Error>(value));
    }

  private:
    static const char* text(Error error) noexcept {
        switch (error) {
            case Error::too_big_inline_request:
                return "Protocol error: too big inline request";
            case Error::unbalanced_quotes:
                return "Protocol error: unbalanced quotes in request";
            case Error::too_big_mbulk_count:
                return "Protocol error: too big mbulk count string";
            case Error::invalid_multibulk_length:
                return "Protocol error: invalid multibulk length";
            case Error::unauthenticated_multibulk_length:
                return "Protocol error: unauthenticated multibulk length";
            case Error::expected_bulk:
                return "Protocol error: expected '$'";
            case Error::too_big_bulk_count:
                return "Protocol error: too big bulk count string";
            case Error::invalid_bulk_length:
                return "Protocol error: invalid bulk length";
            case Error::unauthenticated_bulk_length:
                return "Protocol error: unauthenticated bulk length";
            case Error::expected_line_end:
                return "Protocol error: expected CR LF";
            case Error::request_too_large:
                return "Protocol error: request too large";
            case Error::malformed_reply:
                return "malformed reply";
            case Error::reply_too_deep:
                return "reply nested too deep";
            case Error::reply_too_large:
                return "reply too large";
        }
        return "unknown error";
    }
};
#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& resp_category() noexcept {
    static const RespCategory category;
    return category;
}

boost::system::error_code make_error_code(Error error) noexcept {
    return {static_cast<int>(error), resp_category()};
}

}  // namespace portal::resp
