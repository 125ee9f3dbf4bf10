#!/bin/bash
# image_root.sh PROGRAM ROOT: lays out a root file system with the stripped program, the libraries that the loader finds for
# it, the system's CA certificates and nothing else. All times are SOURCE_DATE_EPOCH, so that equal contents are equal bytes.
set -euo pipefail
program=$1
root=$2

mkdir -p "$root"/{usr/bin,usr/lib,usr/lib64,etc/ssl/certs}
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
strip -o "$root/usr/bin/redis-portal" "$program"

# "libssl.so.3 => /lib/.../libssl.so.3 (0x...)" for libraries, "/lib64/ld-linux-x86-64.so.2 (0x...)" for the loader.
libraries=$(ldd "$program")
if grep 'not found' <<<"$libraries" >&2; then exit 1; fi
while read -r file; do
    install -D --mode=755 "$file" "$root$file"
done < <(sed -nE 's/^.* => (\/[^ ]+) .*/\1/p; s/^\s*(\/[^ ]+) \(.*/\1/p' <<<"$libraries" | sort -u)

cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'portal:x:65532:65532:redis-portal:/:/usr/bin/redis-portal' >"$root/etc/passwd"
echo 'portal:x:65532:' >"$root/etc/group"
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
