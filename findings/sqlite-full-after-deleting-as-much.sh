#!/bin/bash
# SPDX-License-Identifier: MIT
# At its page limit SQLite refuses ten rows right after ten rows of the same size were deleted.
#
# Version: SQLite 3.40.1 (Debian 12, libsqlite3-0 3.40.1-2+deb12u2)
# Expected: a table that is full takes a new row of the same size for each one that is deleted, so
# "delete the oldest ten, insert ten" is a ring that runs for ever.
# Behaviour: what the oldest rows leave lies in their page, which is given back when it is empty.
# New rows stand at the other end and need a page of their own, so the insert fails with
# SQLITE_FULL. It goes on once all rows of some pages were deleted.
# Output seen, with which this script compares:
#> SQLite 3.40.1
#> full: database or disk is full
#> delete the oldest 10, insert 10 of the same size: database or disk is full
#> delete the oldest 100, insert 10 of the same size: taken
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
import itertools
import sqlite3

OLDEST = "delete from reading where time in (select time from reading order by time limit ?)"


def add(database, rows):
    try:
        for _ in rows:
            database.execute("insert into reading (text) values (zeroblob(100))")
    except sqlite3.OperationalError as error:
        return str(error)
    return "taken"


def turn(database, deleted):
    database.execute("begin")
    database.execute(OLDEST, (deleted,))
    outcome = add(database, range(10))
    if database.in_transaction:  # a full database ends it
        database.execute("commit")
    print(f"delete the oldest {deleted}, insert 10 of the same size: {outcome}")


print(f"SQLite {sqlite3.sqlite_version}")
database = sqlite3.connect("file", isolation_level=None)
database.execute("pragma max_page_count = 100")
database.execute("create table reading (time integer primary key, text blob)")
print(f"full: {add(database, itertools.count())}")
turn(database, 10)
turn(database, 100)
PYTHON
python3 story.py >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
