#!/bin/sh
# image-root.sh INSTALLED ROOT: makes the file system of the image from what `cmake --install` put under INSTALLED: the
# program with just the libraries that it is linked with, and the few files that they read. No shell, no package manager.
set -eu
installed=$1
root=$2
program=$installed/usr/bin/roomcast-server

mkdir -p "$root/usr/bin" "$root/usr/share" "$root/etc/ssl/certs" "$root/etc/roomcast" "$root/var/lib/roomcast" "$root/run/roomcast"
cp "$program" "$root/usr/bin/"
cp -R "$installed/usr/share/roomcast" "$root/usr/share/"
rm -rf "$root/usr/share/roomcast/docs" "$root/usr/share/roomcast/deploy"
cp "$installed/usr/share/roomcast/roomcast.yaml" "$root/etc/roomcast/"

# Each at the place where the loader looks for it; the loader itself is among them.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/usr/lib/ssl"
cp /etc/ssl/openssl.cnf "$root/usr/lib/ssl/"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'roomcast:x:10001:10001::/var/lib/roomcast:/nonexistent' >"$root/etc/passwd"
echo 'roomcast:x:10001:' >"$root/etc/group"
chown -R 10001:10001 "$root/var/lib/roomcast" "$root/run/roomcast"

# What cannot start there is to fail here.
chroot "$root" /usr/bin/roomcast-server --version
chroot "$root" /usr/bin/roomcast-server check /etc/roomcast/roomcast.yaml
