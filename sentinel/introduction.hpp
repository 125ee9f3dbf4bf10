// How a portal introduces itself to the others: the id of a record that it makes, and where its status page is.
#pragma once

#include "config/config.hpp"

#include <string>

namespace portal::sentinel {

/// 64 random bits in hexadecimal.
std::string random_record_id();

/// Where people may reach the status page, if nobody says otherwise: by the host's name where it listens everywhere.
std::string status_page_url(const config::Address& address);

}  // namespace portal::sentinel
