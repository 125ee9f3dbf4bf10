// The sessions of one shard: all of them, those that wait, and each by its id.
#pragma once

#include "session/session.hpp"

#include <cstdint>
#include <unordered_map>

#include <boost/intrusive/list.hpp>

namespace portal::session {

struct SessionRegistry {
    template <typename Tag>
    using List = boost::intrusive::list<Session, boost::intrusive::base_hook<RegistryHook<Tag>>,
                                        boost::intrusive::constant_time_size<false>>;
    List<AllTag> all;        // owns one reference each
    List<HeldTag> held;      // in the order in which they began to wait
    List<ParkedTag> parked;  // have replies that wait for a proof
    List<TokenTag> by_token;
    std::unordered_map<std::uint64_t, Session*> by_id;

    [[nodiscard]] Session* find(std::uint64_t id) const {
        const auto found = by_id.find(id);
        return found != by_id.end() ? found->second : nullptr;
    }
    /// Of the client of that id; null: it is gone.
    [[nodiscard]] FeatureHost* features(std::uint64_t id) const {
        Session* const session = find(id);
        return session != nullptr ? &session->features.host() : nullptr;
    }
    /// Null, too, if it has never used CLIENT TRACKING.
    [[nodiscard]] ClientTracking* tracking(std::uint64_t id) const {
        Session* const session = find(id);
        return session != nullptr ? session->features.tracking() : nullptr;
    }
};

/// Ends the pause of this shard's clients.
void end_pause(SessionContext& context);

}  // namespace portal::session
