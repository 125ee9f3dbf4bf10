// What travels on links that many clients use must leave nothing behind there: such a link ends at once, and with it
// the requests of everybody else.
#include "session/link_effect.hpp"

#include "command/command_table.hpp"

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using command::Affinity;
using command::Handling;

/// Nodes that are in no cluster refuse these, and connections that track nothing.
bool is_refused_on_shared_links(Handling handling) {
    return handling == Handling::asking || handling == Handling::readonly_mode || handling == Handling::client_caching;
}

TEST(LinkEffect, WhatTravelsOnSharedLinksLeavesNothingBehind) {
    std::size_t shared = 0;
    for (const command::CommandRow& row : command::command_table()) {
        if (row.affinity == Affinity::shared && !is_refused_on_shared_links(row.handling)) {
            EXPECT_EQ(effect_of(row.handling), upstream::Effect::none) << row.name;
            ++shared;
        }
    }
    EXPECT_GT(shared, 100U);
}

}  // namespace
}  // namespace portal::session
