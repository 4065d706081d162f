/* SPDX-License-Identifier: MIT */
#include "schema.h"

#define SQL_VERSION "PRAGMA user_version = 2;"

/* Keys begin with the slice: what is deleted together lies together. Numbers of peers and series are never
 * given again, so that a reader may keep them. */
#define SQL_TABLES                                                                                        \
    "CREATE TABLE slice ("                                                                                \
    " slice INTEGER PRIMARY KEY, began_us INTEGER NOT NULL, first_us INTEGER, last_us INTEGER,"           \
    " readings INTEGER NOT NULL, next_entry INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"            \
    "CREATE TABLE peer ("                                                                                 \
    " peer INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, name TEXT NOT NULL, last_slice INTEGER"   \
    " NOT NULL,"                                                                                          \
    " UNIQUE (id, name)) STRICT;"                                                                         \
    "CREATE TABLE reading ("                                                                              \
    " slice INTEGER NOT NULL, series INTEGER NOT NULL, time_us INTEGER NOT NULL, entry INTEGER NOT NULL," \
    " delay_us INTEGER NOT NULL, number REAL, integer INTEGER, boolean INTEGER, text TEXT, data TEXT,"    \
    " sum REAL, update_s REAL,"                                                                           \
    " PRIMARY KEY (slice, series, time_us, entry)) STRICT, WITHOUT ROWID;"                                \
    "CREATE TABLE minute ("                                                                               \
    " slice INTEGER NOT NULL, series INTEGER NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,"  \
    " numbers INTEGER NOT NULL, min REAL, max REAL, total REAL NOT NULL,"                                 \
    " PRIMARY KEY (slice, series, minute)) STRICT, WITHOUT ROWID;"                                        \
    "CREATE TABLE event ("                                                                                \
    " slice INTEGER NOT NULL, time_us INTEGER NOT NULL, entry INTEGER NOT NULL,"                          \
    " peer INTEGER REFERENCES peer, event TEXT NOT NULL, reason TEXT, count INTEGER,"                     \
    " PRIMARY KEY (slice, time_us, entry)) STRICT, WITHOUT ROWID;"

#define SQL_SERIES                                                                                       \
    "CREATE TABLE series ("                                                                              \
    " series INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, topic TEXT NOT NULL, unit TEXT NOT " \
    "NULL,"                                                                                              \
    " origin TEXT NOT NULL, peer INTEGER NOT NULL REFERENCES peer, last_slice INTEGER NOT NULL,"         \
    " UNIQUE (name, topic, unit, origin, peer)) STRICT;"                                                 \
    "CREATE INDEX series_of_peer ON series (peer);"

#define SQL_VIEWS                                                                                            \
    "CREATE VIEW readings AS SELECT"                                                                         \
    " strftime('%Y-%m-%d %H:%M:%f', r.time_us / 1e6, 'unixepoch') AS time, p.name AS peer, s.name AS name,"  \
    " coalesce(r.number, r.integer) AS number, r.integer, r.boolean, r.text, r.data, r.sum, s.unit AS unit," \
    " CASE WHEN coalesce(r.number, r.integer) IS NOT NULL THEN 'number' WHEN r.boolean IS NOT NULL THEN"     \
    " 'boolean' WHEN r.text IS NOT NULL THEN 'text' WHEN r.data IS NOT NULL THEN 'data' ELSE 'none' END AS"  \
    " kind, s.topic AS topic, p.id AS peer_id, s.origin AS origin, r.time_us,"                               \
    " r.time_us + r.delay_us AS received_us, r.update_s, r.slice, r.entry"                                   \
    " FROM reading r JOIN series s USING (series) JOIN peer p USING (peer);"                                 \
    "CREATE VIEW minutes AS SELECT"                                                                          \
    " strftime('%Y-%m-%d %H:%M', m.minute * 60, 'unixepoch') AS time, p.name AS peer, s.name AS name,"       \
    " m.count, m.min, m.total / nullif(m.numbers, 0) AS mean, m.max, s.unit AS unit, s.topic AS topic,"      \
    " p.id AS peer_id, s.origin AS origin, m.numbers, m.minute, m.slice"                                     \
    " FROM minute m JOIN series s USING (series) JOIN peer p USING (peer);"                                  \
    "CREATE VIEW events AS SELECT"                                                                           \
    " strftime('%Y-%m-%d %H:%M:%f', e.time_us / 1e6, 'unixepoch') AS time, p.name AS peer, e.event,"         \
    " e.reason, e.count, p.id AS peer_id, e.time_us, e.slice, e.entry"                                       \
    " FROM event e LEFT JOIN peer p USING (peer);"                                                           \
    "CREATE VIEW topics AS SELECT"                                                                           \
    " s.name AS name, p.name AS peer, s.unit AS unit,"                                                       \
    " (SELECT sum(count) FROM slice l JOIN minute m ON m.slice = l.slice AND m.series = s.series)"           \
    " AS readings, s.topic AS topic, p.id AS peer_id, s.origin AS origin"                                    \
    " FROM series s JOIN peer p USING (peer);"

const char schema_sql[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = 0x6d757374;" SQL_VERSION SQL_TABLES SQL_SERIES SQL_VIEWS "COMMIT;";

/* Version 1 had no origins at first, and then had them for a while under the same number. */
#define SQL_SERIES_1                                                                                     \
    "CREATE TABLE series ("                                                                              \
    " series INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, topic TEXT NOT NULL, unit TEXT NOT " \
    "NULL,"                                                                                              \
    " peer INTEGER NOT NULL REFERENCES peer, last_slice INTEGER NOT NULL,"                               \
    " UNIQUE (name, topic, unit, peer)) STRICT;"

const char schema_1_sql[] = SQL_TABLES SQL_SERIES SQL_SERIES_1;

const char schema_1_read_sql[] =
    "CREATE TEMP VIEW series AS"
    " SELECT series, name, topic, unit, '' AS origin, peer, last_slice FROM main.series;";

/* A table that is made anew begins to number anew: the last number is kept, too. */
const char schema_1_series_sql[] =
    "CREATE TEMP TABLE old AS SELECT * FROM main.series;"
    "CREATE TEMP TABLE last AS SELECT seq FROM main.sqlite_sequence WHERE name = 'series';"
    "DROP TABLE main.series;" SQL_SERIES
    "INSERT INTO series SELECT series, name, topic, unit, '', peer, last_slice FROM temp.old;"
    "UPDATE sqlite_sequence SET seq = (SELECT seq FROM temp.last) WHERE name = 'series';"
    "DROP TABLE temp.old;"
    "DROP TABLE temp.last;";

const char schema_1_views_sql[] = "DROP VIEW IF EXISTS readings;"
                                  "DROP VIEW IF EXISTS minutes;"
                                  "DROP VIEW IF EXISTS events;"
                                  "DROP VIEW IF EXISTS topics;" SQL_VIEWS SQL_VERSION;
