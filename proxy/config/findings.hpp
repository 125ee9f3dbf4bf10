// What a load found: the problems, and on which line each key stands. Paths are as people write them: nodes[1].address.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace portal::config {

/// One thing that is wrong. Lines and columns count from 1; line 0: the file as a whole.
struct Problem {
    int line = 0;
    int column = 0;
    std::string message;
    bool operator==(const Problem&) const = default;
};

struct Place {
    int line = 0;
    int column = 0;
};

class Findings {
  public:
    void place(const std::string& path, Place where) { places_[path] = where; }
    bool has(const std::string& path) const { return places_.contains(path); }
    /// Where the key stands, or the nearest section around it that is in the file.
    Place where(std::string path) const;

    void add(Place where, std::string message);
    /// "PATH: complaint". The key then counts as failed, so that no check draws conclusions from its default.
    void complain(const std::string& path, const std::string& complaint);
    void complain(Place where, const std::string& path, const std::string& complaint);
    bool failed(const std::string& path) const { return failed_.contains(path); }

    bool empty() const { return problems_.empty(); }
    /// All problems in the order of the file.
    std::vector<Problem> sorted() const;
    const std::map<std::string, Place>& places() const { return places_; }

  private:
    std::vector<Problem> problems_;
    std::map<std::string, Place> places_;
    std::set<std::string> failed_;
};

}  // namespace portal::config
