"""Every relative link of a Markdown page leads to a file that exists, and its anchor to a heading of that page; every page that a
source, script or unit names exists.

usage: docs_links_test.py ROOT
"""
import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2", re.M | re.S)
NAMED = re.compile(r"(?<![\w/.-])docs/[\w/-]+\.md")
SKIPPED = ("tests/fuzz/", "tests/unit/docs_links/")


def slugs(text):
    """The anchors of a page's headings, as GitHub makes them."""
    found = {}
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = found.get(slug, 0)
        found[slug] = number + 1
        yield slug if number == 0 else f"{slug}-{number}"


def dead_links(root, pages):
    anchors = {page: set(slugs(page.read_text())) for page in pages}
    for page in pages:
        for target in LINK.findall(FENCE.sub("", page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield f"{page.relative_to(root)}: no such file: {target}"
            elif anchor and file.suffix == ".md" and anchor not in anchors.get(file, set()):
                yield f"{page.relative_to(root)}: no such heading: {target}"


def unknown_pages(root, files):
    for file in files:
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for name in sorted(set(NAMED.findall(text))):
            if not (root / name).exists():
                yield f"{file.relative_to(root)}: no such page: {name}"


def main():
    root = Path(sys.argv[1]).resolve()
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    names = listed.stdout.splitlines() or [str(each.relative_to(root)) for each in [*root.glob("*.md"), *root.glob("docs/**/*.md")]]
    files = [root / name for name in names if not name.startswith(SKIPPED)]
    files = [file for file in files if file.is_file()]
    pages = [file for file in files if file.suffix == ".md"]
    problems = [*dead_links(root, pages), *unknown_pages(root, files)]
    print("\n".join(problems) or f"{len(pages)} pages, no dead link")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
