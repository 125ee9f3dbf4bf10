#!/bin/bash
# format.sh: rewrites all C++ sources with clang-format.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/sources.sh '*.cpp' '*.hpp' | xargs -r clang-format -i
