// Every error text that the portal itself can show to a client, without the leading '-'. Texts that exist in
// redis-server are its own, so that client libraries treat them as they know.
#pragma once

#include "command/command_table.hpp"

#include <string>
#include <string_view>

namespace portal::conversation::client_errors {

inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kWrongPass = "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kTokenEnded =
    "NOAUTH the token that this connection has logged in with has ended: connect again with a new one";
inline constexpr std::string_view kTokenRevoked =
    "NOAUTH the token that this connection has logged in with is accepted no more: connect again";
inline constexpr std::string_view kHelloNoAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time";
inline constexpr std::string_view kNoProto = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kProtocolNotInteger = "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kDatabaseRange = "ERR DB index is out of range";
inline constexpr std::string_view kClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kClientIdPositive = "ERR client-id should be greater than 0";
inline constexpr std::string_view kClientId = "ERR Invalid client ID";
inline constexpr std::string_view kNoSuchClient = "ERR No such client";
inline constexpr std::string_view kMaxAge = "ERR maxage is not an integer or out of range";
inline constexpr std::string_view kIdle = "ERR idle is not an integer or out of range";
inline constexpr std::string_view kPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kUnblockReason = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kTimeoutNotInteger = "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kMaxClients = "ERR max number of clients reached";
inline constexpr std::string_view kExecAbort = "EXECABORT Transaction discarded because of previous errors.";
inline constexpr std::string_view kExecWithoutMulti = "ERR EXEC without MULTI";
inline constexpr std::string_view kInTransaction = "ERR Command not allowed inside a transaction";
inline constexpr std::string_view kExecAbortedBy = "EXECABORT Transaction discarded because of: ";  // for EXEC
/// "ERR " or kExecAbortedBy + this + the command's name + kSubscriberModeEnd
inline constexpr std::string_view kLongName = "ERR the portal subscribes to no name of 256 KiB or more";
inline constexpr std::string_view kSubscriberMode = "Can't execute '";
inline constexpr std::string_view kSubscriberModeEnd =
    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

inline constexpr std::string_view kInDoubt =
    "INDOUBT the leader was lost after this command was sent: it may or may not have been executed";
inline constexpr std::string_view kNotRepeated =
    "INDOUBT the leader was lost while it worked at this command, so no other node is asked for it: try a smaller one";
inline constexpr std::string_view kUnprovenInDoubt =
    "INDOUBT the leader was lost before a replica had confirmed this command: it was executed, and may be lost";
inline constexpr std::string_view kNoProof =
    "NOPROOF no replica confirmed this command within the hold time: it was executed, and may be lost with the leader";
inline constexpr std::string_view kNoProofRefused =
    "NOPROOF no replica confirms writes now, within the hold time: this command was not executed";
inline constexpr std::string_view kNoLeader = "NOLEADER no leader within the hold time: ";  // + the reason
inline constexpr std::string_view kUnserved =
    "NOLEADER no leader within the hold time, when the transaction began: nothing of it was executed";
inline constexpr std::string_view kRefuses =
    "the node that led answers that it does not lead, or that it loads its data";
inline constexpr std::string_view kHoldFull = "NOLEADER no leader, and too much is waiting for one already: ";
inline constexpr std::string_view kLargeLost =
    "NOLEADER the leader was lost, and a request of this size is not kept to be sent again: it has changed nothing";
inline constexpr std::string_view kNeverAsked =
    "NOLEADER the connection to the leader was lost before it was asked for this: it has changed nothing";
inline constexpr std::string_view kDenied = "DENIED this command is not allowed through the portal: ";  // + its name
inline constexpr std::string_view kManyRedirections =
    "ERR portal: a transaction may turn on tracking with REDIRECT four times";
inline constexpr std::string_view kNoReplication =
    "DENIED this portal carries no replication (commands.replication: off): connect to a node itself for ";  // + its
                                                                                                             // name
inline constexpr std::string_view kNoMigration =
    "DENIED what the nodes of a cluster say to each other goes through no portal: ";  // + its name
inline constexpr std::string_view kSyncAlone =
    "ERR portal: a connection that listens, tracks, monitors or has fieldsets cannot become that of a replica";
inline constexpr std::string_view kSyncFailover =
    "DENIED a client of a portal makes no node lead: PSYNC has two arguments here";
inline constexpr std::string_view kCursor =
    "ERR invalid cursor: another server process gave it, which does not serve here now, so elements would be left out; "
    "begin again with cursor 0";
inline constexpr std::string_view kReadOnly = "READONLY You can't write against a read only replica.";
inline constexpr std::string_view kNoticesNeedResp3 = "ERR maintenance notifications need RESP3: send HELLO 3 first";
inline constexpr std::string_view kShuttingDown = "ERR portal: shutting down";

/// "get" or "client|list".
inline std::string full_name(const command::CommandRow& row) {
    return std::string(row.name) + (row.subcommand.empty() ? "" : "|" + std::string(row.subcommand));
}

inline std::string unknown_client_type(std::string_view word) {
    return "ERR Unknown client type '" + std::string(word) + "'";
}

/// Of a filter by flags or capabilities of clients, as Valkey words it.
inline std::string unknown_letters(std::string_view filter, std::string_view letters) {
    return "ERR Unknown " + std::string(filter) +
           " found in the provided filter: " + std::string(letters.substr(0, 64));
}

/// Of a container command, such as CLIENT, where an optional argument is one too many.
inline std::string wrong_subcommand(std::string_view subcommand, std::string_view container) {
    return "ERR unknown subcommand or wrong number of arguments for '" + std::string(subcommand.substr(0, 128)) +
           "'. Try " + std::string(container) + " HELP.";
}

inline std::string unknown_subcommand(std::string_view subcommand, std::string_view container) {
    return "ERR unknown subcommand '" + std::string(subcommand.substr(0, 128)) + "'. Try " + std::string(container) +
           " HELP.";
}

inline std::string wrong_arity(const command::CommandRow& row) {
    return "ERR wrong number of arguments for '" + full_name(row) + "' command";
}

}  // namespace portal::conversation::client_errors
