#include "conversation/hello_request.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"

#include <fmt/format.h>

namespace portal::conversation {

HelloRequest read_hello(const resp::RequestView& request, resp::Protocol present) {
    HelloRequest hello;
    hello.protocol = present;
    if (request.argc() > 1) {
        const auto version = resp::to_integer(request.arg(1));
        if (!version) {
            hello.error = client_errors::kProtocolNotInteger;
            return hello;
        }
        if (*version != 2 && *version != 3) {
            hello.error = client_errors::kNoProto;
            return hello;
        }
        hello.protocol = *version == 3 ? resp::Protocol::resp3 : resp::Protocol::resp2;
    }
    for (std::size_t i = 2; i < request.argc();) {
        const std::size_t left = request.argc() - i - 1;
        if (resp::is_word(request.arg(i), "AUTH") && left >= 2) {
            hello.logs_in = true;
            hello.username = request.arg(i + 1);
            hello.password = request.arg(i + 2);
            i += 3;
        } else if (resp::is_word(request.arg(i), "SETNAME") && left >= 1) {
            if (!resp::is_printable_word(request.arg(i + 1))) {
                hello.error = client_errors::kClientName;
                return hello;
            }
            hello.name = std::string(request.arg(i + 1));
            i += 2;
        } else {
            hello.error = fmt::format("ERR Syntax error in HELLO option '{}'", request.arg(i).substr(0, 64));
            return hello;
        }
    }
    return hello;
}

}  // namespace portal::conversation
