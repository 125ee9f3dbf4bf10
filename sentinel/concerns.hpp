// What is not as it should be, in sentences for operators: each is a reason to call the state degraded. Says nothing of
// what lasts for moments only. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <string>
#include <vector>

namespace portal::sentinel {

/// What the monitor knows beside its view.
struct Circumstances {
    std::string arbiter;        // what it is
    std::string arbiter_error;  // empty: it answers
    bool failsafe_active = false;
    std::vector<std::string> settings = {};  // sentences about those, and about users, that nodes refuse
};

/// The gravest first. Empty: all is well.
std::vector<std::string> concerns(const View& view, const Timing& timing, const Circumstances& circumstances);

}  // namespace portal::sentinel
