"""What `cmake --install` and the Debian package put on a machine: the program runs from there, units are sound, the man page names every
subcommand and option, and the shell completes what this version has."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from portal_support import PROGRAM

BUILD = Path(PROGRAM).resolve().parent
ROOT = Path(__file__).resolve().parents[2]


def help_of(*words):
    return subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout


def subcommands(text):
    section = re.search(r"^Subcommands:\n(.*?)(?:\n\n|\Z)", text, re.S | re.M)
    return re.findall(r"^  ([a-z][a-z-]*) ", section.group(1), re.M) if section else []


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (BUILD / "cmake_install.cmake").exists():
            raise unittest.SkipTest("the program does not stand in a build folder")
        cls.root = Path(tempfile.mkdtemp(prefix="redis-portal-package."))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(cls.root / "usr")], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def files(self):
        return {str(path.relative_to(self.root / "usr")) for path in self.root.rglob("*") if path.is_file()}

    def test_all_that_belongs_to_it_is_there_and_nothing_else(self):
        files = self.files()
        for each in ("bin/redis-portal", "lib/systemd/system/redis-portal.service", "lib/systemd/system/redis-portal@.service",
                     "lib/systemd/system/redis-portal-agent@.service", "lib/sysusers.d/redis-portal.conf", "share/man/man1/redis-portal.1",
                     "share/bash-completion/completions/redis-portal", "share/zsh/vendor-completions/_redis-portal",
                     "share/fish/vendor_completions.d/redis-portal.fish", "share/doc/redis-portal/copyright", "share/doc/redis-portal/docs/use/configuration.md",
                     "share/doc/redis-portal/examples/portal.yaml", "share/doc/redis-portal/examples/agent.yaml"):
            self.assertIn(each, files)
        self.assertEqual([], [each for each in files if not each.startswith(("bin/", "lib/s", "share/"))])

    def test_the_program_runs_from_there_and_names_its_revision(self):
        said = subprocess.run([self.root / "usr/bin/redis-portal", "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        self.assertRegex(said, r"^redis-portal \d+\.\d+\.\d+\n")
        known = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, timeout=20).returncode == 0 if shutil.which("git") else False
        self.assertRegex(said, r"\nrevision [0-9a-f]{40}\n" if known else r"\nrevision ")

    def test_the_example_is_a_good_file(self):
        folder = self.root / "etc"
        folder.mkdir()
        subprocess.run([PROGRAM, "certs", "init", "--dir", str(folder), "--names", "localhost"], check=True, stdout=subprocess.DEVNULL)
        (folder / "password").write_text("secret\n")
        text = (self.root / "usr/share/doc/redis-portal/examples/portal.yaml").read_text().replace("/etc/redis-portal", str(folder))
        (folder / "portal.yaml").write_text(text)
        checked = subprocess.run([PROGRAM, "check", "--config", str(folder / "portal.yaml")], capture_output=True, text=True, timeout=20)
        self.assertEqual((0, ""), (checked.returncode, checked.stderr))
        agent = (self.root / "usr/share/doc/redis-portal/examples/agent.yaml").read_text().replace("/etc/redis-portal", str(folder))
        (folder / "redis-0.yaml").write_text(agent)
        checked = subprocess.run([PROGRAM, "agent", "--check", "--config", str(folder / "redis-0.yaml")], capture_output=True, text=True, timeout=20)
        self.assertEqual((0, ""), (checked.returncode, checked.stderr))

    def test_the_man_page_names_every_subcommand_and_option(self):
        page = (self.root / "usr/share/man/man1/redis-portal.1").read_text().replace("\\-", "-")
        for subcommand in subcommands(help_of()):
            self.assertIn(subcommand, page)
            for option in set(re.findall(r"--[a-z][a-z-]*", help_of(subcommand).split("\n\n")[0] + help_of(subcommand))) - {"--help", "--version"}:
                with self.subTest(f"{subcommand} {option}"):
                    self.assertTrue(option in page or subcommand == "certs")

    def test_bash_completes_subcommands_and_options_of_this_version(self):
        def complete(*words):
            script = (f"source {self.root}/usr/share/bash-completion/completions/redis-portal; COMP_WORDS=({PROGRAM} {' '.join(map(repr, words))}); "
                      f"COMP_CWORD={len(words)}; _redis_portal; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
            return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20, check=True).stdout.split()
        self.assertEqual(sorted(subcommands(help_of())), sorted(complete("")))
        self.assertEqual(["switchover"], complete("sw"))
        self.assertEqual(sorted(subcommands(help_of("certs"))), sorted(complete("certs", "")))
        self.assertEqual({"--print", "--connect", "--config", "--help"}, set(complete("check", "--")))

    def test_the_units_are_sound(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        units = self.root / "usr/lib/systemd/system"
        for unit in sorted(units.iterdir()):
            text = unit.read_text().replace("/usr/bin/redis-portal", str(self.root / "usr/bin/redis-portal"))
            unit.write_text(text)
            with self.subTest(unit.name):
                said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
                own = [line for line in said.stderr.splitlines() if "redis-portal" in line]
                self.assertEqual((0, []), (said.returncode, own))


if __name__ == "__main__":
    unittest.main()
