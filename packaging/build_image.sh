#!/bin/bash
# build_image.sh [TAG [BASE]]: builds the image with buildah, without a daemon, as redis-portal:TAG (default: the version). Two
# builds of one commit on one base have the same digest. SOURCE in the environment is the address that the labels name.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -nE 's/^project\(redis_portal VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
tag=${1:-$version}
created=$(git log -1 --format=%ct)
options=(--layers=false --isolation "${BUILDAH_ISOLATION:-chroot}" --timestamp "$created"
    --build-arg VERSION="$version" --build-arg REVISION="$(git rev-parse HEAD)"
    --build-arg CREATED="$(date --utc --date="@$created" +%Y-%m-%dT%H:%M:%SZ)")
[ -z "${SOURCE:-}" ] || options+=(--build-arg SOURCE="$SOURCE")
if [ $# -ge 2 ]; then
    options+=(--build-arg BASE="$2")
    # Known only when the base is here already, as it is where images are built offline.
    digest=$(buildah inspect --type image --format '{{.FromImageDigest}}' "$2" 2>/dev/null || true)
    [ -z "$digest" ] || options+=(--build-arg BASE_DIGEST="$digest")
fi
buildah bud "${options[@]}" --tag "redis-portal:$tag" .
