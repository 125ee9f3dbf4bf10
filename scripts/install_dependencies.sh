#!/bin/bash
# Installs the Debian packages that are missing: install_dependencies.sh GROUP... (core test chart clients bench lint fuzz).
# Silent and without network when nothing is missing. Starts no service: packages that bring one (redis-server, haproxy,
# etcd-server, prometheus and its exporter) are installed under a temporary policy-rc.d, and their start at boot is switched off
# if they were not there before.
set -euo pipefail

declare -A packages=(
    [core]="g++ cmake ninja-build libboost1.81-dev libboost-json1.81-dev libssl-dev libyaml-cpp-dev libhiredis-dev
            prometheus-cpp-dev libspdlog-dev libfmt-dev libcli11-dev libjemalloc-dev redis-server redis-tools python3"
    [test]="libgtest-dev openssl etcd-server iproute2 python3-cryptography python3-yaml valgrind"
    [chart]="prometheus prometheus-redis-exporter"
    [clients]="php-cli php-redis ruby ruby-redis"
    [bench]="libbenchmark-dev haproxy"
    [lint]="clang-format clang-tidy"
    [fuzz]="clang-14 libclang-rt-14-dev"
)

fail() {
    echo "install_dependencies: $*" >&2
    exit 1
}

[ $# -gt 0 ] || fail "name at least one group: ${!packages[*]}."
wanted=()
for group in "$@"; do
    [ -n "${packages[$group]:-}" ] || fail "unknown group '$group'; the groups are ${!packages[*]}."
    read -r -d '' -a names <<<"${packages[$group]}" || true
    wanted+=("${names[@]}")
done
command -v dpkg-query >/dev/null || fail "this needs Debian 12 (there is no dpkg here); install by hand: ${wanted[*]}"

installed=" $(dpkg-query --show --showformat='${db:Status-Abbrev}${Package} ' "${wanted[@]}" 2>/dev/null |
    grep -o 'ii [^ ]*' | cut -d ' ' -f 2 | tr '\n' ' ' || true) "
missing=()
for name in "${wanted[@]}"; do
    [[ "$installed" == *" $name "* ]] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing and this is neither root nor has sudo; as root run: apt-get install ${missing[*]}"
    as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"

policy=/usr/sbin/policy-rc.d
made_policy=no
remove_policy() { [ "$made_policy" = no ] || "${as_root[@]}" rm -f "$policy"; }
trap remove_policy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

log=$(mktemp)
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" </dev/null >>"$log" 2>&1; }
apt update || echo "install_dependencies: apt-get update had errors; going on with the package lists that there are." >&2
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
    tail -n 15 "$log" >&2
    fail "apt-get could not install them (whole output: $log). The packages are those of Debian 12 (bookworm), main."
fi
rm -f "$log"

for package in redis-server haproxy etcd-server prometheus prometheus-redis-exporter; do
    [[ " ${missing[*]} " == *" $package "* ]] || continue
    service=${package/etcd-server/etcd}
    "${as_root[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --quiet "$service.service" >/dev/null 2>&1 || true
    fi
done
