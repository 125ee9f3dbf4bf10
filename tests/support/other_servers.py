"""Servers of other kinds than the installed redis-server, from Debian's packages, unpacked into the build folder and never installed."""

import os
import subprocess
from pathlib import Path

from portal_support import ROOT

CACHE = Path(os.environ.get("REDIS_PORTAL_TEST_CACHE", ROOT / "build/test-cache"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class NotAvailable(Exception):
    """Why a server cannot be had on this machine."""


def valkey_8():
    """The path of valkey-server 8 from bookworm-backports."""
    return _unpacked("valkey-8", "bookworm-backports", ["valkey-server", "valkey-tools"], "usr/bin/valkey-server")


def _unpacked(name, suite, packages, program):
    root = CACHE / name
    path = root / "root" / program
    if not path.exists():
        try:
            _fetch(root, suite, packages)
        except (OSError, subprocess.SubprocessError) as problem:
            said = getattr(problem, "stderr", None) or str(problem)
            raise NotAvailable(f"{packages[0]} of {suite} cannot be downloaded: {said.strip().splitlines()[-1] if said.strip() else problem}")
    run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)
    if run.returncode != 0:
        raise NotAvailable(f"{path.name} does not run here: {run.stderr.strip()}")
    return str(path)


def _fetch(root, suite, packages):
    for folder in ("lists/partial", "archives/partial", "root"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {suite} main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={root}/lists",
           "-o", f"Dir::Cache={root}", "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10"]
    for command in ([*apt, "--error-on=any", "update"], [*apt, "download", *packages]):
        subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=60)
    for package in sorted(root.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, root / "root"], check=True, capture_output=True, text=True, timeout=60)
