// Host names to addresses, without keeping the loop waiting: each lookup has a thread of its own, there is one for a
// name at a time, and whoever asks for that name meanwhile gets its answer, too. An answer is kept for a moment, so
// that a thousand links made at once cost one lookup. Belongs to the loop's thread.
#pragma once

#include "net/loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace portal::net {

class NameLookup {
  public:
    using Clock = Loop::Clock;
    using Addresses = std::vector<boost::asio::ip::address>;

    struct Answer {
        std::vector<boost::asio::ip::tcp::endpoint> endpoints;
        std::string error;  // why there are none
    };
    using Done = std::function<void(const Answer&)>;
    /// Whoever asked keeps this for as long as it wants the answer.
    using Wanted = std::shared_ptr<const Done>;

    struct Found {
        Addresses addresses;
        std::string error;
    };
    /// Asks the system; may take long, and is called on any thread.
    using Resolve = std::function<Found(const std::string& host)>;

    /// Younger answers are used and nobody is asked.
    static constexpr std::chrono::seconds kFresh{1};
    /// Older ones are not used: whoever has such an address by now may be another one.
    static constexpr std::chrono::seconds kLife{10};

    explicit NameLookup(Loop& loop, Resolve resolve = ask_system);
    /// Does not wait for lookups that are under way: their answers reach nobody.
    ~NameLookup();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    /// `done` is called from the loop, never in here. An address is its own answer. An answer that is kept is given at
    /// once; when it is not fresh, the name is looked up again meanwhile, and `done` called again if that differs.
    [[nodiscard]] Wanted find(const std::string& host, std::uint16_t port, Done done);

    /// Nobody answered at the addresses of that name: unless they are fresh, it is looked up before it is used again.
    void doubt(const std::string& host);
    /// Of the addresses of that name, this one answered: it comes first from now on.
    void prefer(const std::string& host, const boost::asio::ip::address& address);
    /// Somebody else has found out, just now. Whoever waits for that name need not wait longer.
    void learn(const std::string& host, Addresses addresses);

    static Found ask_system(const std::string& host);

  private:
    /// What threads that look up share with this; outlives both.
    struct Reach;
    struct Asked {
        std::weak_ptr<const Done> wanted;
        std::uint16_t port = 0;
        Addresses told;  // already
    };
    struct Name {
        Addresses addresses;  // empty: none are known
        Clock::time_point at{};
        boost::asio::ip::address preferred;
        bool under_way = false;
        std::vector<Asked> asked;
    };

    void begin(const std::string& host);
    void answered(const std::string& host, Clock::time_point asked_at, Found found);
    static void order(Name& name);
    static void tell(std::vector<Asked> asked, const Found& found);

    Loop& loop_;
    Resolve resolve_;
    std::shared_ptr<Reach> reach_;
    std::map<std::string, Name, std::less<>> names_;  // the nodes'
};

}  // namespace portal::net
