// Requests too large to be gathered are passed on as they come, each on a link that carries nothing else meanwhile.
// Neither side is read faster than the other takes the bytes. One shard.
#pragma once

#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portal::session {

class LargeRequests final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    // --- one request
    /// The bytes of a request that is not complete. Returns how many were passed on; the rest is to be gathered.
    std::size_t take_part(std::string_view rest);
    void take_last_part(std::string_view bytes);
    /// The rest of one is still to come.
    [[nodiscard]] bool active() const noexcept { return rest_ != Rest::nothing; }
    /// The client broke the protocol inside it: the node never gets the rest.
    void give_up();
    /// It is given up so.
    [[nodiscard]] bool broken() const noexcept { return rest_ == Rest::broken; }
    /// Its link is gone, or has refused it: what is still to come of it goes nowhere.
    void swallow_rest() noexcept;
    void on_streamed();

    // --- large values
    /// The value of the command's first key was large lately, so its reply may be.
    [[nodiscard]] bool has_large_key(const Row& row, const resp::RequestView& request) const noexcept;
    void note_large_key(const Row& row, const resp::RequestView& request);

  private:
    /// What becomes of the rest of a request that was too large to be gathered.
    enum class Rest : std::uint8_t {
        nothing,    // there is none
        forwarded,  // it goes to the client's own link as it comes
        swallowed,  // the request was answered already
        broken,     // the client broke the protocol inside it
    };

    bool begin(std::string_view head);
    bool begin_stream(const Row& row, const resp::RequestView& request);
    void stream(const Row& row, const resp::RequestView& request);
    void pass_on(std::string_view bytes, bool last);

    Rest rest_ = Rest::nothing;
};

}  // namespace portal::session
