#include "session/count_exchange.hpp"

#include "observe/log.hpp"
#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"

#include <memory>
#include <sys/random.h>
#include <utility>

namespace portal::session {

namespace {

constexpr auto kSource = "subscriber counts";
/// What has changed is gathered for so long before others are told.
constexpr std::chrono::milliseconds kGather{10};
/// Whoever has something to say says at least that it lives; several times within CountPeers::kForget.
constexpr std::chrono::milliseconds kSpeakEvery{500};
/// A node that refuses it is asked again after this long.
constexpr std::chrono::seconds kRefused{30};
constexpr std::chrono::milliseconds kPutOff{200};
/// Characters of an error that are logged.
constexpr std::size_t kErrorLogged = 200;
/// Names of one message, in bytes.
constexpr std::size_t kMostNameBytes = 64 * 1024;
const std::string kNoSecret;

PortalId random_id() {
    PortalId id(kPortalId, '\0');
    std::size_t filled = 0;
    while (filled < id.size()) {
        const ssize_t got = ::getrandom(id.data() + filled, id.size() - filled, 0);
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return id;
}

}  // namespace

template <typename Task>
void CountExchange::on_all_shards(const Task& task) {
    task(context_.counts);
    context_.peers.post_to_others(context_.shard, [task](SessionContext& context) { task(context.counts); });
}

CountExchange::CountExchange(SessionContext& context)
    : context_(context),
      peers_(random_id(),
             {.changed =
                  [this](const PortalId& sender, bool whole, std::vector<CountChange>& changes) {
                      const auto shared = std::make_shared<const std::vector<CountChange>>(std::move(changes));
                      on_all_shards(
                          [sender, whole, shared](CountBoard& board) { board.take_from(sender, whole, *shared); });
                  },
              .gone =
                  [this](const PortalId& sender) {
                      const bool had = context_.counts.drop(sender);
                      on_all_shards([sender](CountBoard& board) { static_cast<void>(board.drop(sender)); });
                      return had;
                  }}),
      timer_(context.loop),
      key_(count_key(kNoSecret)) {
    context_.counts.set_told([this](const std::string& name) { note_changed(name); });
}

void CountExchange::on_leader_ready() {
    login_known_ = true;
    connect();
}

void CountExchange::connect() {
    if (link_ || !login_known_ || !context_.counts.used() || !context_.links.usable() || now() < refused_until_) {
        return;
    }
    upstream::LinkIdentity login = context_.own_login();
    login.protocol = resp::Protocol::resp3;
    link_ = context_.links.reserve(login, *this);
    std::string frame;
    resp::write_request(frame, "SSUBSCRIBE", kCountChannel);
    submit(frame);
}

/// The password may change at a reload, and not at all portals at once.
void CountExchange::learn_key() {
    const std::string& secret = context_.config->monitor.password ? *context_.config->monitor.password : kNoSecret;
    if (key_of_ != secret) {
        key_of_ = secret;
        key_ = count_key(secret);
        peers_.connected();
        speak_soon();
    }
}

void CountExchange::submit(std::string_view frame) {
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    link_->submit(frame, std::move(pending));
}

void CountExchange::note_changed(const std::string& name) {
    if (listens_) {  // else all is said once it does
        changed_.insert(name);
        speak_soon();
    }
}

void CountExchange::speak_soon() {
    if (!waits_) {
        waits_ = true;
        timer_.start(kGather, [this] {
            waits_ = false;
            speak();
        });
    }
}

void CountExchange::speak() {
    if (!link_ || !listens_) {
        return;
    }
    if (peers_.take_answer_due(now())) {
        say_all();
    } else if (!changed_.empty()) {
        say_changes();
    } else if (peers_.ask_is_due(now())) {
        say({}, false);
    }
    if (link_ && peers_.owes()) {
        speak_soon();
    }
}

void CountExchange::say_all() {
    changed_.clear();
    std::vector<CountChange> changes;
    std::size_t bytes = 0;
    bool whole = true;
    context_.counts.here().for_each([&](const std::string& name, std::uint64_t sum) {
        changes.push_back({name, static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, UINT32_MAX))});
        bytes += name.size();
        if (changes.size() == kMostChanges || bytes >= kMostNameBytes) {
            say(std::exchange(changes, {}), std::exchange(whole, false));
            bytes = 0;
        }
    });
    if (whole || !changes.empty()) {
        say(std::move(changes), whole);
    }
}

void CountExchange::say_changes() {
    std::vector<CountChange> changes;
    std::size_t bytes = 0;
    for (const std::string& name : std::exchange(changed_, {})) {
        changes.push_back(
            {name, static_cast<std::uint32_t>(std::min<std::uint64_t>(context_.counts.here().of(name), UINT32_MAX))});
        bytes += name.size();
        if (changes.size() == kMostChanges || bytes >= kMostNameBytes) {
            say(std::exchange(changes, {}), false);
            bytes = 0;
        }
    }
    if (!changes.empty()) {
        say(std::move(changes), false);
    }
}

void CountExchange::say(std::vector<CountChange> changes, bool whole) {
    if (!link_) {
        return;
    }
    const CountMessage message{peers_.own(), ++sequence_,    peers_.take_ask_due(now()),
                               whole,        peers_.heard(), std::move(changes)};
    std::string frame;
    resp::write_request(frame, "SPUBLISH", kCountChannel, seal(message, key_));
    submit(frame);
    spoke_ = now();
}

void CountExchange::tick() {
    learn_key();
    connect();
    peers_.tick(now());
    if (link_ && listens_ && !context_.counts.here().empty() && now() - spoke_ >= kSpeakEvery) {
        say({}, false);
    }
}

bool CountExchange::on_reply(upstream::PendingRequest& /*request*/, const resp::ReplyHead& reply,
                             std::string_view /*command*/) {
    if (!link_) {
        return true;
    }
    if (reply.is_error()) {
        refused(reply.bytes());
    } else if (reply.is_push() && !listens_) {
        listens_ = true;
        peers_.connected();
        speak_soon();
    }
    return true;
}

/// Such a node, or such a user, is asked again later; meanwhile other portals' subscribers are counted by the node.
void CountExchange::refused(std::string_view error) {
    if (upstream::says_later(error)) {  // what it was to pass on is lost, so all is told anew on another link
        refused_until_ = now() + kPutOff;
        const upstream::LinkPtr link(link_.get());
        link->end("the node does not carry the portals' counts now");
        return;
    }
    observe::log_repeated(
        observe::LogLevel::warn, kSource,
        "the leader does not let the portals tell each other how many listen, so PUBLISH and PUBSUB "
        "count each other portal's subscribers of one user as one per shard; the monitor's user needs "
        "SSUBSCRIBE and SPUBLISH on the channel",
        {"channel", kCountChannel}, {{"answer", error.substr(0, std::min(error.find('\r'), kErrorLogged))}});
    refused_until_ = now() + kRefused;
    const upstream::LinkPtr link(link_.get());
    link->end("it does not carry the portals' counts");  // tells on_pinned_lost
}

void CountExchange::on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                            const upstream::Loss& /*loss*/) {}

void CountExchange::on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                               std::string_view error) {
    if (link_) {
        observe::log_repeated(observe::LogLevel::warn, kSource, "the monitor's login is refused",
                              {"channel", kCountChannel},
                              {{"answer", error.substr(0, std::min(error.find('\r'), kErrorLogged))}});
        refused_until_ = now() + kRefused;
        on_pinned_lost();
    }
}

bool CountExchange::take_push(const resp::ReplyHead& push, const upstream::PendingRequest* front) {
    if (!push.is_push()) {
        return false;
    }
    const upstream::PubSubFrame head = upstream::read_pubsub_frame(push.bytes());
    using Type = upstream::PubSubFrame::Type;
    if (head.type == Type::message) {
        take_message(push.bytes());
        return true;
    }
    // What confirms answers SSUBSCRIBE; any other push is of no use here.
    return listens_ || head.type != Type::subscribed || front == nullptr || front->sink.get() != this;
}

void CountExchange::take_message(std::string_view frame) {
    auto parts = resp::ReplyView::whole(frame).elements();
    parts.next();
    const auto channel = parts.next().text();
    const auto text = parts.next().text();
    if (channel != kCountChannel || !text) {
        return;
    }
    if (std::optional<CountMessage> message = unseal(*text, key_)) {
        peers_.take(std::move(*message), now());
        if (peers_.owes()) {
            speak_soon();
        }
    } else {
        context_.counters.counts_refused.add();
    }
}

void CountExchange::on_pinned_lost() {
    link_.reset();
    listens_ = false;
    changed_.clear();
}

}  // namespace portal::session
