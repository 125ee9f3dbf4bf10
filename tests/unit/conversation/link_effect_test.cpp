// What many clients share must stay as it is, whatever they send there.
#include "conversation/link_effect.hpp"

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

TEST(LinkEffect, NothingThatTravelsOnSharedLinksLeavesAnythingBehind) {
    for (const command::CommandRow& row : command::command_table()) {
        if (row.affinity == command::Affinity::shared) {
            EXPECT_EQ(effect_of(row.handling), upstream::Effect::none) << row.name << '|' << row.subcommand;
        }
    }
}

TEST(LinkEffect, WhatIsNotKnownMayDoAnything) {
    using command::Handling;
    for (const Handling each :
         {Handling::unknown, Handling::connection, Handling::monitor, Handling::auth, Handling::select, Handling::hello,
          Handling::client_tracking, Handling::subscribe, Handling::script_debug, Handling::readonly_mode,
          Handling::client_other, Handling::fieldset, Handling::replication}) {
        EXPECT_EQ(effect_of(each), upstream::Effect::lasting);
    }
}

}  // namespace
}  // namespace portal::conversation
