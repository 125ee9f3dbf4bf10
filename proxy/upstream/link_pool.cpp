#include "upstream/link_pool.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::upstream {

namespace {

/// A node that says it does not lead is asked nothing for this long, unless the leader changes.
constexpr std::chrono::milliseconds kDoubt{50};
/// What has been at the node for longer is slow: others of its lane no longer stand behind it.
constexpr std::chrono::milliseconds kSlow{100};
/// So many links may be left with what is slow.
constexpr std::size_t kMostLeft = 16;

}  // namespace

void Lease::reset() noexcept {
    if (link_) {
        pool_->give_back(std::exchange(link_, nullptr));
    }
}

LinkPool::LinkPool(LinkContext& context, Events events)
    : context_(context),
      events_(std::move(events)),
      large_replies_(context, shared_, *this),
      logins_([this] { return make(LinkIdentity{}, Link::Use::logins); },
              [this](bool required) { set_auth_required(required, nullptr); }),
      doubtful_(context.loop) {}

LinkPool::~LinkPool() {
    closing_ = true;
    set_leader(std::nullopt);
}

void LinkPool::set_leader(const std::optional<replication::Node>& leader) {
    if (leader == leader_) {
        return;
    }
    leader_ = leader;
    unusable_until_ = {};
    context_.process.expect({});
    pauses_.clear();
    end_all("the leader has changed");
    if (leader_ && !closing_) {
        auth_link();  // tells at once whether the leader wants a login, and what it is
    }
}

/// Every link, whatever it is used for; what is pending is handed back.
void LinkPool::end_all(std::string_view why) {
    std::vector<LinkPtr> all = shared_.take_all();
    std::ranges::move(leases_.take_all(), std::back_inserter(all));
    std::ranges::move(large_replies_.take_all(), std::back_inserter(all));
    std::ranges::move(idle_.take_all(), std::back_inserter(all));
    if (LinkPtr link = logins_.take()) {
        all.push_back(std::move(link));
    }
    context_.leader_goes = true;
    for (const LinkPtr& link : all) {
        link->abandon(why);
    }
    context_.leader_goes = false;
    count();
}

/// What waits on links that are not ready may be meant for the process before, as a cursor is.
void LinkPool::expect_process(const std::string& run_id) {
    if (context_.process.expect(run_id)) {
        end_all("another process serves there");
        auth_link();
    }
}

void LinkPool::doubt_leader(std::string_view why) {
    if (usable()) {
        unusable_until_ = context_.turn.now() + kDoubt;
        events_.trouble(*leader_, why);
    }
}

std::string_view LinkPool::failure() const noexcept {
    return !leases_.have_room(1, context_.lease_limit)
               ? "too many clients have connections of their own to Redis (limits.leases)"
               : std::string_view(pauses_.why());
}

LinkPtr LinkPool::make(const LinkIdentity& identity, Link::Use use) {
    LinkPtr link(new Link(context_, *this, identity, *leader_));
    link->set_use(use);
    made_last_ = link;
    return link;
}

/// False: the link is of no further use.
bool LinkPool::keep_idle(const LinkPtr& link) {
    const bool outdated = auth_required() && link->identity().username.empty();
    return leader_ == link->node() && !outdated && idle_.keep(link);
}

Link& LinkPool::make_shared(const LinkIdentityView& identity, Link::Lane lane) {
    LinkPtr link = idle_.take(identity, 0, Before::anything);
    const bool idle = link != nullptr;
    if (!idle) {
        link =
            make({std::string(identity.username), std::string(identity.password), identity.protocol, identity.database,
                  false, identity.selector != nullptr ? *identity.selector : nullptr, identity.by_token},
                 Link::Use::shared);
    }
    link->set_use(Link::Use::shared);
    link->set_lane(lane);
    shared_.add(link);
    count();
    if (!idle) {
        link->start();
    }
    return *link;
}

Lease LinkPool::lease(const LinkIdentity& identity, ReplySink& holder, Before before) {
    context_.counters.leases.add();
    LinkPtr link = idle_.take(identity, holder.serial(), before);
    const bool idle = link != nullptr;
    if (!idle) {
        link = make(identity, Link::Use::leased);
    }
    Lease lease = lease_of(link, holder);
    if (!idle) {
        leases_.connects();
        link->start();
    }
    return lease;
}

Lease LinkPool::lease_of(LinkPtr link, ReplySink& holder) {
    link->set_use(Link::Use::leased);
    return hold(std::move(link), holder);
}

Lease LinkPool::reserve(const LinkIdentity& identity, ReplySink& holder) {
    LinkPtr link = make(identity, Link::Use::questions);
    Lease lease = hold(link, holder);
    link->start();
    return lease;
}

Lease LinkPool::hold(LinkPtr link, ReplySink& holder) {
    leases_.hold(link, holder);
    count();
    return Lease(*this, std::move(link));
}

void LinkPool::give_back(LinkPtr link) noexcept {
    link->set_holder(nullptr);
    forget(*link);
    link->resume_reading();
    if (link->use() != Link::Use::leased || !keep_idle(link)) {
        link->end("the lease has ended");
    }
    count();
}

void LinkPool::on_large_reply(Link& link) {
    large_replies_.begin(link);
    count();
}

void LinkPool::on_reply_swallowed(Link& link) {
    large_replies_.swallowed(link);
}

void LinkPool::on_link_empty(Link& link) {
    const LinkPtr taken = large_replies_.take(link);
    if (!keep_idle(taken)) {
        link.end("nobody uses it");
    }
    count();
}

// ------------------------------------------------------------------------------------------- what newcomers must do

void LinkPool::watch_login() {
    const auto now = context_.turn.now();
    if (usable() && !pauses_.holds(Link::Use::logins, {}, now)) {
        logins_.ask(now, context_.name);
    }
}

void LinkPool::set_auth_required(bool required, const Link* knows) {
    if (!logins_.set_required(required)) {
        return;
    }
    drop_anonymous(knows);
    if (required) {
        events_.login_required();
    }
}

/// Links on which nobody has logged in were made under other rules, except the one that `knows` of the new ones.
void LinkPool::drop_anonymous(const Link* knows) {
    std::vector<LinkPtr> links = shared_.take_of({});
    std::ranges::move(idle_.take_anonymous(), std::back_inserter(links));
    for (LinkPtr& link : links) {
        if (link.get() == knows) {
            shared_.add(std::move(link));
        } else if (link->state() != Link::State::ready || link->requests().empty()) {
            link->end("other rules hold for clients that have not logged in");
        } else {
            large_replies_.retire(std::move(link));
        }
    }
    count();
}

// ------------------------------------------------------------------------------------------- what becomes of links

void LinkPool::on_link_ready(Link& link) {
    pauses_.succeeded(link.use(), link.identity().username);
    leases_.connected(link);
    if (!link.setup().auth_required()) {  // else it has said nothing of itself
        logins_.set_hello(link.setup().hello());
    }
    if (link.identity().username.empty()) {
        set_auth_required(link.setup().auth_required(), &link);
    }
    events_.ready();
}

void LinkPool::on_link_doubtful(Link& link) {
    doubtful_.add(link);
}

/// It is none of ours any more. False: it was none.
bool LinkPool::forget(Link& link) {
    return leases_.remove(link) || shared_.take(link) != nullptr || large_replies_.take(link) != nullptr ||
           idle_.remove(link);
}

void LinkPool::on_link_ended(Link& link, std::string_view why) {
    const LinkPtr alive(&link);
    const bool ours = forget(link);
    const bool auth = logins_.is(link);
    if (auth) {
        [[maybe_unused]] const LinkPtr ended = logins_.take();
    }
    count();
    if (!link.was_ready()) {
        leases_.connected(link);
    }
    if (link.setup().auth_required() && link.identity().username.empty() && !closing_) {
        set_auth_required(true, nullptr);
    }
    const bool refused = !link.setup().error().empty();  // that user or database is wrong, not the node
    if (link.setup().login_refused() && !closing_) {
        events_.login_refused(link.identity());
    }
    if ((!ours && !auth) || refused || closing_ || link.finishes()) {  // it was to end
        return;
    }
    if (link.was_ready() && leader_ == link.node()) {
        context_.process.link_lost(net::Turn::Clock::now());  // not the turn's time, which is before the loss
        if (!link.identity().username.empty()) {
            events_.dropped(link.identity());
        }
    }
    if (!link.was_ready() && leader_ == link.node()) {
        pauses_.failed(link.use(), link.identity().username, why, context_.turn.now());
    }
    events_.trouble(link.node(), why);
}

void LinkPool::resume_writing() {
    for (const LinkPtr& link : std::exchange(context_.withheld, {})) {
        link->resume_writing();
    }
}

void LinkPool::fence_quiet() {
    for (const LinkPtr& link : std::exchange(context_.loose, {})) {
        link->fence_quiet();
    }
}

void LinkPool::leave_slow() {
    if (large_replies_.size() >= kMostLeft) {
        return;
    }
    for (LinkPtr& link : shared_.take_slow(context_.turn.now(), kSlow)) {
        large_replies_.retire(std::move(link));
    }
    count();
}

void LinkPool::close_idle() {
    std::vector<LinkPtr> unused = idle_.take_all();
    std::ranges::move(shared_.take_unused(), std::back_inserter(unused));
    for (const LinkPtr& link : unused) {
        link->end("nobody uses it");
    }
    count();
}

void LinkPool::count() {
    context_.counters.upstream_links_shared.set(shared_.size() + large_replies_.size());
    context_.counters.upstream_links_pinned.set(leases_.size() + idle_.size());
}

}  // namespace portal::upstream
