#!/bin/bash
# run_bench.sh BUILD_DIR [compare.py arguments]: every micro-benchmark of the build, then the comparison of whole programs.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
for program in "$build"/bench/*_bench; do
    echo "== $(basename "$program")"
    "$program"
done
echo "== the portal and HAProxy in front of one Redis"
/usr/bin/python3 -B bench/compare/compare.py --portal "$build/redis-portal" "$@"
