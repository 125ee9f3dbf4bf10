#include "admin/status_page.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>

namespace portal::admin {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="5">
<style>
:root { --ground: #f6f7f9; --card: #fff; --text: #1d2430; --faint: #5b6675; --line: #dde2e9; --good: #17753a; --warn: #8f5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12161c; --card: #1b212a; --text: #e6eaf0; --faint: #97a3b3; --line: #2d3642; --good: #5fce86; --warn: #f0b354; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--ground); color: var(--text); font: 16px/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
p { margin: .3rem 0 0; }
.faint { color: var(--faint); }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.state { padding: .1rem .6rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .9rem; white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1rem 0 0; }
.card { padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.card dt { color: var(--faint); font-size: .85rem; }
.card dd { margin: 0; font-size: 1.15rem; overflow-wrap: anywhere; }
.card small { display: block; color: var(--faint); font-size: .8rem; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .8rem; text-align: left; border-top: 1px solid var(--line); white-space: nowrap; }
thead th { border-top: 0; color: var(--faint); font-weight: 500; font-size: .85rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
footer { margin-top: 1.5rem; font-size: .85rem; color: var(--faint); }
a { color: inherit; }
</style>
)";

std::string_view colour_of_state(std::string_view state) {
    return state == "ready" ? "good" : state == "no_leader" ? "bad" : "warn";
}

std::string_view colour_of_health(std::string_view health) {
    return health == "up" ? "good" : health == "down" ? "bad" : "warn";
}

void add_card(std::string& page, std::string_view title, std::string_view value, std::string_view note = {},
              std::string_view colour = {}) {
    page += fmt::format(R"(<div class="card"><dt>{}</dt><dd class="{}">{}</dd>)", escape_html(title), colour,
                        escape_html(value));
    if (!note.empty()) {
        page += fmt::format("<small>{}</small>", escape_html(note));
    }
    page += "</div>\n";
}

struct Column {
    std::string_view title;
    bool number = false;
};

void open_table(std::string& page, std::string_view title, std::initializer_list<Column> columns) {
    page += fmt::format("<h2>{}</h2>\n<div class=\"scroll\"><table>\n<thead><tr>", escape_html(title));
    for (const auto& column : columns) {
        page += fmt::format(R"(<th scope="col"{}>{}</th>)", column.number ? " class=\"number\"" : "", column.title);
    }
    page += "</tr></thead>\n<tbody>\n";
}

void close_table(std::string& page) {
    page += "</tbody>\n</table></div>\n";
}

void add_cell(std::string& page, std::string_view value, std::string_view style = {}) {
    page += fmt::format(R"(<td class="{}">{}</td>)", style, escape_html(value));
}

void add_title(std::string& page, const StatusView& status) {
    page += fmt::format("<title>{}: {}</title>\n</head>\n<body>\n<header>\n", escape_html(shown(status.name)),
                        escape_html(shown(status.state)));
    page += fmt::format("<h1>{} <span class=\"state {}\">{}</span></h1>\n", escape_html(shown(status.name)),
                        colour_of_state(status.state), escape_html(shown(status.state)));
    if (status.why.empty() && status.state == "ready") {
        page += "<p class=\"good\">All is well.</p>\n";
    }
    for (const auto& sentence : status.why) {
        page += fmt::format("<p class=\"{}\">{}</p>\n", colour_of_state(status.state), escape_html(sentence));
    }
    const bool told = std::ranges::find(status.why, status.reason) != status.why.end();
    if (!status.reason.empty() && !told) {
        page += fmt::format("<p>{}</p>\n", escape_html(status.reason));
    }
    page += fmt::format("<p class=\"faint\">redis-portal {}{}</p>\n</header>\n", escape_html(status.version),
                        status.uptime_seconds ? ", up " + spoken_duration(*status.uptime_seconds) : "");
}

void add_cards(std::string& page, const StatusView& status) {
    page += "<dl class=\"cards\">\n";
    add_card(page, "Leader", status.leader.empty() ? "none" : status.leader,
             status.leader_since.empty() ? "" : "since " + status.leader_since, status.leader.empty() ? "bad" : "good");
    add_card(page, "Epoch", shown(status.epoch));
    add_card(page, "Acting portal", shown(status.acting), status.acting_here ? "this one" : "");
    add_card(page, "Sessions", shown(status.sessions),
             fmt::format("limit {}, accepted {}", shown(status.sessions_limit), shown(status.sessions_accepted)));
    add_card(page, "Links to Redis", fmt::format("{} shared", shown(status.links_shared)),
             fmt::format("{} pinned", shown(status.links_pinned)));
    if (!status.proven.empty() && status.proven != "off") {
        std::string names;
        for (const auto& name : status.confirming) {
            names += (names.empty() ? "" : ", ") + name;
        }
        add_card(
            page, "Proven writes", status.proven,
            fmt::format("confirmed by {}; {} wait", names.empty() ? "nobody" : names, shown(status.waiting_replies)),
            status.confirming.empty() ? "bad" : "good");
    }
    std::optional<std::int64_t> days;
    for (const auto& certificate : status.certificates) {
        if (certificate.days_left && (!days || *certificate.days_left < *days)) {
            days = certificate.days_left;
        }
    }
    if (days) {
        constexpr std::int64_t kUrgent = 2;
        constexpr std::int64_t kSoon = 14;
        add_card(page, "Certificate", fmt::format("{} days left", *days), {},
                 *days < kUrgent ? "bad"
                 : *days < kSoon ? "warn"
                                 : "good");
    }
    page += "</dl>\n";
}

void add_nodes(std::string& page, const StatusView& status) {
    open_table(
        page, "Nodes",
        {{"name"}, {"address"}, {"role"}, {"health"}, {"link to leader"}, {"offset", true}, {"lag, bytes", true}});
    for (const auto& node : status.nodes) {
        page += "<tr>";
        add_cell(page, shown(node.name));
        add_cell(page, shown(node.address));
        add_cell(page, shown(node.role));
        add_cell(page, shown(node.health), colour_of_health(node.health));
        if (node.link_up) {
            add_cell(page, *node.link_up ? "up" : "down", *node.link_up ? "good" : "bad");
        } else {
            add_cell(page, "-");
        }
        add_cell(page, shown(node.offset), "number");
        add_cell(page, shown(node.lag_bytes), "number");
        page += "</tr>\n";
    }
    close_table(page);
}

void add_last_failover(std::string& page, const StatusView& status) {
    if (status.last_failover.empty()) {
        page += "<h2>Last failover</h2>\n<p class=\"faint\">None is known.</p>\n";
        return;
    }
    open_table(page, "Last failover", {{"what"}, {"value"}});
    for (const auto& [key, value] : status.last_failover) {
        page += "<tr>";
        add_cell(page, key);
        add_cell(page, shown(value));
        page += "</tr>\n";
    }
    close_table(page);
}

/// A link only where it is one: what other portals say of themselves comes out of the arbiter.
void add_portal_name(std::string& page, const PortalView& portal) {
    const bool link = portal.url.starts_with("http://") || portal.url.starts_with("https://");
    page += link ? fmt::format(R"(<td><a href="{}">{}</a></td>)", escape_html(portal.url), escape_html(portal.name))
                 : fmt::format("<td>{}</td>", escape_html(shown(portal.name)));
}

void add_portals(std::string& page, const StatusView& status) {
    if (status.portals.empty()) {
        return;
    }
    open_table(page, "Portals", {{"name"}, {"acts"}, {"heartbeat"}, {"reaches the leader"}, {"waits for"}});
    for (const auto& portal : status.portals) {
        page += "<tr>";
        add_portal_name(page, portal);
        add_cell(page, portal.name == status.acting ? "yes" : "-");
        add_cell(page, portal.live ? "fresh" : "stands still", portal.live ? "good" : "bad");
        add_cell(page, portal.reaches_leader ? "yes" : "no", portal.reaches_leader ? "good" : "warn");
        add_cell(page, shown(portal.waits_for));
        page += "</tr>\n";
    }
    close_table(page);
}

void add_changes(std::string& page, const StatusView& status) {
    if (status.changes.empty()) {
        return;
    }
    open_table(page, "Changes of leader",
               {{"when"}, {"what"}, {"from"}, {"to"}, {"took, ms", true}, {"in doubt", true}, {"why"}});
    for (auto change = status.changes.rbegin(); change != status.changes.rend(); ++change) {
        page += "<tr>";
        add_cell(page, shown(change->date));
        add_cell(page, kind_of(*change), change->aborted ? "warn" : "");
        add_cell(page, shown(change->from));
        add_cell(page, shown(change->to));
        add_cell(page, shown(change->milliseconds), "number");
        add_cell(page, shown(change->in_doubt), "number");
        add_cell(page, shown(change->reason));
        page += "</tr>\n";
    }
    close_table(page);
}

void add_certificates(std::string& page, const StatusView& status) {
    if (status.certificates.empty()) {
        return;
    }
    open_table(page, "Certificates", {{"listener"}, {"ends"}, {"days left", true}});
    for (const auto& certificate : status.certificates) {
        page += "<tr>";
        add_cell(page, shown(certificate.listener));
        add_cell(page, shown(certificate.not_after));
        add_cell(page, shown(certificate.days_left), "number");
        page += "</tr>\n";
    }
    close_table(page);
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

std::string render_status_page(const StatusView& status) {
    std::string page(kHead);
    add_title(page, status);
    add_cards(page, status);
    add_nodes(page, status);
    add_portals(page, status);
    add_changes(page, status);
    add_last_failover(page, status);
    add_certificates(page, status);
    page +=
        "<footer>Refreshes every 5 seconds. As data: <a href=\"/status.json\">status.json</a>, "
        "<a href=\"/metrics\">metrics</a>.</footer>\n</body>\n</html>\n";
    return page;
}

}  // namespace portal::admin
