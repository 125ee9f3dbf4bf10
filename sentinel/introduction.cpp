#include "sentinel/introduction.hpp"

#include <array>
#include <random>
#include <unistd.h>

#include <fmt/format.h>

namespace portal::sentinel {

std::string random_record_id() {
    std::random_device device;
    return fmt::format("{:08x}{:08x}", device(), device());
}

std::string status_page_url(const config::Address& address) {
    std::string host = address.host;
    if (host == "0.0.0.0" || host == "::") {
        std::array<char, 256> name{};
        host = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
    }
    const bool literal6 = host.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}/", literal6 ? "[" : "", host, literal6 ? "]" : "", address.port);
}

}  // namespace portal::sentinel
