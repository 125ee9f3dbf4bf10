// The concerns about a view in one text, for tests.
#pragma once

#include "sentinel/concerns.hpp"

namespace portal::sentinel {

inline std::string concerns_of(const View& view) {
    std::string text;
    for (const auto& sentence : concerns(view, {}, {})) {
        text += sentence + "\n";
    }
    return text;
}

}  // namespace portal::sentinel
