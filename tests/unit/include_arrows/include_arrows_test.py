"""Reads the #include lines of every source and holds them against the arrows between folders (docs/internals/architecture.md).

A folder may include itself and what ARROWS lists for it. The pure places may not include a header of a library that does
input or output. Tests and benchmarks are free.
"""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(sys.argv.pop(1) if len(sys.argv) > 1 else __file__).resolve()
if ROOT.is_file():
    ROOT = ROOT.parents[3]

EVERYTHING = None
ARROWS = {
    "main": EVERYTHING,
    "admin": {"observe", "replication", "config", "net"},
    "shard": {"identity", "session", "upstream", "net", "certs", "replication", "config", "observe"},
    "identity": {"certs", "config"},
    "session": {"identity", "conversation", "route", "upstream", "command", "resp", "net", "replication", "config", "observe"},
    "conversation": {"route", "upstream", "command", "resp", "replication", "config"},
    "upstream": {"resp", "net", "replication", "config", "observe"},
    "route": {"command", "replication"},
    "command": {"resp"},
    "sentinel": {"kubernetes", "net/http", "certs", "replication", "net", "config", "observe"},
    "agent": {"sentinel", "admin", "config", "observe"},
    "storage": {"sentinel", "kubernetes", "net/http", "replication", "config", "observe"},
    "kubernetes": {"net/http", "config"},
    "certs": {"observe"},
    "demo": {"net/http", "config"},
    "net/http": {"certs"},
    "resp": set(),
    "net": set(),
    "replication": set(),
    "config": set(),
    "observe": set(),
}

# Files of proxy/ itself and proxy/cli compose the program, so they count as main.
FOLDERS = {f"proxy/{name}": name for name in
           ("admin", "shard", "session", "conversation", "upstream", "route", "command", "resp", "net", "config", "identity", "observe")}
FOLDERS |= {"proxy/net/http": "net/http", "proxy/cli": "main", "proxy": "main", "sentinel": "sentinel", "kubernetes": "kubernetes", "certs": "certs", "demo": "demo", "agent": "agent", "storage": "storage",
            "replication": "replication"}

PURE_FOLDERS = {"conversation", "resp", "command", "route", "replication"}
PURE_FILES = {"health", "failover", "leader_watch", "twins", "visitors", "tenure", "login", "switchover_rules", "acting_role", "node_account", "standing", "still_marks",
              "pending_queue", "link_setup", "link_state", "link_standing", "link_fences", "link_reader", "fence", "write_proof", "role_reply", "parked_replies", "proven_sync",
              "reply_sequencer", "session_state", "deadlines", "info_text", "growth", "quantity",
              "successor", "volume_claim", "client_output", "client_pause"}
IMPURE_HEADER = re.compile(r"^(boost/(asio|beast)|openssl/|yaml-cpp/|prometheus/|hiredis)")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
SUFFIXES = {".hpp", ".cpp", ".h", ".ipp"}


def folder_of(path):
    """The folder name in ARROWS of a path relative to the root, or None for a path outside the tree of sources."""
    for parent in Path(path).parents:
        if parent.as_posix() in FOLDERS:
            return FOLDERS[parent.as_posix()]
    return None


def sources():
    for top in ("proxy", "replication", "sentinel", "kubernetes", "agent", "storage", "certs", "demo"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in SUFFIXES:
                yield path.relative_to(ROOT)


def target_of(source, header, exists):
    """The file of ours that `#include "header"` in `source` names; None when there is none."""
    for candidate in (Path(header), Path("proxy") / header, source.parent / header):
        if exists(candidate):
            return candidate
    return None


def problems_of(source, text, exists):
    """What is wrong with the includes of one file: a list of sentences."""
    own = folder_of(source)
    if own is None:
        return [f"{source}: its folder is not in the table of arrows"]
    found = []
    pure = own in PURE_FOLDERS or source.stem in PURE_FILES
    for quoted, angled in INCLUDE.findall(text):
        if pure and IMPURE_HEADER.match(quoted or angled):
            found.append(f"{source}: is pure and must not include {quoted or angled}")
        if not quoted:
            continue
        target = target_of(source, quoted, exists)
        if target is None:
            found.append(f"{source}: \"{quoted}\" is no file of ours (libraries go in <>)")
            continue
        other = folder_of(target)
        allowed = ARROWS[own]
        if other != own and allowed is not EVERYTHING and other not in allowed:
            found.append(f"{source}: {own} must not include {quoted} ({own} -> {', '.join(sorted(allowed)) or 'nothing of ours'})")
    return found


class TheArrows(unittest.TestCase):
    def test_every_source_includes_only_what_its_folder_may(self):
        files = list(sources())
        self.assertGreater(len(files), 10, f"no sources found below {ROOT}")
        problems = []
        for source in files:
            text = (ROOT / source).read_text(encoding="utf-8")
            problems += problems_of(source, text, lambda path: (ROOT / path).is_file())
        self.assertEqual([], problems, "\n" + "\n".join(problems))

    def test_the_arrows_have_no_cycle(self):
        done, open_ = set(), []

        def visit(folder):
            self.assertNotIn(folder, open_, " -> ".join([*open_, folder]))
            if folder in done:
                return
            open_.append(folder)
            for other in ARROWS[folder] or set():
                visit(other)
            open_.pop()
            done.add(folder)

        for folder in ARROWS:
            visit(folder)


class TheCheckItself(unittest.TestCase):
    @staticmethod
    def check(source, text):
        return problems_of(Path(source), text, lambda path: path.as_posix().startswith(("proxy/", "replication/", "certs/")))

    def test_an_arrow_against_the_table_is_found(self):
        self.assertTrue(self.check("proxy/resp/a.cpp", '#include "command/classifier.hpp"\n'))
        self.assertTrue(self.check("sentinel/monitor.cpp", '#include "shard/shard.hpp"\n'))

    def test_an_arrow_along_the_table_passes(self):
        self.assertEqual([], self.check("proxy/session/session.cpp", '#include "route/router.hpp"\n#include <vector>\n'))
        self.assertEqual([], self.check("proxy/cli/serve_command.cpp", '#include "certs/cert_store.hpp"\n'))

    def test_a_library_of_input_and_output_in_a_pure_file_is_found(self):
        self.assertTrue(self.check("proxy/upstream/pending_queue.hpp", "#include <boost/asio/post.hpp>\n"))
        self.assertTrue(self.check("proxy/route/router.cpp", "# include <openssl/ssl.h>\n"))
        self.assertEqual([], self.check("proxy/upstream/link.cpp", "#include <boost/asio/post.hpp>\n"))

    def test_a_quoted_header_that_is_not_ours_is_found(self):
        self.assertTrue(self.check("proxy/net/stream.cpp", '#include "unistd.h"\n'))


if __name__ == "__main__":
    unittest.main(verbosity=2)
