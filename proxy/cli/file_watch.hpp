// Notices when files may hold something else: by events of their folders (inotify), and by reading them now and then in
// case an event was missed or a folder was made anew. Compares contents, since Kubernetes swaps a symbolic link and
// leaves the names alone. For one io_context's thread; reads small files on it.
#pragma once

#include "certs/pem_files.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace portal::cli {

/// A hash of what the files hold now. A file that cannot be read counts as the reason.
[[nodiscard]] certs::Sha256 content_of(const std::vector<std::string>& files);

class FileWatch {
  public:
    /// `changed` is called when the contents differ from those that are known.
    FileWatch(boost::asio::io_context& io, std::function<void()> changed, std::chrono::milliseconds backstop);

    /// Looks at these files from now on; those that are new to it, in their present state. The first call starts the
    /// watch.
    void watch(std::vector<std::string> files);
    /// What the files hold now is known: to be called before they are read for another reason.
    void note_present();
    /// What is known of the files is older than what they hold: the next look, soon, takes them for changed.
    void doubt();

  private:
    void arm();
    void wait_for_event();
    void look_in(std::chrono::milliseconds delay);
    void look();

    std::function<void()> changed_;
    std::chrono::milliseconds backstop_;
    std::vector<std::string> files_;
    certs::Sha256 seen_{};
    boost::asio::posix::stream_descriptor events_;
    boost::asio::steady_timer timer_;
    bool settling_ = false;  // a look is due soon: further events do not put it off
    std::array<char, 4096> buffer_{};
};

}  // namespace portal::cli
