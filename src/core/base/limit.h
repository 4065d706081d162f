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
#define MUSTER_PROOF_BYTES 400             /* what a question for an alive is padded to; a signed alive without `sent` is shorter */
#define MUSTER_QUERY_IDS_MAX 35            /* ids in one `of` or `known`: what fits 1400 bytes unsigned, */
#define MUSTER_QUERY_IDS_SENT 32           /* and signed, */
#define MUSTER_QUERY_IDS_SENT_BESIDE 16    /* and beside a type and a name of escapes */
#define MUSTER_HEARD_MAX 8                 /* path names in `heard` */
#define MUSTER_PEERS_REPORTED_MAX 1000000     /* largest believable `peers` */
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
#define MUSTER_REPLY_SELF_BYTES_MAX 196608 /* and what a node says of itself, with 256 feeds of 480 bytes at most */
#define MUSTER_FETCHES_MAX 4            /* streams that we open at a time */
#define MUSTER_FETCH_IDLE_MS 1000       /* one that stalls so long is given up, */
#define MUSTER_FETCH_TOTAL_MS 10000     /* or lasts so long */
#define MUSTER_FETCH_BAD_MAX 64         /* or brings so many rows that no key vouches for */
#define MUSTER_FETCH_TRIES 3            /* for one document, at different peers that have it */
#define MUSTER_FETCH_RETRY_MS 2000      /* after that, twice as long each time, */
#define MUSTER_FETCH_RETRY_MS_MAX 300000 /* up to this */
#define MUSTER_SOURCES_MAX 4            /* peers that offered their table lately */

/* ---- telemetry ---- */

#define MUSTER_GROUP_TELEMETRY_V4 {239, 255, 77, 16} /* of shard 0, the others follow; organisation-local (RFC 2365, 6.2), so pruned to who joined */
#define MUSTER_GROUP_REPAIR_V4 {239, 255, 77, 15}    /* where naks go: publishers need not hear their own data for them */
#define MUSTER_TELEMETRY_TTL 1          /* data stays on its link */
#define MUSTER_RATE_BYTES_S 1000000     /* default; Wi-Fi carries multicast at its lowest rate */
#define MUSTER_RATE_BYTES_S_MIN 1000
#define MUSTER_RATE_BYTES_S_MAX 1000000000000
#define MUSTER_RING_BYTES_MIN 65536
#define MUSTER_RING_BYTES_DEFAULT 4194304 /* or what is sent in a second, if that is more */
#define MUSTER_RING_BYTES_MAX 1073741824
#define MUSTER_LINGER_MS 5              /* default that a record waits for others to share its datagram */
#define MUSTER_LINGER_MS_MAX 60000
#define MUSTER_BATCH_SEGMENTS 64        /* datagrams in one send: UDP_MAX_SEGMENTS of older kernels, */
#define MUSTER_BATCH_BYTES 65000        /* and what one IP packet may hold before it is cut */
#define MUSTER_BATCHES 4                /* sent in a row, so that receivers are woken up once for all of them */
#define MUSTER_BURST_BYTES 16384        /* that pacing lets go at once, */
#define MUSTER_BURST_MS 10              /* or what the rate gives in this time, if that is more */
#define MUSTER_PAD_BYTES 16             /* lengths of datagrams are multiples of it, so that batches are long */
#define MUSTER_TOPICS_MAX 256           /* open for publishing at a time */
#define MUSTER_SENSORS_MAX 64           /* names below one of them, that are announced and whose last value is kept */
#define MUSTER_RATE_MS 10000            /* over which the records of a topic are counted, at least, */
#define MUSTER_RATE_RECORDS 3           /* and so many of them */
#define MUSTER_RATE_CHANGE 2            /* a rate is announced anew when it is so many times what was announced, or that part */
#define MUSTER_RATE_MAX 1e9             /* that is believed */
#define MUSTER_TAIL_MS {20, 80, 320, 1280} /* after the last data of a shard */
#define MUSTER_TAILS 4
#define MUSTER_TAIL_SPACING_MS 100      /* between two answers to hopeless naks, for each shard */
#define MUSTER_REPAIR_SPACING_MS 10     /* between two repairs of one datagram */
#define MUSTER_REPAIR_SHARE 1.0         /* of the rate, in addition to it */
#define MUSTER_REPAIR_BURST 64          /* datagrams that one address may have repaired at once, */
#define MUSTER_REPAIR_BURST_MS 500      /* or what half of the repairs' share sends in this time, if that is more */
#define MUSTER_REPAIRS_MAX 4096         /* waiting; a power of two */
#define MUSTER_NAK_RANGES_MAX 64        /* in one nak that is read, */
#define MUSTER_NAK_RANGES_SENT 32       /* and in one that is sent: fits 1400 bytes */
#define MUSTER_NAK_SEQS_MAX 1024        /* that one nak may ask for */
#define MUSTER_NAK_T_MS 20              /* back-off: longest (RFC 5401, 4.2), */
#define MUSTER_NAK_GROUP_MIN 10         /* and the size of the group, at least */
#define MUSTER_NAK_RATE 1000            /* naks that leave in a second, of all feeds together: half of what one address may say, */
#define MUSTER_NAK_BURST 256            /* and at once */
#define MUSTER_NAK_RETRY_MS 15          /* before asking again, and the back-off on top */
#define MUSTER_NAK_HEARSAY_MS 250       /* so long, to twice as long, others' naks may put off one's own */
#define MUSTER_REPAIR_DEADLINE_MS 1000  /* then a gap is a loss, and what was held back behind it goes on */
#define MUSTER_KERNEL_DROP_MS 200       /* for so long after the kernel dropped nobody is asked: it would drop more */
#define MUSTER_FEEDS_MAX 1024           /* publishers' shards that are heard */
#define MUSTER_FEED_MOVE_MS 200         /* where one's data came from is silent for so long: then it comes from elsewhere */
#define MUSTER_HEADERS_MAX 64           /* topics of a feed whose headers are known by heart */
#define MUSTER_GAPS_MAX 1024            /* datagrams of one feed that are missing and waited for */
#define MUSTER_GAPS_HEARSAY_MAX 512     /* that others' naks may cut them into */
#define MUSTER_WINDOW 8192              /* datagrams of one feed behind a gap; a power of two */
#define MUSTER_HELD_BYTES_MAX 16777216  /* of all feeds together, their windows and gaps included */
#define MUSTER_ROWS_RETRY_MS 100        /* rows for which memory lacked are looked at again */
#define MUSTER_AHEAD_DATAGRAMS_MS 10000 /* datagrams that a publisher may send in a millisecond: a larger leap is not believed */
#define MUSTER_FEED_IDLE_MS 60000       /* a feed whose publisher is gone is forgotten */
#define MUSTER_PACK_UNKNOWN_MAX 16      /* members of one record that this version does not know */

/* ---- samples by stream ---- */

#define MUSTER_SINCE_MS_MAX 86400000    /* how far back one may ask */
#define MUSTER_CATCHUPS_MAX 16          /* peers that are asked for last values at a time, */
#define MUSTER_ASKS_MAX 4096            /* and that wait for it */
#define MUSTER_ASK_TRIES 4              /* for one of them, */
#define MUSTER_ASK_RETRY_MS 250         /* with a pause that doubles */
#define MUSTER_SAMPLE_PART_BYTES_MAX 2048 /* a sample with its line */
#define MUSTER_SAMPLES_MAX 65536        /* of one answer that has an end */
#define MUSTER_BACKLOG_BYTES_MAX 4194304 /* that came by streams and wait to be pulled */
#define MUSTER_LAST_KNOWN_MAX 16384     /* sensors whose last value was delivered; then all are forgotten */
#define MUSTER_LAST_EQUAL_MS 1000       /* two values without a time are the same if their ages differ by less */
#define MUSTER_KEPT_TOPICS_MAX 4096     /* for others, the longest without news goes, */
#define MUSTER_KEPT_BYTES_MAX 4194304   /* and so many bytes of their values */
#define MUSTER_FOLLOWS_MAX 16           /* publishers that are followed by stream */
#define MUSTER_FOLLOW_ALIVES 2          /* in which `sent` moved and nothing was heard: then it is */
#define MUSTER_FOLLOW_RETRY_MS 500      /* before one that broke is tried again, twice as long each time, */
#define MUSTER_FOLLOW_RETRY_MS_MAX 60000 /* up to this */
#define MUSTER_FOLLOW_MARGIN_MS 1000    /* what is asked for reaches so much further back than what was missed */

/* ---- admission ---- */

#define MUSTER_BUCKETS 4096            /* token buckets, shared by hash */
#define MUSTER_SOURCE_RATE 100         /* datagrams a second from one address and port */
#define MUSTER_SOURCE_BURST 300
#define MUSTER_ADDRESS_RATE 2000       /* from one address, whatever the port */
#define MUSTER_ADDRESS_BURST 6000

#endif
