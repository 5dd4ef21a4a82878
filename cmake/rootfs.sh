#!/bin/sh
# rootfs.sh BINARY DIRECTORY: everything the product's image holds. No shell, no libraries: one binary and the data that
# glibc, libpq and OpenSSL look for at run time.
set -eu
binary=$1 root=$2
mkdir -p "$root/etc/ssl/certs" "$root/usr/share" "$root/tmp"
chmod 1777 "$root/tmp"
strip -o "$root/davit" "$binary"
if readelf -d "$root/davit" | grep -E 'NEEDED|INTERP'; then
  echo "error: $binary is not static" >&2
  exit 1
fi
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# The compiled zones only: right/ and posix/ are copies, the tables are for people.
cp -a /usr/share/zoneinfo "$root/usr/share/"
cd "$root/usr/share/zoneinfo"
rm -rf right posix localtime ./*.tab ./*.zi ./*.list leapseconds
cd - >/dev/null
printf 'root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
