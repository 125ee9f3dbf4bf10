"""Servers of other kinds than the installed redis-server, from Debian's packages, unpacked into the build folder and never installed."""

import os
import subprocess
from pathlib import Path

from portal_support import ROOT

CACHE = Path(os.environ.get("REDIS_PORTAL_TEST_CACHE", ROOT / "build/test-cache"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


# What the servers of a newer Debian need of it: they are started with these instead of the machine's own.
LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1", "libjemalloc2", "libssl3t64", "libsystemd0", "libcap2", "libzstd1", "liblzf1", "zlib1g"]
LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu"


class NotAvailable(Exception):
    """Why a server cannot be had on this machine."""


_FAILED = {}  # suite: why its servers cannot be had; each is tried once


def of_suite(kind, suite):
    """The path of the redis-server or valkey-server (`kind`: redis or valkey) of a Debian that may be newer than this machine's."""
    if suite in _FAILED:
        raise NotAvailable(_FAILED[suite])
    packages = [f"{each}-{part}" for each in ("redis", "valkey") for part in ("server", "tools")] + LIBRARIES
    name = f"debian-{suite}"
    starter = CACHE / name / f"{kind}-server"
    try:
        return _unpacked(name, suite, packages, f"usr/bin/{kind}-server", lambda root: _start_with_libraries(root, starter))
    except NotAvailable as reason:
        _FAILED[suite] = str(reason)
        raise


def valkey_8():
    """The path of valkey-server 8 from bookworm-backports."""
    return _unpacked("valkey-8", "bookworm-backports", ["valkey-server", "valkey-tools"], "usr/bin/valkey-server")


def _start_with_libraries(root, starter):
    """Writes a script that starts the server with the libraries unpacked beside it."""
    libraries = root / LIBRARY_FOLDER
    loader = libraries / "ld-linux-x86-64.so.2"
    if not loader.exists():
        raise NotAvailable(f"{loader} is missing: the packages of that Debian are others")
    starter.write_text(f"#!/bin/sh\nexec '{loader}' --library-path '{libraries}' '{root / 'usr/bin' / starter.name}' \"$@\"\n")
    starter.chmod(0o755)
    return starter


def _unpacked(name, suite, packages, program, starting=None):
    root = CACHE / name
    path = root / "root" / program
    if not path.is_symlink() and not path.exists():
        try:
            _fetch(root, suite, packages)
        except (OSError, subprocess.SubprocessError) as problem:
            said = getattr(problem, "stderr", None) or str(problem)
            raise NotAvailable(f"{packages[0]} of {suite} cannot be downloaded: {said.strip().splitlines()[-1] if said.strip() else problem}")
    if starting is not None:
        path = starting(root / "root")
    run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)
    if run.returncode != 0:
        raise NotAvailable(f"{path.name} does not run here: {run.stderr.strip()}")
    return str(path)


def _fetch(root, suite, packages):
    for folder in ("lists/partial", "archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {suite} main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={root}/lists",
           "-o", f"Dir::Cache={root}", "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10",
           "-o", "Acquire::Languages=none", "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"]
    for command in ([*apt, "--error-on=any", "update"], [*apt, "download", *packages]):
        subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=70)
    part = root / "part"
    for package in sorted(root.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, part], check=True, capture_output=True, text=True, timeout=60)
    part.rename(root / "root")  # all of it or nothing
