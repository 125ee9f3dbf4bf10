// One demo's claim on its folder: two demos in one folder would write into each other's data files and certificates. It
// lasts as long as the object, at most as long as the process, however that ends.
#pragma once

#include <filesystem>

namespace portal::demo {

class FolderClaim {
  public:
    /// `dir` exists. Throws ClusterError when another process holds the claim, or the folder cannot be written to.
    explicit FolderClaim(const std::filesystem::path& dir);
    ~FolderClaim();
    FolderClaim(const FolderClaim&) = delete;
    FolderClaim& operator=(const FolderClaim&) = delete;

  private:
    int lock_file_ = -1;
};

}  // namespace portal::demo
