#include "net/name_lookup.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <netdb.h>
#include <system_error>
#include <thread>
#include <utility>

namespace portal::net {

namespace {

using boost::asio::ip::tcp;

NameLookup::Answer answer_of(const NameLookup::Found& found, std::uint16_t port) {
    NameLookup::Answer answer{{}, found.error};
    for (const auto& address : found.addresses) {
        answer.endpoints.emplace_back(address, port);
    }
    return answer;
}

}  // namespace

struct NameLookup::Reach {
    std::mutex mutex;
    NameLookup* lookup;  // null: it has ended
};

NameLookup::Found NameLookup::ask_system(const std::string& host) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG;
    addrinfo* all = nullptr;
    Found found;
    if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &wanted, &all); failed != 0) {
        found.error = ::gai_strerror(failed);
        return found;
    }
    for (const addrinfo* each = all; each != nullptr; each = each->ai_next) {
        tcp::endpoint endpoint;
        if (each->ai_addrlen <= endpoint.capacity()) {
            std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
            endpoint.resize(each->ai_addrlen);
            found.addresses.push_back(endpoint.address());
        }
    }
    ::freeaddrinfo(all);
    return found;
}

NameLookup::NameLookup(Loop& loop, Resolve resolve)
    : loop_(loop), resolve_(std::move(resolve)), reach_(std::make_shared<Reach>()) {
    reach_->lookup = this;
}

NameLookup::~NameLookup() {
    const std::lock_guard lock(reach_->mutex);
    reach_->lookup = nullptr;
}

NameLookup::Wanted NameLookup::find(const std::string& host, std::uint16_t port, Done done) {
    auto wanted = std::make_shared<const Done>(std::move(done));
    boost::system::error_code not_an_address;
    const auto literal = boost::asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        loop_.post([asked = Asked{wanted, port, {}}, literal] { tell({asked}, {{literal}, {}}); });
        return wanted;
    }
    Name& name = names_[host];
    const Clock::duration age = Clock::now() - name.at;
    const bool known = !name.addresses.empty() && age < kLife;
    if (known) {
        loop_.post([asked = Asked{wanted, port, {}}, found = Found{name.addresses, {}}] { tell({asked}, found); });
    }
    if (known && age < kFresh) {
        return wanted;
    }
    name.asked.push_back({wanted, port, known ? name.addresses : Addresses{}});
    if (!std::exchange(name.under_way, true)) {
        begin(host);
    }
    return wanted;
}

void NameLookup::begin(const std::string& host) {
    const auto ask = [host, resolve = resolve_, reach = reach_, asked_at = Clock::now()] {
        Found found = resolve(host);
        const std::lock_guard lock(reach->mutex);
        if (reach->lookup == nullptr) {
            return;
        }
        reach->lookup->loop_.post([host, reach, asked_at, found = std::move(found)] {
            if (reach->lookup != nullptr) {
                reach->lookup->answered(host, asked_at, found);
            }
        });
    };
    try {
        std::thread(ask).detach();
    } catch (const std::system_error& refused) {
        loop_.post([host, reach = reach_, asked_at = Clock::now(), why = std::string(refused.what())] {
            if (reach->lookup != nullptr) {
                reach->lookup->answered(host, asked_at, {{}, why});
            }
        });
    }
}

void NameLookup::answered(const std::string& host, Clock::time_point asked_at, Found found) {
    Name& name = names_[host];
    name.under_way = false;
    if (!found.addresses.empty() && asked_at >= name.at) {
        name.addresses = std::move(found.addresses);
        name.at = asked_at;
        order(name);
    }
    if (found.error.empty()) {
        found.addresses = name.addresses;
    }
    tell(std::exchange(name.asked, {}), found);
}

/// Who has been told of these addresses already is left alone, and so is one that has some when there are none now.
void NameLookup::tell(std::vector<Asked> asked, const Found& found) {
    for (const Asked& each : asked) {
        const Wanted wanted = each.wanted.lock();
        const bool new_to_it =
            each.told.empty() || (!found.addresses.empty() && !std::ranges::is_permutation(each.told, found.addresses));
        if (wanted && new_to_it) {
            (*wanted)(answer_of(found, each.port));
        }
    }
}

void NameLookup::order(Name& name) {
    std::stable_partition(name.addresses.begin(), name.addresses.end(),
                          [&](const auto& each) { return each == name.preferred; });
}

void NameLookup::doubt(const std::string& host) {
    if (const auto name = names_.find(host); name != names_.end() && Clock::now() - name->second.at >= kFresh) {
        name->second.addresses.clear();
    }
}

void NameLookup::prefer(const std::string& host, const boost::asio::ip::address& address) {
    if (const auto name = names_.find(host); name != names_.end()) {
        name->second.preferred = address;
        order(name->second);
    }
}

void NameLookup::learn(const std::string& host, Addresses addresses) {
    if (addresses.empty()) {
        return;
    }
    Name& name = names_[host];
    name.addresses = std::move(addresses);
    name.at = Clock::now();
    name.preferred = name.addresses.front();
    tell(std::exchange(name.asked, {}), {name.addresses, {}});
}

}  // namespace portal::net
