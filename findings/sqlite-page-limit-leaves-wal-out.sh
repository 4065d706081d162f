#!/bin/bash
# SPDX-License-Identifier: MIT
# PRAGMA max_page_count bounds neither the log of SQLite nor what the next connection writes.
#
# Version: SQLite 3.40.1 (Debian 12, libsqlite3-0 3.40.1-2+deb12u2)
# Expected: a database that is limited to 800 kB takes about so much of the disk.
# Behaviour: the limit counts the pages of the database file alone. In WAL mode, with the settings
# as they come, the log beside it grows to five times the limit before the first checkpoint, and
# stays so long. And the limit belongs to the connection: after a reopening the same file grows on,
# without an error.
# Output seen, with which this script compares:
#> SQLite 3.40.1
#> the limit: 819200 bytes
#> rows of 3,900 bytes are replaced 2,000 times: the file is within the limit, the log is 5 times the limit
#> 400 rows more: database or disk is full
#> opened again, 400 rows more: taken, the file is beyond the limit
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libsqlite3-0=3.40.1-2+deb12u2
dpkg-deb -x libsqlite3-0_*.deb .
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libsqlite3.so.0)
export LD_LIBRARY_PATH

cat >story.py <<'PYTHON'
import os
import sqlite3

ROW = "insert into reading (text) values (zeroblob(3900))"


def size(name):
    return os.path.getsize(name)


def add(database, rows):
    try:
        for _ in range(rows):
            database.execute(ROW)
    except sqlite3.OperationalError as error:
        return str(error)
    return "taken"


print(f"SQLite {sqlite3.sqlite_version}")
database = sqlite3.connect("file", isolation_level=None)
database.execute("pragma journal_mode = wal")
(pages,) = database.execute("pragma max_page_count = 200").fetchone()
(page,) = database.execute("pragma page_size").fetchone()
limit = pages * page
print(f"the limit: {limit} bytes")
database.execute("create table reading (number integer primary key, text blob)")
add(database, 100)
for turn in range(2000):
    database.execute("update reading set text = randomblob(3900) where number = ?", (turn % 100 + 1,))
print(f"rows of 3,900 bytes are replaced 2,000 times: the file is {'within' if size('file') <= limit else 'beyond'} the limit, "
      f"the log is {size('file-wal') // limit} times the limit")
print(f"400 rows more: {add(database, 400)}")
database.close()
database = sqlite3.connect("file", isolation_level=None)
outcome = add(database, 400)
database.close()
print(f"opened again, 400 rows more: {outcome}, the file is {'within' if size('file') <= limit else 'beyond'} the limit")
PYTHON
python3 story.py >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
