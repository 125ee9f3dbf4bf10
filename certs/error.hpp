// The error of this folder: one sentence that names the file or thing and says what to do. Holds no key material.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace portal::certs {

struct Error {
    std::string message;

    Error() = default;
    /// Joins the parts. A list, not a plain string: a Result<std::string> must be able to tell its value from its
    /// error.
    Error(std::initializer_list<std::string_view> parts) {
        for (const std::string_view part : parts) {
            message += part;
        }
    }
};

template <class T>
using Result = boost::system::result<T, Error>;

/// Lets Result::value() throw a readable exception (used by tests and by start-up code).
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw std::runtime_error(error.message);
}

/// `what` followed by OpenSSL's own reason for the last failure of this thread; empties OpenSSL's error queue.
Error openssl_error(const std::string& what);

}  // namespace portal::certs
