#include "certs/error.hpp"

#include <openssl/err.h>

namespace portal::certs {

Error openssl_error(const std::string& what) {
    // The oldest entry is the cause; the later ones only say which call passed it on.
    const unsigned long code = ERR_get_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return Error{what + " (OpenSSL says: " + (reason == nullptr ? "no reason given" : reason) + ")"};
}

}  // namespace portal::certs
