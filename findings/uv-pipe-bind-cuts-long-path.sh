#!/bin/bash
# SPDX-License-Identifier: MIT
# uv_pipe_bind binds a Unix socket to a shortened path and says that it did what was asked.
#
# Version: libuv 1.44.2 (Debian 12, libuv1 1.44.2-1+deb12u1)
# Expected: ENAMETOOLONG, since a path of a Unix socket has at most 107 bytes.
# Behaviour: a longer path loses its end, without an error. The socket lies where nobody looks,
# and two long paths that differ only at the end are one socket.
# Output seen, with which this script compares:
#> libuv 1.44.2: uv_pipe_bind to a path of 155 bytes returns 0
#> a file at that path: no
#> a file at its first 107 bytes: yes
#> uv_pipe_bind of another handle to another path with these 107 bytes: EADDRINUSE
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libuv1{,-dev}=1.44.2-1+deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libuv.so.1)

cat >bind.c <<'C'
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

int main(void) {
    uv_loop_t *loop = uv_default_loop();
    uv_pipe_t one, two;
    char path[156], cut[108];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    memcpy(cut, path, sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';

    uv_pipe_init(loop, &one, 0);
    uv_pipe_init(loop, &two, 0);
    printf("libuv %s: uv_pipe_bind to a path of %zu bytes returns %d\n", uv_version_string(),
           strlen(path), uv_pipe_bind(&one, path));
    printf("a file at that path: %s\n", access(path, F_OK) == 0 ? "yes" : "no");
    printf("a file at its first 107 bytes: %s\n", access(cut, F_OK) == 0 ? "yes" : "no");
    path[150] = 'q';
    int error = uv_pipe_bind(&two, path);
    printf("uv_pipe_bind of another handle to another path with these 107 bytes: %s\n",
           error == 0 ? "0" : uv_err_name(error));
    return 0;
}
C
cc -I usr/include bind.c -L "$libraries" -Wl,-rpath,"$libraries" -luv -o bind
mkdir sockets
(cd sockets && ../bind) >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
