#include "observe/shard_counters.hpp"

#include <utility>

namespace portal::observe {

ReplyError error_of(std::string_view reply) noexcept {
    constexpr std::pair<std::string_view, ReplyError> kWords[]{
        {"-ERR", ReplyError::err},           {"-WRONGTYPE", ReplyError::wrongtype},
        {"-READONLY", ReplyError::readonly}, {"-LOADING", ReplyError::loading},
        {"-MOVED", ReplyError::moved},       {"-NOAUTH", ReplyError::noauth},
        {"-NOPERM", ReplyError::noperm},     {"-OOM", ReplyError::oom},
        {"-MISCONF", ReplyError::misconf}};
    const std::string_view first = reply.substr(0, reply.find_first_of(" \r\n"));
    for (const auto& [word, error] : kWords) {
        if (first == word) {
            return error;
        }
    }
    return ReplyError::other;
}

}  // namespace portal::observe
