#!/bin/bash
# build_image.sh [TAG [BASE]]: builds the image with buildah, without a daemon, as redis-portal:TAG (default: the version).
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -nE 's/^project\(redis_portal VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
tag=${1:-$version}
created=$(git log -1 --format=%ct)
options=(--layers=false --isolation "${BUILDAH_ISOLATION:-chroot}" --timestamp "$created"
    --build-arg VERSION="$version" --build-arg REVISION="$(git rev-parse HEAD)"
    --build-arg CREATED="$(date --utc --date="@$created" +%Y-%m-%dT%H:%M:%SZ)")
[ $# -lt 2 ] || options+=(--build-arg BASE="$2")
buildah bud "${options[@]}" --tag "redis-portal:$tag" .
