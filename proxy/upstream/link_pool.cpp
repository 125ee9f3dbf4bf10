#include "upstream/link_pool.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::upstream {

namespace {

/// Idle links kept for the next lease; more are closed.
constexpr std::size_t kIdleLimit = 16;
/// A node that says it does not lead is asked nothing for this long, unless the leader changes.
constexpr std::chrono::milliseconds kDoubt{50};
/// How often a node that wants a login is asked whether it still does.
constexpr std::chrono::milliseconds kAskLocked{800};

}  // namespace

void Lease::reset() noexcept {
    if (link_) {
        pool_->give_back(std::exchange(link_, nullptr));
    }
}

LinkPool::LinkPool(LinkContext& context, Events events)
    : context_(context),
      events_(std::move(events)),
      login_watch_(new LoginWatch([this](LoginWatch::Verdict verdict) { take_verdict(verdict); })) {}

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
    pauses_.clear();
    std::vector<LinkPtr> all = shared_.take_all();
    for (auto& [key, link] : std::exchange(held_, {})) {
        all.push_back(std::move(link));
    }
    leases_ = 0;
    for (Retired& each : std::exchange(retired_, {})) {
        all.push_back(std::move(each.link));
    }
    std::ranges::move(std::exchange(idle_, {}), std::back_inserter(all));
    if (LinkPtr link = std::exchange(auth_link_, nullptr)) {
        all.push_back(std::move(link));
    }
    for (const LinkPtr& link : all) {
        link->abandon("the leader has changed");
    }
    count();
    if (leader_ && !closing_) {
        auth_link();  // tells at once whether the leader wants a login, and what it is
    }
}

void LinkPool::doubt_leader(std::string_view why) {
    if (usable()) {
        unusable_until_ = context_.turn.now() + kDoubt;
        events_.trouble(*leader_, why);
    }
}

std::string_view LinkPool::failure() const noexcept {
    return leases_ >= context_.lease_limit ? "too many clients have connections of their own to Redis (limits.leases)"
                                           : std::string_view(pauses_.why());
}

LinkPtr LinkPool::make(const LinkIdentity& identity, Link::Use use) {
    LinkPtr link(new Link(context_, *this, identity, *leader_));
    link->set_use(use);
    made_last_ = link;
    return link;
}

/// An idle one that this user of links had last needs no fence.
LinkPtr LinkPool::take_idle(const LinkIdentityView& identity, std::uint64_t user, Before before) {
    if (before == Before::no_request) {
        return nullptr;
    }
    auto best = idle_.end();
    for (auto each = idle_.begin(); each != idle_.end(); ++each) {
        if ((*each)->identity().same_login(identity)) {
            const bool own = (*each)->fences().last_user() == user;
            if (own || (before == Before::anything && best == idle_.end())) {
                best = each;
            }
            if (own) {
                break;
            }
        }
    }
    if (best == idle_.end()) {
        return nullptr;
    }
    LinkPtr link = std::move(*best);
    idle_.erase(best);
    return link;
}

/// False: the link is of no further use.
bool LinkPool::keep_idle(const LinkPtr& link) {
    const bool outdated = auth_required_ && link->identity().username.empty();
    if (link->state() != Link::State::ready || link->pending() > 0 || !link->carries().fit_for_reuse() ||
        idle_.size() >= kIdleLimit || leader_ != link->node() || outdated) {
        return false;
    }
    idle_.push_back(link);
    return true;
}

Link& LinkPool::shared(const LinkIdentityView& identity) {
    if (Link* found = shared_.find(identity)) {
        return *found;
    }
    LinkPtr link = take_idle(identity, 0, Before::anything);
    const bool idle = link != nullptr;
    if (!idle) {
        link =
            make({std::string(identity.username), std::string(identity.password), identity.protocol, identity.database},
                 Link::Use::shared);
    }
    link->set_use(Link::Use::shared);
    shared_.add(link);
    count();
    if (!idle) {
        link->start();
    }
    return *link;
}

Lease LinkPool::lease(const LinkIdentity& identity, ReplySink& holder, Before before) {
    context_.counters.leases.add();
    LinkPtr link = take_idle(identity, holder.serial(), before);
    const bool idle = link != nullptr;
    if (!idle) {
        link = make(identity, Link::Use::leased);
    }
    link->set_use(Link::Use::leased);
    ++leases_;
    Lease lease = hold(link, holder);
    if (!idle) {
        ++connecting_;
        link->start();
    }
    return lease;
}

Lease LinkPool::reserve(const LinkIdentity& identity, ReplySink& holder) {
    LinkPtr link = make(identity, Link::Use::questions);
    Lease lease = hold(link, holder);
    link->start();
    return lease;
}

Lease LinkPool::hold(LinkPtr link, ReplySink& holder) {
    link->set_holder(&holder);
    held_.emplace(link.get(), link);
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

LinkPool::Retired* LinkPool::find_retired(const Link& link) noexcept {
    const auto found = std::ranges::find_if(retired_, [&](const Retired& each) { return each.link.get() == &link; });
    return found == retired_.end() ? nullptr : &*found;
}

/// Takes a shared link out of use for new requests. Null: it is of another kind.
LinkPool::Retired* LinkPool::retire(Link& link) {
    if (Retired* before = find_retired(link)) {
        return before;
    }
    LinkPtr taken = shared_.take(link);
    if (!taken) {
        return nullptr;
    }
    retired_.push_back({std::move(taken), nullptr});
    link.set_use(Link::Use::retired);
    return &retired_.back();
}

/// The link is retired no more. Whatever waits for a reply on it waits no longer. Null: it was not.
LinkPtr LinkPool::take_retired(const Link& link) {
    Retired* found = find_retired(link);
    if (found == nullptr) {
        return nullptr;
    }
    on_reply_swallowed(*found->link);
    LinkPtr taken = std::move(found->link);
    taken->set_use(Link::Use::shared);
    retired_.erase(retired_.begin() + (found - retired_.data()));
    return taken;
}

/// Everybody who can leaves this link: requests not sent yet, and reads, go to a fresh one. If nobody else is left, the
/// reply's receiver holds the link from now on, and can slow it down. If others are, and it can ask again, this link is
/// read at full speed, and then it does so on a link of its own: asked at once, the node would answer the others behind
/// it still later. Else they wait for it.
void LinkPool::on_large_reply(Link& link) {
    if (retire(link) == nullptr) {
        return;
    }
    const LinkPtr alive(&link);
    const ReplySinkPtr receiver = link.front()->sink;
    const std::vector<const ReplySink*> bound = link.requests().bound_sinks();
    const auto is_bound = [&](const ReplySink& sink) { return std::ranges::binary_search(bound, &sink); };
    const auto move = [&](std::vector<MovedRequest> requests, Link& to) {
        for (auto& [request, command, sent] : requests) {
            context_.counters.requests_moved.add();
            const ReplySinkPtr sink = request.sink;
            to.submit(command, std::move(request));
            sink->on_moved(to);
        }
    };
    std::vector<MovedRequest> others =
        link.take_requests([&](const ReplySink& sink) { return &sink != receiver.get() && !is_bound(sink); });
    if (!others.empty()) {
        move(std::move(others), shared(link.identity()));
    }
    const bool receiver_bound = is_bound(*receiver);
    if (bound.size() == (receiver_bound ? 1 : 0)) {
        const LinkPtr taken = take_retired(link);
        taken->set_use(Link::Use::leased);
        taken->fences().set_last_user(receiver->serial());
        ++leases_;
        Lease lease = hold(taken, *receiver);
        if (!receiver->adopt(lease)) {
            lease.reset();  // nobody wants the reply
        }
    } else if (Link* own = receiver_bound ? nullptr : receiver->own_link()) {
        std::vector<MovedRequest> again =
            link.take_requests([&](const ReplySink& sink) { return &sink == receiver.get(); });
        for (auto& [request, command, sent] : again) {
            request.alone = true;  // it has been asked for once, and is not asked for a third time
        }
        move(std::move(again), *own);
        own->hold_back(true);
        find_retired(link)->behind = LinkPtr(own);
    }
    count();
}

void LinkPool::on_reply_swallowed(Link& link) {
    if (Retired* retired = find_retired(link); retired != nullptr && retired->behind) {
        std::exchange(retired->behind, nullptr)->hold_back(false);
    }
}

void LinkPool::on_link_empty(Link& link) {
    const LinkPtr taken = take_retired(link);
    if (!keep_idle(taken)) {
        link.end("nobody uses it");
    }
    count();
}

Link& LinkPool::auth_link() {
    if (!auth_link_) {
        auth_link_ = make(LinkIdentity{}, Link::Use::logins);
        auth_link_->start();
    }
    return *auth_link_;
}

// ------------------------------------------------------------------------------------------- what newcomers must do

void LinkPool::watch_login() {
    const auto now = context_.turn.now();
    // A node that wants a login counts each question as an error. That it wants none any more need not be known so
    // soon.
    const bool early = auth_required_ && now - login_asked_ < kAskLocked;
    if (usable() && !early && !pauses_.holds(Link::Use::logins, {}, now)) {
        login_asked_ = now;
        login_watch_->ask(auth_link(), context_.name);
    }
}

void LinkPool::take_verdict(LoginWatch::Verdict verdict) {
    if (verdict == LoginWatch::Verdict::unknown) {
        if (const LinkPtr link = auth_link_) {
            link->end("a node that knows no RESET tells only newcomers what they must do");  // the next one is new
        }
        return;
    }
    set_auth_required(verdict == LoginWatch::Verdict::login_required, nullptr);
}

void LinkPool::set_auth_required(bool required, const Link* knows) {
    if (std::exchange(auth_required_, required) == required) {
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
    std::erase_if(idle_, [&](LinkPtr& each) {
        const bool anonymous = each->identity().username.empty();
        if (anonymous) {
            links.push_back(std::move(each));
        }
        return anonymous;
    });
    for (LinkPtr& link : links) {
        if (link.get() == knows) {
            shared_.add(std::move(link));
        } else if (link->state() != Link::State::ready || link->pending() == 0) {
            link->end("other rules hold for clients that have not logged in");
        } else {
            link->set_use(Link::Use::retired);  // answers what it still has
            retired_.push_back({std::move(link), nullptr});
        }
    }
    count();
}

// ------------------------------------------------------------------------------------------- what becomes of links

void LinkPool::on_link_ready(Link& link) {
    pauses_.succeeded(link.use(), link.identity().username);
    note_connected(link);
    if (!link.setup().auth_required()) {  // else it has said nothing of itself
        hello_ = link.setup().hello();
    }
    if (link.identity().username.empty()) {
        set_auth_required(link.setup().auth_required(), &link);
    }
    events_.ready();
}

/// Connecting has come to an end.
void LinkPool::note_connected(const Link& link) noexcept {
    if (link.use() == Link::Use::leased && connecting_ > 0) {
        --connecting_;
    }
}

/// It is none of ours any more. False: it was none.
bool LinkPool::forget(Link& link) {
    if (held_.erase(&link) > 0) {
        if (link.use() == Link::Use::leased && leases_ > 0) {
            --leases_;
        }
        return true;
    }
    return shared_.take(link) != nullptr || take_retired(link) != nullptr ||
           std::erase_if(idle_, [&](const LinkPtr& each) { return each.get() == &link; }) > 0;
}

void LinkPool::on_link_ended(Link& link, std::string_view why) {
    const LinkPtr alive(&link);
    const bool ours = forget(link);
    const bool auth = auth_link_.get() == &link;
    if (auth) {
        auth_link_.reset();
    }
    count();
    if (!link.was_ready()) {
        note_connected(link);
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
    if (link.was_ready() && !link.identity().username.empty() && leader_ == link.node()) {
        events_.dropped(link.identity());
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

void LinkPool::close_idle() {
    std::vector<LinkPtr> unused = std::exchange(idle_, {});
    std::ranges::move(shared_.take_unused(), std::back_inserter(unused));
    for (const LinkPtr& link : unused) {
        link->end("nobody uses it");
    }
    count();
}

void LinkPool::count() {
    context_.counters.upstream_links_shared.set(shared_.size() + retired_.size());
    context_.counters.upstream_links_pinned.set(held_.size() + idle_.size());
}

}  // namespace portal::upstream
