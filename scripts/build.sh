#!/bin/bash
# build.sh PRESET TARGET: configures the preset if it has to be, then builds the target ("none": configure only).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
target=$2

# Configuring again takes a second and notices packages that have been installed since.
cmake --preset "$preset" >/dev/null
[ "$target" = none ] || cmake --build --preset "$preset" --target "$target"
