// How a session stands in the lists of its shard's registry: that of all, of those that are held, of those with
// parked replies, and of those that are logged in by a token. It leaves a list when it ends. Knows neither the session
// nor the registry.
#pragma once

#include <boost/intrusive/list.hpp>

namespace portal::session {

struct AllTag;
struct HeldTag;
struct ParkedTag;
struct TokenTag;
template <typename Tag>
using RegistryHook = boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>,
                                                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

}  // namespace portal::session
