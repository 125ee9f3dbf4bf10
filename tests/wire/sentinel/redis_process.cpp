#include "redis_process.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <hiredis/hiredis.h>

namespace portal::testing {
namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
    std::string name = fs::temp_directory_path() / "portal-sentinel-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("cannot make a scratch folder");
    }
    path_ = name;
}
ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

ChildProcess::~ChildProcess() {
    kill();
}

void ChildProcess::spawn(std::vector<std::string> words) {
    kill();
    std::vector<char*> argv;
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        // A test that crashes must not leave processes behind.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent) {
            ::execvp(argv[0], argv.data());
        }
        ::_exit(127);
    }
    if (pid_ < 0) {
        throw std::runtime_error("cannot start " + words.front());
    }
}

void ChildProcess::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

void ChildProcess::signal(int number) {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

std::uint16_t free_port() {
    // Ports below 20000 stay untouched, whatever the kernel's own range is.
    for (;;) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        const bool bound = ::bind(fd, generic, size) == 0 && ::getsockname(fd, generic, &size) == 0;
        ::close(fd);
        if (bound && ntohs(address.sin_port) >= 20000) {
            return ntohs(address.sin_port);
        }
    }
}

std::string RedisProcess::unavailable() {
    return std::system("command -v redis-server >/dev/null 2>&1") == 0 ? "" : "redis-server is not installed";
}

RedisProcess::RedisProcess(fs::path folder) : folder_(std::move(folder)), port_(free_port()) {
    fs::create_directories(folder_);
}

void RedisProcess::start(const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"--replicaof", "127.0.0.1", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    launch(std::move(arguments));
}

void RedisProcess::start_bare(const std::vector<std::string>& options) {
    launch(options);
}

void RedisProcess::launch(std::vector<std::string> arguments) {
    std::vector<std::string> words{
        "redis-server", "--port", std::to_string(port_), "--bind",       "127.0.0.1", "--dir", folder_,
        "--save",       "",       "--logfile",           folder_ / "log"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    process_.spawn(std::move(words));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!ask({"INFO", "server"})) {
        if (std::chrono::steady_clock::now() > give_up) {
            throw std::runtime_error("redis-server does not answer");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void RedisProcess::kill() {
    process_.kill();
}
void RedisProcess::pause() {
    process_.signal(SIGSTOP);
}
void RedisProcess::resume() {
    process_.signal(SIGCONT);
}
void RedisProcess::wipe() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
}

std::optional<std::string> RedisProcess::ask(const std::vector<std::string>& command) const {
    const timeval limit{1, 0};
    const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
        redisConnectWithTimeout("127.0.0.1", port_, limit), redisFree);
    if (!context || context->err != 0) {
        return std::nullopt;
    }
    redisSetTimeout(context.get(), limit);
    std::vector<const char*> words;
    std::vector<std::size_t> sizes;
    for (const auto& word : command) {
        words.push_back(word.data());
        sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, void (*)(void*)> reply(
        static_cast<redisReply*>(
            redisCommandArgv(context.get(), static_cast<int>(words.size()), words.data(), sizes.data())),
        freeReplyObject);
    if (!reply) {
        return std::nullopt;
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        return std::to_string(reply->integer);
    }
    return reply->str == nullptr ? std::string{} : std::string(reply->str, static_cast<std::size_t>(reply->len));
}

std::string RedisProcess::info(const std::string& key) const {
    const auto text = ask({"INFO"}).value_or("");
    const auto at = text.find("\n" + key + ":");
    if (at == std::string::npos) {
        return {};
    }
    const auto begin = at + key.size() + 2;
    return text.substr(begin, text.find('\r', begin) - begin);
}

}  // namespace portal::testing
