#!/bin/bash
# sources.sh GLOB...: our source files that match (git's list when there is one, so build folders stay out).
set -euo pipefail
cd "$(dirname "$0")/.."
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
else
    for glob in "$@"; do find . -path ./build -prune -o -name "$glob" -type f -printf '%P\n'; done
fi | sort
