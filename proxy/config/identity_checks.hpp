// Checks of section `identity` that concern more than one key, and the files that it names. Returns nothing; every
// problem goes into `findings`.
#pragma once

#include "config/findings.hpp"
#include "config/identity_config.hpp"

namespace portal::config {

void check_identity(const Identity& identity, Findings& findings);
/// Fills in what the files hold.
void read_identity_files(Identity& identity, Findings& findings);

}  // namespace portal::config
