#include "session/client_permission.hpp"

#include "resp/reply_writer.hpp"
#include "session/client_filter.hpp"

namespace portal::session {

using command::Handling;

namespace {

/// The id of no connection of a node.
constexpr std::string_view kNobody = "9223372036854775807";

}  // namespace

std::string question(const command::CommandRow& row, const resp::RequestView& request, std::string_view link_name) {
    std::string out;
    const std::string word(request.arg(1));
    switch (row.handling) {
        case Handling::client_list:
            resp::write_request(out, "CLIENT", word, "ID", kNobody);
            break;
        case Handling::client_kill:
            if (const auto user = user_of_kill(request)) {
                resp::write_request(out, "CLIENT", word, "ID", kNobody, "USER", *user);
            } else {
                resp::write_request(out, "CLIENT", word, "ID", kNobody);
            }
            break;
        case Handling::client_unblock:
            resp::write_request(out, "CLIENT", word, kNobody);
            break;
        case Handling::client_pause:
            resp::write_request(out, "CLIENT", word, "?");  // no time, so there is no pause
            break;
        case Handling::client_unpause:
            // It would end a pause that a portal has made for a switchover.
            resp::write_request(out, "CLIENT", "PAUSE", "?");
            break;
        case Handling::client_setname:
            resp::write_request(out, "CLIENT", word, link_name);
            break;
        case Handling::client_setinfo:
            resp::write_request(out, "CLIENT", word, "LIB-NAME", "redis-portal");
            break;
        case Handling::client_no_evict:
        case Handling::client_no_touch:
            resp::write_request(out, "CLIENT", word, "OFF");
            break;
        case Handling::client_reply:
            resp::write_request(out, "CLIENT", word, "ON");
            break;
        default:
            resp::write_request(out, "CLIENT", word);
            break;
    }
    return out;
}

bool is_refusal(std::string_view verdict, Handling handling) {
    return verdict.starts_with("-NO") ||  // NOPERM, NOAUTH, NOLEADER
           (handling == Handling::client_no_touch && verdict.starts_with("-ERR unknown"));
}

}  // namespace portal::session
