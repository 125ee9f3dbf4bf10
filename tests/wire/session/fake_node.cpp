#include "fake_node.hpp"

#include "resp/frame_scanner.hpp"
#include "resp/request_view.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace portal::testing {

namespace {

constexpr const char* kHello =
    "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$"
    "4\r\n"
    "mode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";

/// What links ask for themselves: whether this user may ECHO, fences, and what newcomers must do. Else empty.
std::string answer_to_link(const std::vector<std::string>& words, bool& was_reset) {
    const auto is_nonce = [](const std::string& word) {
        return word.size() == 32 && word.find_first_not_of("0123456789abcdef") == std::string::npos;
    };
    const bool watches = std::exchange(was_reset, words.front() == "RESET");
    if (was_reset) {
        return "+RESET\r\n";
    }
    if (watches && words.size() == 1 && words.front() == "PING") {
        return "+PONG\r\n";
    }
    if (words.size() == 2 && words.front() == "ECHO" && (words[1] == "redis-portal" || is_nonce(words[1]))) {
        return "$" + std::to_string(words[1].size()) + "\r\n" + words[1] + "\r\n";
    }
    if (words.size() > 1 && words[1] == "__redis-portal__:subscribers") {
        return words.front() == "SSUBSCRIBE" ? ">3\r\n$10\r\nssubscribe\r\n$28\r\n" + words[1] + "\r\n:1\r\n"
                                             : ":0\r\n";
    }
    if (words.size() == 1 && is_nonce(words.front())) {
        return "-ERR unknown command '" + words.front() + "', with args beginning with: \r\n";
    }
    return {};
}

}  // namespace

std::string FakeNode::refusal_of(const std::vector<std::string>& words) const {
    const std::lock_guard lock(mutex_);
    return words.front() == "ECHO" ? echo_ : std::string();
}

FakeNode::FakeNode(Script script, std::string commands)
    : script_(std::move(script)), commands_(std::move(commands)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error("no port on loopback for a fake node");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

FakeNode::~FakeNode() {
    die();
    acceptor_.join();
    for (std::thread& each : threads_) {
        each.join();
    }
    const std::lock_guard lock(mutex_);
    for (const int descriptor : connections_) {
        ::close(descriptor);
    }
    ::close(listener_);
}

void FakeNode::die() {
    dead_.store(true);
    released_.notify_all();
    ::shutdown(listener_, SHUT_RDWR);
    cut();
}

void FakeNode::release() {
    {
        const std::lock_guard lock(mutex_);
        ++releases_;
    }
    released_.notify_all();
}

/// False when the node has died meanwhile.
bool FakeNode::answer(int descriptor, std::string_view reply) {
    for (;;) {
        const std::size_t pause = reply.find(kPause);
        const std::string_view now = reply.substr(0, pause);
        if (!now.empty()) {
            [[maybe_unused]] const ssize_t sent = ::send(descriptor, now.data(), now.size(), MSG_NOSIGNAL);
        }
        if (pause == std::string_view::npos) {
            return true;
        }
        reply.remove_prefix(pause + kPause.size());
        std::unique_lock lock(mutex_);
        released_.wait(lock, [this] { return releases_ > 0 || dead_.load(); });
        if (dead_.load()) {
            return false;
        }
        --releases_;
    }
}

void FakeNode::say(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    [[maybe_unused]] const ssize_t sent = ::send(heard_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void FakeNode::cut() {
    const std::lock_guard lock(mutex_);
    for (const int descriptor : connections_) {
        ::shutdown(descriptor, SHUT_RDWR);
    }
}

std::vector<std::string> FakeNode::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

void FakeNode::accept_all() {
    for (;;) {
        const int descriptor = ::accept(listener_, nullptr, nullptr);
        if (descriptor < 0) {
            return;
        }
        if (full_.load()) {
            constexpr std::string_view kFull = "-ERR max number of clients reached\r\n";
            [[maybe_unused]] const ssize_t sent = ::send(descriptor, kFull.data(), kFull.size(), MSG_NOSIGNAL);
            ::close(descriptor);
            ++turned_away_;
            continue;
        }
        const int on = 1;  // as redis-server: an answer does not wait until the one before it is acknowledged
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const std::lock_guard lock(mutex_);
        connections_.push_back(descriptor);
        ++accepted_;
        if (dead_.load()) {
            ::shutdown(descriptor, SHUT_RDWR);
        }
        threads_.emplace_back([this, descriptor] { serve(descriptor); });
    }
}

void FakeNode::serve(int descriptor) {
    const resp::RequestLimits limits;
    resp::RequestScanner scanner(limits);
    std::string input;
    bool used = false;
    bool blocked = false;
    bool was_reset = false;
    std::string space(64 * 1024, '\0');
    for (;;) {
        const ssize_t n = ::recv(descriptor, space.data(), space.size(), 0);
        if (n <= 0) {
            left_ += used || !input.empty() ? 1 : 0;
            ::shutdown(descriptor, SHUT_RDWR);  // as redis-server does with a client that sends nothing more
            return;
        }
        if (!input.empty()) {  // the next part of a command
            const std::lock_guard lock(mutex_);
            heard_ = descriptor;
        }
        received_ += static_cast<std::size_t>(n);
        input.append(space.data(), static_cast<std::size_t>(n));
        std::string out;  // the answers to all that came together, as redis-server sends them
        while (!blocked) {
            const resp::ScanResult result = scanner.scan(input);
            if (result.status == resp::ScanStatus::empty) {
                input.erase(0, result.size);
                const std::lock_guard lock(mutex_);
                seen_.emplace_back();
                continue;
            }
            if (result.status != resp::ScanStatus::complete) {
                break;
            }
            const resp::RequestView request(std::string_view(input).substr(0, result.size));
            std::vector<std::string> words;
            std::string joined;
            for (std::size_t i = 0; i < request.argc(); ++i) {
                words.emplace_back(request.arg(i));
                joined += (i == 0 ? "" : " ") + words.back();
            }
            input.erase(0, result.size);
            std::string reply;
            if (words.front() == "HELLO") {
                reply = kHello;
                {
                    const std::lock_guard lock(mutex_);
                    reply = hello_.empty() ? reply : hello_;
                }
                if (follows_.load()) {
                    reply.replace(reply.find("$6\r\nmaster"), 10, "$7\r\nreplica");
                }
            } else if (std::string refusal = refusal_of(words); !refusal.empty()) {
                reply = std::move(refusal);
            } else if (const std::string own = answer_to_link(words, was_reset); !own.empty()) {
                reply = own;
            } else if (words.front() == "COMMAND") {
                ++surveys_;
                reply = commands_;
            } else {
                used = true;
                {
                    const std::lock_guard lock(mutex_);
                    heard_ = descriptor;
                    seen_.push_back(joined);
                }
                reply = script_(words);
            }
            const bool plain =
                reply != kCutThis && reply != kBlock && reply != kCut && reply.find(kPause) == reply.npos;
            if (plain) {
                out += reply;
                continue;
            }
            if (!answer(descriptor, std::exchange(out, {}))) {
                return;
            }
            if (reply == kCutThis) {
                ::shutdown(descriptor, SHUT_RDWR);
                return;
            }
            if (reply == kBlock) {
                blocked = true;
                break;
            }
            if (reply == kCut) {
                cut();
                return;
            }
            if (!answer(descriptor, reply)) {
                return;
            }
        }
        if (!answer(descriptor, out)) {
            return;
        }
    }
}

}  // namespace portal::testing
