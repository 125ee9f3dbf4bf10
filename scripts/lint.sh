#!/bin/bash
# lint.sh BUILD_DIR [FILE...]: clang-format as a check, then clang-tidy with the checks of .clang-tidy. Needs compile_commands.json.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
mapfile -t sources < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else scripts/sources.sh '*.cpp' '*.hpp'; fi)

clang-format --dry-run -Werror "${sources[@]}"
echo "clang-format: ${#sources[@]} files, no difference"

# Only files that this configuration builds: the fuzz targets, for one, belong to another preset.
mapfile -t units < <(for file in "${sources[@]}"; do
    [[ "$file" != *.cpp ]] || ! grep -q "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" || echo "$file"
done)
# libstdc++ hides <coroutine> from a clang that does not announce the final coroutine macro, which clang 14 does not.
printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet --warnings-as-errors='*' \
    --extra-arg=-D__cpp_impl_coroutine=201902L --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-builtin-macro-redefined
echo "clang-tidy: ${#units[@]} files, no finding"
