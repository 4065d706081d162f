#!/bin/bash
# SPDX-License-Identifier: MIT
# node_exporter leaves out a metric because another file explains it in other words.
#
# Version: node_exporter 1.5.0 (Debian 12, prometheus-node-exporter 1.5.0-1+b6)
# Expected: two programs, or two versions of one, each write a valid file for the textfile
# collector; both appear, or the collector says that one was not taken.
# Behaviour: where HELP of a metric differs, the series of one file is gone from the answer. The
# status is 200, node_textfile_scrape_error is 0 and the file counts as read; only the exporter's
# own log tells.
# Output seen, with which this script compares:
#> HELP is the same: peers{node="a"} 1 peers{node="b"} 2
#> HELP differs: peers{node="a"} 1
#> HTTP status 200, node_textfile_scrape_error 0, node_scrape_collector_success 1
#> files listed as read: 2
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download prometheus-node-exporter=1.5.0-1+b6
for package in *.deb; do dpkg-deb -x "$package" .; done

cat >story.py <<'PYTHON'
import http.client
import pathlib
import subprocess
import time

ADDRESS = ("127.0.0.1", 9100)
folder = pathlib.Path("metrics")


def write(node, help_text, value):
    text = f'# HELP peers {help_text}\n# TYPE peers gauge\npeers{{node="{node}"}} {value}\n'
    (folder / f"{node}.prom").write_text(text)


def scrape():
    connection = http.client.HTTPConnection(*ADDRESS, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    return answer.status, answer.read().decode().splitlines()


def peers(lines):
    return " ".join(line for line in lines if line.startswith("peers{"))


def value(lines, name):
    return next(line.split()[-1] for line in lines if line.startswith(name))


folder.mkdir()
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
write("a", "Peers that are alive.", 1)
write("b", "Peers that are alive.", 2)
exporter = subprocess.Popen(
    ["usr/bin/prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
     "--collector.textfile.directory=metrics", "--web.listen-address=%s:%d" % ADDRESS],
    stderr=open("exporter.log", "w"))
try:
    while True:
        try:
            _, lines = scrape()
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    print("HELP is the same:", peers(lines))
    write("b", "Living peers.", 2)
    status, lines = scrape()
    print("HELP differs:", peers(lines))
    error = value(lines, "node_textfile_scrape_error")
    success = value(lines, "node_scrape_collector_success")
    print(f"HTTP status {status}, node_textfile_scrape_error {error}, "
          f"node_scrape_collector_success {success}")
    files = [line for line in lines if line.startswith("node_textfile_mtime_seconds{")]
    print("files listed as read:", len(files))
finally:
    exporter.kill()
PYTHON
timeout --signal=KILL 60 \
    unshare --map-root-user --net --pid --fork --kill-child python3 story.py >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
