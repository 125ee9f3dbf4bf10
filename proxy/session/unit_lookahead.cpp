#include "session/unit_lookahead.hpp"

#include "command/classifier.hpp"
#include "conversation/queued_commands.hpp"
#include "resp/frame_scanner.hpp"
#include "session/session_bounds.hpp"
#include "session/session_context.hpp"

namespace portal::session {

using command::Handling;

namespace {

/// How far a transaction is looked ahead for its EXEC.
constexpr std::uint32_t kUnitCommands = 1024;

}  // namespace

void find_unit(std::string_view rest, SessionContext& context) {
    std::vector<UnitPart>& parts = context.room.unit;
    parts.clear();
    resp::RequestScanner scanner(context.limits.logged_in);
    std::size_t size = 0;
    while (parts.size() < kUnitCommands) {
        const resp::ScanResult result = scanner.scan(rest);
        if (result.status != resp::ScanStatus::complete || resp::is_inline(rest.substr(0, result.size))) {
            break;
        }
        size += result.size;
        if (size >= kLargeRequest) {
            break;
        }
        const resp::RequestView request(rest.substr(0, result.size));
        const command::CommandRow& row = command::classify(request);
        const bool last = row.handling == Handling::exec;
        const bool passes =
            row.affinity == command::Affinity::shared && !conversation::QueuedCommands::concerns_portal(row.handling);
        if (last ? request.argc() != 1 : !passes) {
            break;
        }
        if (!context.refusal(row, request).empty()) {
            break;
        }
        parts.push_back({&row, result.size});
        if (last) {
            return;
        }
        rest.remove_prefix(result.size);
    }
    parts.clear();
}

}  // namespace portal::session
