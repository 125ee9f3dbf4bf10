#include "net/name_lookup.hpp"

#include <cstring>
#include <netdb.h>
#include <utility>

#include <boost/asio/ip/address.hpp>

namespace portal::net {

namespace {

using boost::asio::ip::tcp;

NameLookup::Answer look_up(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    NameLookup::Answer answer;
    if (const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found); failed != 0) {
        answer.error = ::gai_strerror(failed);
        return answer;
    }
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        tcp::endpoint endpoint;
        if (each->ai_addrlen <= endpoint.capacity()) {
            std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
            endpoint.resize(each->ai_addrlen);
            answer.endpoints.push_back(endpoint);
        }
    }
    ::freeaddrinfo(found);
    return answer;
}

}  // namespace

NameLookup::~NameLookup() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    asked_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

NameLookup::Wanted NameLookup::find(const std::string& host, std::uint16_t port, Done done) {
    auto wanted = std::make_shared<const Done>(std::move(done));
    boost::system::error_code not_an_address;
    const auto address = boost::asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        loop_.post([asked = std::weak_ptr(wanted), endpoint = tcp::endpoint(address, port)] {
            if (const Wanted still = asked.lock()) {
                (*still)({{endpoint}, {}});
            }
        });
        return wanted;
    }
    {
        const std::lock_guard lock(mutex_);
        questions_.push_back({host, port, wanted});
    }
    if (!thread_.joinable()) {
        thread_ = std::thread([this] { work(); });
    }
    asked_.notify_one();
    return wanted;
}

void NameLookup::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        asked_.wait(lock, [this] { return ending_ || !questions_.empty(); });
        if (ending_) {
            return;
        }
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        if (!question.wanted.expired()) {
            loop_.post([asked = question.wanted, answer = look_up(question.host, question.port)] {
                if (const Wanted still = asked.lock()) {
                    (*still)(answer);
                }
            });
        }
        lock.lock();
    }
}

}  // namespace portal::net
