// Builds the multibulk request that a test classifies. Keeps the bytes that the view looks at.
#pragma once

#include "command/command_table.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace portal::command {

class RequestOf {
  public:
    explicit RequestOf(const std::vector<std::string>& words) : bytes_(encoded(words)), view_(bytes_) {}
    RequestOf(const RequestOf&) = delete;
    RequestOf& operator=(const RequestOf&) = delete;

    // NOLINTNEXTLINE(google-explicit-constructor): reads as the request itself
    operator const resp::RequestView&() const { return view_; }

  private:
    static std::string encoded(const std::vector<std::string>& words) {
        std::string out;
        resp::write_array_header(out, words.size());
        for (const std::string& word : words) {
            resp::write_bulk(out, word);
        }
        return out;
    }

    std::string bytes_;
    resp::RequestView view_;
};

/// "get", "config|set": how test messages name a row.
inline std::string full_name(const CommandRow& row) {
    std::string name(row.name);
    if (!row.subcommand.empty()) {
        name.append("|").append(row.subcommand);
    }
    return name;
}

inline std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return out;
}

inline std::string every_second_upper(std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); i += 2) {
        out[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[i])));
    }
    return out;
}

}  // namespace portal::command
