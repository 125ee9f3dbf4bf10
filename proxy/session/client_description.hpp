// What CLIENT LIST and CLIENT INFO say of one client, put together from all parts of its session.
#pragma once

#include "session/client_line.hpp"

namespace portal::session {

class Session;

[[nodiscard]] ClientLine describe(const Session& session);

}  // namespace portal::session
