// Looks ahead for a transaction that may travel in one piece on a shared link.
#pragma once

#include <string_view>

namespace portal::session {

struct SessionContext;

/// The commands behind a MULTI, its EXEC included, into context.room.unit, if all of them are in `rest` and may travel
/// on a shared link; else none. Only EXEC ends one there: whatever the node thinks of it, the transaction is over. A
/// DISCARD may be refused, and everybody's commands behind it would be queued.
void find_unit(std::string_view rest, SessionContext& context);

}  // namespace portal::session
