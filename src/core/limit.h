/* Every bound and constant of the protocol, with its unit and its reason. PROTOCOL.md lists the same. */
#ifndef CORE_LIMIT_H
#define CORE_LIMIT_H

#include <muster/core.h> /* the limits that callers must know */

/* A table, one line for each constant. */
/* clang-format off */

/* ---- addresses (PROTOCOL.md, "Addresses") ---- */

#define MUSTER_GROUP_V4 {224, 0, 0, 254}         /* RFC 4727, 2.4.2: switches always flood 224.0.0.x */
#define MUSTER_BROADCAST_V4 {255, 255, 255, 255} /* the limited broadcast address (RFC 919, 7) */
#define MUSTER_UNICAST_PORTS 32                  /* first free one after the control port, so that one firewall line covers all */
#define MUSTER_TTL 255                           /* sent and required: proves that no router was passed (RFC 5082, 3) */
#define MUSTER_PATHS_MAX 64                      /* ways out of one node: 32 interfaces of two kinds */

/* ---- framing ---- */

#define MUSTER_ANNOUNCE_BYTES_MAX 1200     /* leaves room for sealing, and is what a question is padded to */
#define MUSTER_PROOF_BYTES 400             /* what a question for an alive is padded to; a signed alive is shorter */
#define MUSTER_QUERY_IDS_MAX 35            /* ids in one `of` or `known`: what fits 1400 bytes unsigned, */
#define MUSTER_QUERY_IDS_SENT 32           /* and signed, */
#define MUSTER_QUERY_IDS_SENT_BESIDE 16    /* and beside a type and a name of escapes */
#define MUSTER_HEARD_MAX 8                 /* path names in `heard` */
#define MUSTER_PEERS_CLAIM_MAX 1000000     /* largest believable `peers` */
#define MUSTER_INTEGER_MAX 9007199254740991 /* 2^53 - 1 (RFC 7493, 2.2) */
#define MUSTER_NEXT_MS_MIN 100
#define MUSTER_NEXT_MS_MAX 172800000 /* two days */

/* ---- time ---- */

#define MUSTER_INTERVAL_MIN_MS 2000     /* default between two alives */
#define MUSTER_BUDGET_BPS 128000        /* bits a second of all alives of a segment together */
#define MUSTER_TOMBSTONE_MS 60000       /* a row stays after lost or left */
#define MUSTER_SLEEPER_MS 60000         /* who promises this long says each thing three times */
#define MUSTER_COPIES 3                 /* of a start, a change, a bye */
#define MUSTER_COPY_MS {0, 250, 1000}   /* when the copies of a start or change leave */
#define MUSTER_EVERYWHERE_EACH 4        /* each so many-th alive is on all paths, so that the loss of each path can be told */
#define MUSTER_BYE_SPACING_MS 100       /* three byes in 200 ms */
#define MUSTER_QUERY_REPEAT_MS {0, 250, 600, 850, 1100, 1350, 1600} /* when a query for everybody is asked */
#define MUSTER_QUERIES 7
#define MUSTER_QUERIES_SURE 3           /* the others only while somebody is known to be missing */
#define MUSTER_QUERY_MS_MAX 2000        /* a query settles by then */
#define MUSTER_SILENCE_MS_MIN 150       /* a window in which nobody new answered */
#define MUSTER_ANSWER_MS_MIN 20         /* answer window: this plus 1 ms a row, */
#define MUSTER_ANSWER_MS_MAX 500        /* at most this */
#define MUSTER_CROWD_ROWS 32            /* with more rows, what is new spreads over one interval */
#define MUSTER_QUESTION_MS 150          /* between two questions for one peer */
#define MUSTER_QUESTION_JITTER_MS 200   /* before the first one */
#define MUSTER_GROUP_ANSWER_MS 100      /* between two answers of one peer to the group */
#define MUSTER_GRACE_MS 250             /* what a promise may be late by: a busy host, a slow network */
#define MUSTER_STALL_MS 1000            /* a step this late means that this node slept: nobody is to blame */
#define MUSTER_PRIMARY_MS 60000         /* a path on which nobody was heard for so long is not primary */
#define MUSTER_NONCE_MS 1000            /* a nonce is asked with for so long, */
#define MUSTER_NONCES 3                 /* and answers to this many are taken */
#define MUSTER_INTRODUCTION_TRIES 4     /* two by unicast, two by the group */
#define MUSTER_INTRODUCTION_UNICAST 2
#define MUSTER_INTRODUCTION_MS 50       /* before the second try, twice that before the third and so on */
#define MUSTER_INTRODUCTION_FORGET_MS 3000 /* an unanswered introduction is not tried again before */

/* ---- suspicion ---- */

#define MUSTER_LOSS_FLOOR 0.005         /* no link is taken to be better */
#define MUSTER_ABSENCE_GAP 8            /* messages missed in a row that are no loss: somebody was away */
#define MUSTER_FALSE_SUSPECTS 0.2       /* wrongly suspected rows that a table may hold at a time */
#define MUSTER_FALSE_DEATH 1e-9         /* chance to bury a living peer */
#define MUSTER_PATIENCE_MAX 8           /* broken promises at most */
#define MUSTER_HEARSAY_PATIENCE 2       /* at least, for whom nobody has heard here: then it is lost, and nobody asks */
#define MUSTER_TRIES_MIN 5
#define MUSTER_TRIES_MAX 60

/* ---- memory ---- */

#define MUSTER_PEERS_MAX 16384       /* default rows */
#define MUSTER_PEERS_HIGHEST 1000000 /* highest that options may ask for */
#define MUSTER_TUPLES_MAX 8          /* 5-tuples a row; the least recent one goes */
#define MUSTER_INTRODUCTIONS_MAX 1024
#define MUSTER_INTRODUCTIONS_PER_ADDRESS 8 /* of one source address, whoever it says to be */
#define MUSTER_INTRODUCTION_RATE 50  /* tries a second, so that nobody makes us flood others; a group try is four */
#define MUSTER_INTRODUCTION_BURST 100
#define MUSTER_UNVERIFIED_MAX 1024   /* rows without a key; the oldest goes */
#define MUSTER_UNVERIFIED_SPEAKERS 64 /* so many of them stretch the interval at most */
#define MUSTER_ANSWERS_MAX 256       /* answers waiting for their moment */
#define MUSTER_GROUP_ANSWERS_MAX 32  /* nonces that wait for an announce to the group */
#define MUSTER_QUERIES_MAX 64        /* queries of the application under way */
#define MUSTER_DATAGRAMS_MAX 1024    /* outputs waiting to be pulled, */
#define MUSTER_EVENTS_MAX 65536      /* and events for the application; a power of two */
#define MUSTER_TOMBSTONE_MS_MAX 86400000

/* ---- streams ---- */

#define MUSTER_TABLE_ROWS 64            /* who holds more gives its table by stream, and only a few answer who asks for it */
#define MUSTER_TABLE_ANSWERERS 8        /* so many of them, on average */
#define MUSTER_TABLE_ANSWER_MS 50       /* within this */
#define MUSTER_DOCUMENT_BYTES_MAX 65536 /* of a document that is fetched by stream, */
#define MUSTER_DOCUMENT_NODES_MAX 16384 /* and values in it */
#define MUSTER_DOCUMENTS_BYTES_MAX 16777216 /* of all that a node holds */
#define MUSTER_STREAMS_MAX 64           /* accepted by TCP, */
#define MUSTER_STREAMS_PER_ADDRESS 8    /* from one address, */
#define MUSTER_STREAMS_LOCAL_MAX 64     /* and by the Unix socket, */
#define MUSTER_STREAMS_STRANGERS_MAX 32 /* of them by other users, who must not keep the own one out */
#define MUSTER_STREAMS_WATCHERS_MAX 16  /* of those by TCP, which stay */
#define MUSTER_REQUEST_BYTES_MAX 1024   /* one line of who asks by TCP, */
#define MUSTER_REQUEST_LOCAL_BYTES_MAX 262144 /* and of who may send a document */
#define MUSTER_STREAM_CHUNK_BYTES 32768 /* handed over for writing at a time */
#define MUSTER_STREAM_QUEUE_BYTES_MAX 1048576 /* events that wait for a watcher to read on; then it is cut off */
#define MUSTER_STREAM_BYTES_MAX 134217728 /* that one connection is given, watchers excepted */
#define MUSTER_STREAM_IDLE_MS 5000      /* without a request, or a reader that takes what was written */
#define MUSTER_STREAM_TOTAL_MS 60000    /* that a connection by TCP may last, watchers excepted */
#define MUSTER_REPLY_BYTES_MAX 65536    /* one part of an answer, its passed on lines excepted */
#define MUSTER_FETCHES_MAX 4            /* streams that we open at a time */
#define MUSTER_FETCH_IDLE_MS 1000       /* one that stalls so long is given up, */
#define MUSTER_FETCH_TOTAL_MS 10000     /* or lasts so long */
#define MUSTER_FETCH_BAD_MAX 64         /* or brings so many rows that no key vouches for */
#define MUSTER_FETCH_TRIES 3            /* for one document, at different peers that have it */
#define MUSTER_FETCH_RETRY_MS 2000      /* after that, twice as long each time, */
#define MUSTER_FETCH_RETRY_MS_MAX 300000 /* up to this */
#define MUSTER_SOURCES_MAX 4            /* peers that offered their table lately */

/* ---- admission ---- */

#define MUSTER_BUCKETS 4096            /* token buckets, shared by hash */
#define MUSTER_SOURCE_RATE 100         /* datagrams a second from one address and port */
#define MUSTER_SOURCE_BURST 300
#define MUSTER_ADDRESS_RATE 2000       /* from one address, whatever the port */
#define MUSTER_ADDRESS_BURST 6000

#endif
