// The users (ACL) of nodes. Redis does not replicate them, so after a change of leader those would be missing that only
// the old one had. Rules hold hashes of passwords: nothing here is for logs, except what harmless() gives back. Pure.
#pragma once

#include "sentinel/told.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::sentinel {

/// Rules by name, as ACL LIST shows them.
using Users = std::map<std::string, std::string, std::less<>>;
using Names = std::set<std::string, std::less<>>;

/// Whose users the nodes are to have.
struct UsersWanted {
    enum class From : std::uint8_t { nobody, leader, file };
    From from = From::leader;
    bool asked_for = false;  // by the configuration: a node that does not let its users be changed is a concern then
    bool strict = false;     // such a node is not promoted
    Users file = {};
    bool operator==(const UsersWanted&) const = default;
};

/// What ACL LIST answers: of each user a line, which Redis does not quote.
Users users_in(const std::vector<std::string>& list);
/// Whether rules can be told from each other as ACL LIST shows them. A first argument of a command may hold any byte: a
/// blank or a line's end in it would make rules of its own where they are set again. Not all such rules can be found,
/// so this is no defence against who may ACL SETUSER.
bool unambiguous(std::string_view rules);
/// The words of ACL SETUSER; a selector is one of them, with all that it holds.
std::vector<std::string> words_of(std::string_view rules);
/// In one spelling, as ACL LIST has it: without what goes without saying, and passwords as hashes.
std::string canonical(std::string_view rules);
/// That makes the user what `rules` say, whatever it was before.
std::vector<std::string> set_user(const std::string& name, std::string_view rules);
/// A node's error without what may be a secret: it quotes the rule that it does not take.
std::string harmless(std::string_view error);

/// A name as people read it: it may hold any bytes but blanks.
std::string shown_name(std::string_view name);

/// A command that a client had executed, as it may be repeated at another node: without the user `login`. Nothing where
/// nothing of it is left, or when it does not name users.
std::optional<std::vector<std::string>> repeatable(std::vector<std::string> command, std::string_view login);

/// Users that are never changed, and those that are never deleted.
struct UsersSpared {
    std::string login;  // the monitor's own
    Names needed = {};
};

/// What one node was told, and what it refused.
class UsersTold {
  public:
    /// Users to be set now, with their rules.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> to_set(const Users& wanted, const Users& node,
                                                                          const UsersSpared& spared) const;
    /// Users to be deleted now.
    [[nodiscard]] std::vector<std::string> to_delete(const Users& wanted, const Users& node,
                                                     const UsersSpared& spared) const;
    /// `shown`: the node's rules since; nothing: it does not have the user.
    void set(const std::string& name, std::string_view rules, std::string_view shown);
    void refused(const std::string& name, std::string_view rules, std::string why);
    void refused_to_delete(const std::string& name, std::string why);
    void forget() { *this = {}; }
    /// Those of the wanted ones that it refuses, with its words.
    [[nodiscard]] std::map<std::string, std::string> refusals(const Users& wanted) const;

    // Of the process that the connection leads to.
    std::string run_id = {};
    std::optional<std::string> masteruser = std::nullopt;  // its login at a leader; nothing: not asked yet
    bool has_file = false;                                 // `aclfile`
    std::string denied = {};                               // it does not let the monitor see or change users; its words
    std::uint64_t version = 0;  // of what all nodes are to have: the newest that it has in full

  private:
    Told told_;  // hashes of rules
};

/// What the group had, so that a leader that lost users in a restart gets them back, and nobody loses one that a leader
/// never had.
class UsersMemory {
  public:
    struct Leader {
        std::string node;
        std::string run_id;
        bool has_file = false;  // `aclfile`: what is not saved there is meant to be gone after a restart
    };
    /// What all nodes are to have by the leader's word: what it has, and what its former process had and it lacks, but
    /// for what it reads its users from a file of its own, or a replica lacks as well: that was deleted.
    [[nodiscard]] Users target(const Leader& leader, const Users& has) const;
    /// Before target(): that replica has these now, but for those that it `refused`. One that was itself started since
    /// the last comparison says nothing.
    void note_present(const std::string& node, const std::string& run_id, const Users& has, const Names& refused);
    /// The leader has these now, but for those that it `refused`.
    void note_leader(Leader leader, Users users, const Names& refused);
    /// A node that was not seen before may have users that only it was given: they are not deleted, but told of.
    void note_replica(const std::string& node, const Users& has, const std::string& run_id);
    void forget() { *this = {}; }

    /// What the leader had last; null: it was not read.
    [[nodiscard]] const Users* last() const { return leader_.node.empty() ? nullptr : &users_; }
    /// By name, the node that has it.
    [[nodiscard]] const std::map<std::string, std::string, std::less<>>& unclear() const { return unclear_; }

  private:
    Leader leader_;
    Users users_;
    Names seen_;
    Names absent_;                                              // of `users_`, those that a replica lacked since
    std::map<std::string, std::string, std::less<>> compared_;  // replicas, and which process was given `users_`
    std::map<std::string, std::string, std::less<>> unclear_;
};

}  // namespace portal::sentinel
