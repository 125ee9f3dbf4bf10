// The whole data path against hostile nodes: nothing of one client ever reaches another. One test for each kind of
// hostility, and one for all of them together. ADVERSARY_SEED and ADVERSARY_SECONDS make long runs of any of them.
#include "run.hpp"

#include <gtest/gtest.h>

namespace portal::adversary {
namespace {

Script everything() {
    return Script{}
        .with(Scene::plain, 30)
        .with(Scene::transaction, 15)
        .with(Scene::watch, 5)
        .with(Scene::login, 5)
        .with(Scene::database, 5)
        .with(Scene::protocol, 5)
        .with(Scene::list, 6)
        .with(Scene::script, 8)
        .with(Scene::unknown, 3)
        .with(Scene::tracking, 6)
        .with(Scene::subscription, 6)
        .with(Scene::front, 8)
        .with(Scene::name, 2)
        .with(Scene::reset, 2)
        .with(Scene::leave, 2);
}

/// Data only, no state.
Script plain() {
    Script script = Script{}.with(Scene::plain, 10).with(Scene::script, 1);
    script.anonymous = 0;
    return script;
}

Tolerance lossy() {
    return {.lost = true, .closed = true, .early_reads = true};
}

void expect_clean(const Hostility& hostility) {
    const std::string wrong = run_all(hostility);
    EXPECT_TRUE(wrong.empty()) << wrong;
}

TEST(Adversary, small_values_reach_whom_they_are_for) {
    Hostility hostility{.name = "honest"};
    hostility.script = plain();
    hostility.script.large = 0;
    expect_clean(hostility);
}

TEST(Adversary, large_values_come_back_byte_for_byte) {
    Hostility hostility{.name = "large values"};
    hostility.script = plain();
    hostility.script.large = 0.15;
    hostility.clients = 40;
    expect_clean(hostility);
}

TEST(Adversary, replies_cut_anywhere_are_put_together) {
    Hostility hostility{.name = "split replies"};
    hostility.script = everything();
    hostility.switches.with(Act::split, 0.3);
    hostility.script.large = 0.02;
    expect_clean(hostility);
}

TEST(Adversary, every_state_stays_with_its_client) {
    Hostility hostility{.name = "states"};
    hostility.script = everything();
    hostility.script.large = 0;
    expect_clean(hostility);
}

TEST(Adversary, a_login_in_the_middle_of_a_state_stays_with_its_client) {
    Hostility hostility{.name = "logins"};
    hostility.script = Script{}
                           .with(Scene::plain, 3)
                           .with(Scene::watch, 5)
                           .with(Scene::login, 5)
                           .with(Scene::database, 5)
                           .with(Scene::protocol, 5)
                           .with(Scene::reset, 1);
    hostility.script.large = 0;
    expect_clean(hostility);
}

TEST(Adversary, users_that_lack_commands_leave_nothing_to_others) {
    Hostility hostility{.name = "limited users"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.limited_users = true;
    hostility.tolerance = {.closed = true, .refused = true};  // closed: a user that lacks HELLO asks for RESP3
    expect_clean(hostility);
}

TEST(Adversary, an_end_of_a_state_that_is_refused_leaves_nothing_to_others) {
    Hostility hostility{.name = "refused ends"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::refuse_end, 0.3);
    hostility.tolerance.refused = true;
    expect_clean(hostility);
}

TEST(Adversary, an_exec_that_is_refused_and_leaves_its_transaction_open) {
    Hostility hostility{.name = "exec stays"};
    hostility.script = Script{}.with(Scene::plain, 5).with(Scene::transaction, 5);
    hostility.script.large = 0;
    hostility.switches.with(Act::refuse_end, 0.2).with(Act::exec_stays, 1);
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, any_command_may_be_refused) {
    Hostility hostility{.name = "refusals"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::refuse, 0.02);
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, reads_keep_their_place_behind_a_refused_command) {
    Hostility hostility{.name = "order behind refusals"};
    hostility.script = plain();
    hostility.script.large = 0;
    hostility.switches.with(Act::refuse, 0.02);
    // closed: a transaction that is sent again, and whose MULTI is refused then, may have run command by command.
    hostility.tolerance = {.closed = true, .refused = true};
    hostility.closed_in_doubt = true;
    expect_clean(hostility);
}

TEST(Adversary, links_that_are_refused_while_they_are_made) {
    Hostility hostility{.name = "refused links"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::refuse_setup, 0.1);
    hostility.tolerance = {.closed = true, .refused = true, .early_reads = true};
    hostility.no_login_lost = true;
    expect_clean(hostility);
}

TEST(Adversary, too_many_clients_at_the_node_is_no_wrong_login) {
    Hostility hostility{.name = "max clients"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::max_clients, 0.3);
    hostility.tolerance = {.closed = true, .max_clients = true};
    hostility.no_login_lost = true;
    expect_clean(hostility);
}

TEST(Adversary, a_reply_too_many_behind_a_script_reaches_nobody) {
    Hostility hostility{.name = "surplus replies"};
    hostility.script = plain().with(Scene::script, 4).with(Scene::unknown, 2).with(Scene::watch, 1);
    hostility.script.large = 0.02;  // a large script travels alone, and past what looks at the others
    hostility.script.few_scripts = true;
    hostility.switches.with(Act::surplus, 0.05);
    hostility.tolerance = lossy();
    hostility.tolerance.desync = true;
    expect_clean(hostility);
}

TEST(Adversary, a_reply_too_few_behind_a_script_shifts_nobody) {
    Hostility hostility{.name = "missing replies"};
    hostility.script = plain().with(Scene::script, 4).with(Scene::unknown, 2).with(Scene::watch, 1);
    hostility.script.large = 0.02;  // a large script travels alone, and past what looks at the others
    hostility.script.few_scripts = true;
    hostility.switches.with(Act::missing, 0.05);
    hostility.tolerance = lossy();
    hostility.tolerance.desync = true;
    expect_clean(hostility);
}

TEST(Adversary, pushes_that_nobody_asked_for) {
    Hostility hostility{.name = "pushes"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::push, 0.02);
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .noise = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, pushes_while_a_link_is_made) {
    Hostility hostility{.name = "pushes in setup"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::push_setup, 0.05);
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .noise = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, pushes_where_the_protocol_knows_none) {
    Hostility hostility{.name = "pushes on RESP2"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.switches.with(Act::push_resp2, 0.02);
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .noise = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, connections_that_stall) {
    Hostility hostility{.name = "stalls"};
    hostility.script = everything();
    hostility.script.large = 0.01;
    hostility.switches.with(Act::stall, 0.005);
    expect_clean(hostility);
}

TEST(Adversary, connections_that_close_at_any_byte) {
    Hostility hostility{.name = "closes"};
    hostility.script = everything();
    hostility.script.large = 0.01;
    hostility.switches.with(Act::close, 0.005);
    hostility.tolerance = lossy();
    expect_clean(hostility);
}

TEST(Adversary, users_whose_passwords_change_and_who_are_deleted) {
    Hostility hostility{.name = "users change"};
    hostility.script = everything();
    hostility.script.large = 0;
    hostility.user_changes = 4;
    hostility.default_changes = 1;
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .login = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, a_login_that_is_wanted_is_asked_for) {
    Hostility hostility{.name = "login rules"};
    hostility.script = plain();
    hostility.script.large = 0;
    hostility.script.anonymous = 0.3;
    hostility.probes_login = true;
    hostility.tolerance = {.lost = true, .closed = true, .login = true, .early_reads = true};
    hostility.clients = 40;
    hostility.seconds = 8;
    expect_clean(hostility);
}

TEST(Adversary, a_debugger_stays_with_whoever_wanted_it) {
    Hostility hostility{.name = "script debugger"};
    hostility.script = plain().with(Scene::script, 6).with(Scene::debugger, 2).with(Scene::watch, 6);
    hostility.script.large = 0;
    hostility.tolerance = lossy();
    expect_clean(hostility);
}

TEST(Adversary, a_read_that_ends_connections_is_not_asked_again_and_again) {
    Hostility hostility{.name = "deadly reads"};
    hostility.script = plain().with(Scene::plain, 40).with(Scene::deadly, 1);
    hostility.script.large = 0;
    hostility.tolerance = lossy();
    hostility.deadly_reads = 2;
    hostility.clients = 40;
    expect_clean(hostility);
}

TEST(Adversary, tracking_in_every_form_outlives_lost_links) {
    Hostility hostility{.name = "tracking"};
    hostility.script = Script{}.with(Scene::plain, 5).with(Scene::tracking, 10).with(Scene::leave, 2);
    hostility.script.large = 0;
    hostility.script.anonymous = 0.3;
    hostility.all_links_closed = 3;
    hostility.tolerance = lossy();
    expect_clean(hostility);
}

TEST(Adversary, changes_of_the_leader) {
    Hostility hostility{.name = "leader changes"};
    hostility.script = everything();
    hostility.script.large = 0.01;
    hostility.leader_changes = 3;
    hostility.tolerance = lossy();
    expect_clean(hostility);
}

/// Commands in front of a MULTI, on a link of the client's own.
Script in_front() {
    Script script = Script{}.with(Scene::plain, 2).with(Scene::front, 10);
    script.large = 0;
    return script;
}

TEST(Adversary, what_stands_before_a_transaction_is_no_part_of_it) {
    Hostility hostility{.name = "before transactions"};
    hostility.script = in_front();
    hostility.script.mutes = true;
    expect_clean(hostility);
}

TEST(Adversary, what_is_refused_before_a_transaction_runs_or_is_told) {
    Hostility hostility{.name = "refused before transactions"};
    hostility.script = in_front();
    hostility.switches.with(Act::refuse, 0.03).with(Act::refuse_end, 0.03).with(Act::refuse_setup, 0.03);
    hostility.switches.with(Act::push, 0.03);
    hostility.limited_users = true;
    hostility.tolerance = {.lost = true, .closed = true, .refused = true, .noise = true, .early_reads = true};
    expect_clean(hostility);
}

TEST(Adversary, what_stands_before_a_transaction_whose_link_is_lost_runs_once_or_is_told) {
    Hostility hostility{.name = "lost before transactions"};
    hostility.script = in_front();
    hostility.script.mutes = true;
    hostility.switches.with(Act::close, 0.01).with(Act::stall, 0.002);
    hostility.leader_changes = 2;
    hostility.all_links_closed = 1;
    hostility.tolerance = lossy();
    expect_clean(hostility);
}

TEST(Adversary, everything_at_once) {
    Hostility hostility{.name = "everything"};
    hostility.script = everything().with(Scene::debugger, 1).with(Scene::deadly, 1);
    hostility.script.large = 0.01;
    hostility.switches.with(Act::refuse, 0.005)
        .with(Act::refuse_end, 0.03)
        .with(Act::refuse_setup, 0.02)
        .with(Act::max_clients, 0.02)
        .with(Act::surplus, 0.01)
        .with(Act::missing, 0.01)
        .with(Act::push, 0.005)
        .with(Act::stall, 0.001)
        .with(Act::close, 0.001)
        .with(Act::split, 0.05);
    hostility.limited_users = true;
    hostility.leader_changes = 0.5;
    hostility.all_links_closed = 0.2;
    hostility.user_changes = 0.5;
    hostility.default_changes = 0.3;
    hostility.tolerance = {.lost = true,
                           .closed = true,
                           .refused = true,
                           .login = true,
                           .max_clients = true,
                           .noise = true,
                           .desync = true,
                           .early_reads = true};
    hostility.script.few_scripts = true;
    hostility.deadly_reads = 6;
    hostility.clients = 250;
    hostility.seconds = 8;
    expect_clean(hostility);
}

}  // namespace
}  // namespace portal::adversary
