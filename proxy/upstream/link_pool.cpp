#include "upstream/link_pool.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

namespace {

/// Idle pinned links kept for the next lease; more are closed.
constexpr std::size_t kIdleLimit = 16;
/// After a failed connect nobody tries again for this long, unless the leader changes.
constexpr std::chrono::milliseconds kConnectPause{50};

void erase(std::vector<LinkPtr>& links, const Link& link) {
    std::erase_if(links, [&](const LinkPtr& each) { return each.get() == &link; });
}

}  // namespace

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
    std::vector<LinkPtr> all;
    for (Shared& each : std::exchange(shared_, {})) {
        all.push_back(std::move(each.link));
    }
    std::ranges::move(std::exchange(leased_, {}), std::back_inserter(all));
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
        unusable_until_ = context_.turn.now() + kConnectPause;
        events_.trouble(*leader_, why);
    }
}

LinkPtr LinkPool::make(const LinkIdentity& identity) {
    LinkPtr link(new Link(context_, *this, identity, *leader_));
    return link;
}

LinkPtr LinkPool::idle_or_new(const LinkIdentity& identity) {
    const auto found =
        std::ranges::find_if(idle_, [&](const LinkPtr& link) { return link->identity().same_link(identity); });
    if (found == idle_.end()) {
        return make(identity);
    }
    LinkPtr link = *found;
    idle_.erase(found);
    return link;
}

/// False: the link is of no further use.
bool LinkPool::keep_idle(const LinkPtr& link) {
    if (link->state() != Link::State::ready || link->pending() > 0 || idle_.size() >= kIdleLimit) {
        return false;
    }
    idle_.push_back(link);
    return true;
}

Link& LinkPool::shared(const LinkIdentityView& identity) {
    for (Shared& each : shared_) {
        if (each.link->identity().same_link(identity) &&
            (each.link->was_ready() || each.link->identity().password == identity.password)) {
            each.used = true;
            return *each.link;
        }
    }
    const LinkPtr link = idle_or_new(
        {std::string(identity.username), std::string(identity.password), identity.protocol, identity.database});
    shared_.push_back({link, true});
    count();
    if (link->state() == Link::State::connecting) {
        link->start();
    }
    return *link;
}

LinkPtr LinkPool::lease(const LinkIdentity& identity, ReplySink& holder) {
    context_.counters.leases.add();
    return reserve(identity, holder);
}

LinkPtr LinkPool::reserve(const LinkIdentity& identity, ReplySink& holder) {
    LinkPtr link = idle_or_new(identity);
    link->set_holder(&holder);
    leased_.push_back(link);
    count();
    if (link->state() == Link::State::connecting) {
        link->start();
    }
    return link;
}

void LinkPool::give_back(LinkPtr link, bool clean) {
    link->set_holder(nullptr);
    erase(leased_, *link);
    link->resume_reading();
    if (!clean || !keep_idle(link)) {
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
    const auto found = std::ranges::find_if(shared_, [&](const Shared& each) { return each.link.get() == &link; });
    if (found == shared_.end()) {
        return nullptr;
    }
    retired_.push_back({std::move(found->link), nullptr});
    shared_.erase(found);
    link.set_retired(true);
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
    taken->set_retired(false);
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
    const ReplySinkPtr receiver = link.front_sink();
    const std::vector<const ReplySink*> bound = link.bound_sinks();
    const auto is_bound = [&](const ReplySink& sink) { return std::ranges::binary_search(bound, &sink); };
    const auto move = [&](std::vector<Link::Moved> requests, Link& to) {
        for (auto& [request, command] : requests) {
            context_.counters.requests_moved.add();
            const ReplySinkPtr sink = request.sink;
            to.submit(command, std::move(request));
            sink->on_moved(to);
        }
    };
    std::vector<Link::Moved> others =
        link.take_requests([&](const ReplySink& sink) { return &sink != receiver.get() && !is_bound(sink); });
    if (!others.empty()) {
        move(std::move(others), shared(link.identity()));
    }
    const bool receiver_bound = is_bound(*receiver);
    if (bound.size() == (receiver_bound ? 1 : 0)) {
        if (receiver->adopt(link)) {
            leased_.push_back(take_retired(link));
            link.set_holder(receiver.get());
        }
    } else if (Link* own = receiver_bound ? nullptr : receiver->own_link()) {
        move(link.take_requests([&](const ReplySink& sink) { return &sink == receiver.get(); }), *own);
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
        auth_link_ = make(LinkIdentity{});
        auth_link_->start();
    }
    return *auth_link_;
}

void LinkPool::on_link_ready(Link& link) {
    if (!link.setup().auth_required()) {  // else it has said nothing of itself
        hello_ = link.setup().hello();
    }
    if (link.identity().username.empty()) {
        auth_required_ = link.setup().auth_required();
    }
    events_.ready();
}

void LinkPool::on_link_ended(Link& link, std::string_view why) {
    const bool ours = std::erase_if(shared_, [&](const Shared& each) { return each.link.get() == &link; }) +
                              std::erase_if(leased_, [&](const LinkPtr& each) { return each.get() == &link; }) +
                              std::erase_if(idle_, [&](const LinkPtr& each) { return each.get() == &link; }) >
                          0 ||
                      take_retired(link) != nullptr;
    const bool auth = auth_link_.get() == &link;
    if (auth) {
        auth_link_.reset();
    }
    count();
    const bool refused = !link.setup().error().empty();  // that user or database is wrong, not the node
    if (link.setup().login_refused() && !closing_) {
        events_.login_refused(link.identity());
    }
    if ((!ours && !auth) || refused || closing_) {
        return;
    }
    if (link.was_ready() && !link.identity().username.empty() && leader_ == link.node()) {
        events_.dropped(link.identity());
    }
    if (!link.was_ready() && leader_ == link.node()) {
        unusable_until_ = context_.turn.now() + kConnectPause;
    }
    events_.trouble(link.node(), why);
}

void LinkPool::close_idle() {
    std::vector<LinkPtr> unused = std::exchange(idle_, {});
    for (auto each = shared_.begin(); each != shared_.end();) {
        if (!each->used && each->link->pending() == 0) {
            unused.push_back(std::move(each->link));
            each = shared_.erase(each);
        } else {
            each->used = false;
            ++each;
        }
    }
    for (const LinkPtr& link : unused) {
        link->end("nobody uses it");
    }
    count();
}

void LinkPool::count() {
    context_.counters.upstream_links_shared.set(shared_.size() + retired_.size());
    context_.counters.upstream_links_pinned.set(leased_.size() + idle_.size());
}

}  // namespace portal::upstream
