/* SPDX-License-Identifier: MIT */
/* Every bound and constant of the protocol, with its unit and its reason. PROTOCOL.md lists the same. */
#pragma once

#include <muster/core.h> /* the limits that callers must know */

/* A table, one line for each constant. */
/* clang-format off */

/* ---- addresses (PROTOCOL.md, "Addresses") ---- */

#define MUSTER_GROUP_V4 {224, 0, 0, 254}         /* RFC 4727, 2.4.2: switches always flood 224.0.0.x */
#define MUSTER_GROUP_V6 {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x14} /* ff02::114: RFC 4727, 3.4.2, of the link alone */
#define MUSTER_BROADCAST_V4 {255, 255, 255, 255} /* the limited broadcast address (RFC 919, 7) */
#define MUSTER_UNICAST_PORTS 32                  /* a node takes the first free port of these, right after the control port: one firewall line covers all */
#define MUSTER_GROUP_SITE_V4 {239, 255, 77, 14}  /* the same of a site: routers may pass it on (RFC 2365, 6.1) */
#define MUSTER_GROUP_SITE_V6 {0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x14} /* ff05::114: RFC 4727, 3.4.2 */
#define MUSTER_TTL 255                           /* sent and required: proves that no router was passed (RFC 5082, 3) */
#define MUSTER_PATHS_MAX 96                      /* ways out of one node: 32 interfaces of three kinds */

/* ---- framing ---- */

#define MUSTER_ANNOUNCE_BYTES_MAX 1200     /* leaves room for sealing; a question for an announce is padded to it */
#define MUSTER_ALIVE_BYTES_MAX 800          /* of a signed alive with the largest numbers, without `re` */
#define MUSTER_PROOF_BYTES 400             /* a question for an alive is padded to it: a signed alive without `sent` is shorter */
#define MUSTER_QUERY_IDS_MAX 35            /* ids that are read in one `of` or `known`: as many as fit 1400 bytes unsigned */
#define MUSTER_QUERY_IDS_SENT 32           /* ids that are sent in one: as many as fit signed */
#define MUSTER_QUERY_ID_BYTES 35           /* of one id, with its quotes and comma */
#define MUSTER_QUERY_IDS_SENT_BESIDE 16    /* the same beside the longest type and name of a peer, all escapes */
#define MUSTER_QUERY_IDS_SENT_LONG 4       /* the same beside the longest name of a service with an origin */
#define MUSTER_NONCE_CHARS 8               /* of a nonce: six bytes in the URL-safe base64 alphabet */
#define MUSTER_RE_MAX 128                  /* nonces in `re`: what fits 1400 bytes beside a short announce */
#define MUSTER_HEARD_MAX 8                 /* path names in `heard` */
#define MUSTER_GONE_MAX 4                  /* addresses in `gone` */
#define MUSTER_GONE_BYTES 202              /* of it, with the longest addresses */
#define MUSTER_PEERS_REPORTED_MAX 1000000     /* largest believable `peers` */
#define MUSTER_INTEGER_MAX 9007199254740991 /* 2^53 - 1 (RFC 7493, 2.2) */
#define MUSTER_NEXT_MS_MIN 100
#define MUSTER_NEXT_MS_MAX 172800000 /* two days */

/* ---- sealing ---- */

#define MUSTER_SEAL_BYTES 45            /* that a sealed datagram is longer: first byte, key id, nonce, tag */
#define MUSTER_SEAL_FRAME_BYTES_MAX 16384 /* of one piece of a sealed stream: bounds what waits for its end */
#define MUSTER_REPLAY_SENDERS_MAX 16384 /* whose control datagrams are known; with more the one that was silent for longest is forgotten */
#define MUSTER_REPLAY_PUBLISHERS_MAX 1024 /* whose telemetry is known, likewise */
#define MUSTER_REPLAY_WINDOW 1024       /* control datagrams of one sender that may come in any order; a power of two */
#define MUSTER_REPLAY_WINDOW_TELEMETRY 65536 /* the same of telemetry: half a second of a fast publisher, whose interfaces are read one after the other */

/* ---- time ---- */

#define MUSTER_INTERVAL_MIN_MS 2000     /* default between two alives */
#define MUSTER_BUDGET_BPS 128000        /* bits a second of all alives of a segment together */
#define MUSTER_TOMBSTONE_MS 60000       /* default; a row stays so long after lost or left */
#define MUSTER_SLEEPER_MS 60000         /* a node with at least this interval says each thing three times */
#define MUSTER_COPIES 3                 /* copies of a start, a change, a bye */
#define MUSTER_COPY_MS {0, 250, 1000}   /* when the copies of a start or change leave */
#define MUSTER_EVERYWHERE_EACH 8        /* every eighth alive is sent on all paths, so that the loss of each path can be measured: */
#define MUSTER_EVERYWHERE_FIRST 4       /* number 4, 12 and so on; behind the copies of a start the first one, for who hears one path alone */
#define MUSTER_NEWS_RATE 2              /* changes of its document that a node announces in a second, so that a unit which starts and stops all the time floods nobody */
#define MUSTER_NEWS_BURST 5
#define MUSTER_NEWCOMER_MS 3000         /* for so long after a row began alives are sent on all paths, too, but in a crowd */
#define MUSTER_HEARS_MS 1000            /* so long after its start a node says when it hears broadcast alone */
#define MUSTER_GONE_MS 60000            /* for so long alives name an address that their sender has no more */
#define MUSTER_BYE_SPACING_MS 100       /* three byes in 200 ms */
#define MUSTER_QUERY_REPEAT_MS {0, 250, 600, 850, 1100, 1350, 1600} /* when a query for everybody is asked */
#define MUSTER_QUERIES 7                /* how often it is asked at most */
#define MUSTER_QUERIES_SURE 3           /* how often it is asked in any case; more only while a known peer is missing */
#define MUSTER_QUERY_MS_MAX 2000        /* a query has settled by then */
#define MUSTER_SILENCE_MS_MIN 150       /* a query settles after a window of this length in which no new peer answered */
#define MUSTER_ANSWER_MS_MIN 20         /* the answer window is this plus 1 ms a row */
#define MUSTER_ANSWER_MS_MAX 500        /* the answer window is at most this */
#define MUSTER_CROWD_ROWS 32            /* with more rows, changes are spread over one interval */
#define MUSTER_QUESTION_MS 150          /* between two questions for one peer */
#define MUSTER_QUESTION_JITTER_MS 200   /* longest random delay before the first question */
#define MUSTER_GROUP_ANSWER_MS 100      /* between two answers of one peer to the group */
#define MUSTER_GRACE_MS 250             /* an alive may be late by this: hosts are busy, networks slow */
#define MUSTER_STALL_MS 1000            /* a step that is late by this means that this node was stopped: nobody is suspected for that time */
#define MUSTER_SUSPEND_MS 1000          /* a suspend of the machine that lasts longer is one: the node asks and announces anew */
#define MUSTER_RESUME_MS 10000          /* after a suspend or a change of paths a node asks and announces anew, but no sooner than this after the last time */
#define MUSTER_ARRIVAL_RATE 1           /* paths that come are asked and told at once, so many in a second, so that one which comes and goes all the time floods nobody */
#define MUSTER_ARRIVAL_BURST 5
#define MUSTER_ASKER_KEPT_MS 600000     /* who asks by IPv6 alone is remembered for so long: a subscriber that misses nothing says nothing */
#define MUSTER_AUDIENCE_MS 250          /* a publisher looks so often by which families data is to go out */
#define MUSTER_PRIMARY_MS 60000         /* a path on which no peer was heard for so long is not primary */
#define MUSTER_STATIC_RETRY_MS 1000     /* pause after the first question to a static peer that does not answer; doubled each time */
#define MUSTER_STATIC_RETRY_MS_MAX 60000 /* longest pause */
#define MUSTER_STATIC_REACHED_MS 60000  /* a static peer that was heard within this is told what the group is told */
#define MUSTER_NONCE_MS 30000           /* a nonce is renewed after so long; twice that is no longer than a tombstone stays, so that no recording brings back who left */
#define MUSTER_NONCE_MS_MIN 250         /* and no sooner than this, where a recording may be played */
#define MUSTER_NONCES 12                /* answers to the last twelve nonces are accepted, unless they are older than twice that */
#define MUSTER_INTRODUCTION_TRIES 4     /* questions to a newcomer: two by unicast, then two to the group; in a crowd all by unicast */
#define MUSTER_INTRODUCTION_TOGETHER 2  /* how many of them ask many by one question in a crowd; the others go by unicast, for whom does not hear the group */
#define MUSTER_INTRODUCTION_UNICAST 2   /* how many of them go by unicast */
#define MUSTER_INTRODUCTION_MS 50       /* before the second try, twice that before the third and so on */
#define MUSTER_INTRODUCTION_FORGET_MS 3000 /* pause after these questions, while their sender goes on being heard; doubled each time */
#define MUSTER_INTRODUCTION_AGAIN_MS 1000 /* pause after which who answers another question is asked anew */
#define MUSTER_INTRODUCTION_FORGET_MS_MAX 300000 /* longest pause */
#define MUSTER_INTRODUCTION_SILENT_MS 60000 /* who was not heard for so long, and never answered, is forgotten */
#define MUSTER_INTRODUCTION_GROUP_MS 400 /* where many are to be introduced nobody is asked before this, */
#define MUSTER_INTRODUCTION_EACH_MS 25  /* and this for each of them: proofs to the group come by then */
#define MUSTER_INTRODUCTION_LATE 4      /* a node that is late waits so many times its lateness longer before it asks */
#define MUSTER_INTRODUCTIONS_TOGETHER 4 /* in a crowd so many that are to be asked are asked by one question to the group */
#define MUSTER_INTRODUCTION_TOGETHER_MS 1000 /* before the second such question, twice that before the third and so on */
#define MUSTER_INTRODUCTION_CROWD_MS 1500 /* in a crowd nobody is asked before this and an interval */
#define MUSTER_INTRODUCTIONS_SOON 8     /* so many introductions are not many */
#define MUSTER_PROOF_MS 250             /* an announce to the group answers nonces so long after the first one was heard */
#define MUSTER_PROOF_MS_MAX 5000        /* or an eighth of the interval, up to this, if that is more, */
#define MUSTER_PROOF_WAIT_MS 300        /* unless a copy of an announce is due within this time */
#define MUSTER_PROOF_AGAIN_MS 1500      /* a nonce that is heard again is answered again after this, */
#define MUSTER_PROOFS 3                 /* so often in all */
#define MUSTER_NEW_MS 10000             /* a start is new for so long, or for three intervals if that is more: it proves itself to all that say a nonce */
#define MUSTER_LIST_NONCES 8            /* an announce or alive with more nonces in `re` is sent on primary paths alone */
#define MUSTER_ANSWER_RATE 4            /* answers by unicast a second to questions that ask everybody, beyond which one announce to the group answers all */
#define MUSTER_ANSWER_BURST 8
#define MUSTER_PROBE_RATE 16            /* answers a second to probes, which ask how a question was heard; more are not answered */
#define MUSTER_PROBE_BURST 64
#define MUSTER_PROBE_MS 250              /* between two rounds of a probe */
#define MUSTER_PROBE_ROUNDS 10            /* of a probe: enough to tell a path that loses much from one that is cut */
#define MUSTER_PROBE_CALLED 4            /* peers that a round asks to answer by the group */
#define MUSTER_PROBE_UNPROVEN 3          /* questions of a probe to an address that never answered one, */
#define MUSTER_PROBE_UNPROVEN_MAX 96     /* and to all of these: what is heard may have a forged source */
#define MUSTER_ANSWER_LATE_MS 50         /* a node that is so late answers them to the group, too */

/* ---- suspicion ---- */

#define MUSTER_LOSS_FLOOR 0.005         /* the least loss that is assumed of any link */
#define MUSTER_ABSENCE_GAP 8            /* so many messages missed in a row count as an absence, not as loss */
#define MUSTER_FALSE_SUSPECTS 0.2       /* wrongly suspected rows that a table may hold at a time, on average */
#define MUSTER_FALSE_DEATH 1e-9         /* chance that a living peer is called lost */
#define MUSTER_PATIENCE_MAX 8           /* missed alives after which any peer is suspect */
#define MUSTER_HEARSAY_PATIENCE 2       /* missed alives, at least, before a row that was never heard here is asked by unicast, and lost */
#define MUSTER_LOOK_MS 10                /* so long before it judges a row a node looks at it: who was stopped until then is late for that, and reads what waits */
#define MUSTER_LATE_MS 500               /* a node that is this late asks for no suspect and buries nobody */
#define MUSTER_LATE_MS_MAX 5000          /* more lateness than this counts as this */
#define MUSTER_LATE_HOLD_MS 10000        /* lateness fades over this time */
#define MUSTER_LATE_PATIENCE 2           /* times its own lateness, by which a node's patience grows */
#define MUSTER_LATE_WAIT_MS 60000        /* so long after a promise ran out even a node that is late judges */
#define MUSTER_LATE_BY_DROP_MS 1000      /* lateness that a drop in one's own kernel shows: its queue was full, and any sign of life or answer may be gone */
#define MUSTER_FULL_MS 10000             /* so long after a queue or table of its machine was full a node speaks to few peers alone, */
#define MUSTER_FULL_RATE 0.2             /* to so many a second, */
#define MUSTER_FULL_BURST 2
#define MUSTER_UNSENT_MS 1000            /* and what was not sent to the group is said again after this, and up to as much more */
#define MUSTER_TRIES_MIN 5              /* questions for a suspect, at least */
#define MUSTER_TRIES_GROUP 1             /* of them, the first ones, that go to the group alone; the others go by unicast too, for who does not hear the group */
#define MUSTER_TRIES_GROUP_LOSSLESS 3    /* the same where nothing is lost, as far as */
#define MUSTER_LOSSLESS_MESSAGES 512     /* so many messages show */
#define MUSTER_TRIES_MAX 60             /* questions for a suspect, at most */

/* ---- memory ---- */

#define MUSTER_PEERS_MAX 16384       /* default rows */
#define MUSTER_PEERS_HIGHEST 1000000 /* highest that options may ask for */
#define MUSTER_TUPLES_MAX 8          /* 5-tuples a row; the least recently used one makes room */
#define MUSTER_INTRODUCTIONS_MAX 1024
#define MUSTER_INTRODUCTIONS_PER_ADDRESS 32 /* introductions of one source address, whatever ids it claims */
#define MUSTER_STRANGERS_PER_ADDRESS 4 /* of them, and of debts to one address, those that make a rush or a crowd */
#define MUSTER_INTRODUCTION_RATE 50  /* tries a second, so that no one can make this node flood others; a try to the group costs four */
#define MUSTER_INTRODUCTION_BURST 100
#define MUSTER_INTRODUCTION_TOKENS_MAX 15 /* that a try costs more where many are to be introduced, at most */
#define MUSTER_UNVERIFIED_MAX 1024   /* default rows without a key; the oldest makes room */
#define MUSTER_ROWS_PER_ADDRESS 1024 /* rows of one address, whatever ids it claims */
#define MUSTER_SPEAKERS_PER_ADDRESS 8 /* of them, those that stretch the interval */
#define MUSTER_UNVERIFIED_SPEAKERS 64 /* rows without a key that stretch the interval, at most */
#define MUSTER_ANSWERS_MAX 256       /* answers that wait for their time */
#define MUSTER_ASKERS_MAX 64         /* who asked lately, by which family */
#define MUSTER_PROOFS_MAX 1024       /* nonces that wait for an announce to the group, or were answered by one lately */
#define MUSTER_QUERIES_MAX 64        /* queries of the application under way */
#define MUSTER_DATAGRAMS_MAX 1024    /* datagrams that wait to be pulled */
#define MUSTER_EVENTS_MAX 65536      /* events that wait to be pulled */
#define MUSTER_TOMBSTONE_MS_MAX 86400000

/* ---- streams ---- */

#define MUSTER_TABLE_ROWS 64            /* a node with more rows gives its table by stream; then only a few answer a question for all */
#define MUSTER_TABLE_ANSWERERS 8        /* how many these few are, on average */
#define MUSTER_TABLE_ANSWER_MS 50       /* these few answer within this */
#define MUSTER_DOCUMENT_BYTES_MAX 65536 /* bytes of a document that is fetched by stream */
#define MUSTER_DOCUMENT_NODES_MAX 16384 /* JSON values in it */
#define MUSTER_DOCUMENTS_BYTES_MAX 16777216 /* bytes of all such documents that a node holds */
#define MUSTER_STREAMS_MAX 64           /* connections by TCP that are accepted */
#define MUSTER_STREAMS_PER_ADDRESS 8    /* connections by TCP from one address */
#define MUSTER_STREAMS_LOCAL_MAX 64     /* connections by the Unix socket */
#define MUSTER_STREAMS_STRANGERS_MAX 32 /* of these by other users, so that the node's own user always finds room */
#define MUSTER_STREAMS_WATCHERS_MAX 16  /* connections by TCP that watch or follow, and so stay */
#define MUSTER_REQUEST_BYTES_MAX 1024   /* one line of a request by TCP */
#define MUSTER_REQUEST_LOCAL_BYTES_MAX 262144 /* one line of a request by the Unix socket, which may hold a document */
#define MUSTER_REQUEST_OWN_BYTES_MAX 1572864 /* the same of who may change the node: it may hold a large value */
#define MUSTER_STREAM_CHUNK_BYTES 32768 /* handed over for writing at a time */
#define MUSTER_STREAM_QUEUE_BYTES_MAX 1048576 /* events that wait for a slow watcher; beyond that its connection is closed */
#define MUSTER_STREAM_BYTES_MAX 134217728 /* written to one connection, watchers excepted */
#define MUSTER_STREAM_IDLE_MS 5000      /* a connection without a request, or whose reader takes nothing, is closed after this */
#define MUSTER_STREAM_TOTAL_MS 60000    /* longest time of a connection by TCP, watchers excepted */
#define MUSTER_REPLY_BYTES_MAX 65536    /* one part of an answer without the lines that are passed on */
#define MUSTER_REPLY_SELF_BYTES_MAX 196608 /* the part about the node itself, which has up to 256 feeds of 480 bytes */
#define MUSTER_DEFLATE_BYTES_MIN 1024   /* a shorter answer is said in clear */
#define MUSTER_DEFLATE_WINDOW_BITS 12   /* a window of 4,096 bytes: longer ones save 2 % of a table, and take 32 kB more on each side */
#define MUSTER_DEFLATE_MEMORY_LEVEL 5   /* of zlib: such a stream takes 40 kB of who says it */
#define MUSTER_DEFLATERS_MAX 16         /* answers that are deflated at a time; others are said in clear */
#define MUSTER_INFLATE_PIECE_BYTES 16384 /* made clear at a time */
#define MUSTER_INFLATE_RATIO_MAX 64     /* so many bytes of an answer for each byte that came: more is a trap */
#define MUSTER_INFLATE_BYTES_FREE 2097152 /* that may come beyond this ratio: a value of 1 MiB can be all zeros */
#define MUSTER_FETCHES_MAX 4            /* streams for tables and documents that are open at a time */
#define MUSTER_FETCH_IDLE_MS 1000       /* a fetch that stalls for so long is given up */
#define MUSTER_FETCH_TOTAL_MS 10000     /* a fetch that lasts for so long is given up */
#define MUSTER_FETCH_BAD_MAX 64         /* a table with so many rows of wrong signatures is given up */
#define MUSTER_FETCH_TRIES 3            /* tries for one document without a pause, at different peers that may have it */
#define MUSTER_FETCH_RETRY_MS 2000      /* pause after these, and one by datagrams; doubled each time */
#define MUSTER_FETCH_RETRY_MS_MAX 300000 /* longest pause */
#define MUSTER_PART_BYTES 600           /* bytes of a body in one part, a datagram: in base64 it fits every path */
#define MUSTER_PARTS_MAX 110            /* parts of the largest body */
#define MUSTER_PART_QUESTION_BYTES 1100 /* a question for a part is padded to this: a part is never longer */
#define MUSTER_PART_RATE 200            /* parts that a node gives in a second, of all askers together; more are not given */
#define MUSTER_PART_BURST 200
#define MUSTER_PART_MS 20               /* between a part that came and the question for the next one */
#define MUSTER_PART_TRIES 8             /* questions for one part */
#define MUSTER_PART_RETRY_MS 100        /* pause after the first of them; doubled each time */
#define MUSTER_PART_RETRY_MS_MAX 1000   /* longest pause */
#define MUSTER_PART_TOTAL_MS 30000      /* a body whose parts take so long is given up */
#define MUSTER_SOURCES_MAX 4            /* peers that offered their table, the latest */

/* ---- telemetry ---- */

#define MUSTER_GROUP_TELEMETRY_V4 {239, 255, 77, 16} /* group of shard 0, the others follow; organisation-local (RFC 2365, 6.2), so switches forward it to subscribers alone */
#define MUSTER_GROUP_REPAIR_V4 {239, 255, 77, 15}    /* group of naks: a publisher need not hear its own data to hear them */
#define MUSTER_GROUP_TELEMETRY_V6 {0xff, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0x6d, 0x75, 0x73, 0x74, 0, 0x10} /* ff12::6d75:7374:10, likewise; a transient group of the link (RFC 4291, 2.7) */
#define MUSTER_GROUP_REPAIR_V6 {0xff, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0x6d, 0x75, 0x73, 0x74, 0, 0x0f}
#define MUSTER_TELEMETRY_TTL 1          /* data stays on its link */
#define MUSTER_RATE_BYTES_S 1000000     /* default; Wi-Fi carries multicast at its lowest rate */
#define MUSTER_RATE_BYTES_S_MIN 1000
#define MUSTER_RATE_BYTES_S_MAX 1000000000000
#define MUSTER_RING_BYTES_MIN 65536
#define MUSTER_RING_BYTES_DEFAULT 4194304 /* default, unless more is sent in a second */
#define MUSTER_RING_BYTES_MAX 1073741824
#define MUSTER_VALUE_LINE_BYTES_MAX 1500000 /* a value that goes by stream, as a line of SenML: 1 MiB in base64 and what stands around it */
#define MUSTER_VALUES_KEPT_BYTES_MAX 16777216 /* bytes of them that are kept for who fetches them; the oldest makes room */
#define MUSTER_LINGER_MS 5              /* default time that a record waits for others to share its datagram */
#define MUSTER_LINGER_MS_MAX 60000
#define MUSTER_BATCH_SEGMENTS 64        /* datagrams in one send: UDP_MAX_SEGMENTS of older kernels */
#define MUSTER_BATCH_BYTES 65000        /* bytes in one send: what one IP packet may hold before it is cut */
#define MUSTER_BATCHES 4                /* batches sent in a row, so that receivers are woken up once for all of them */
#define MUSTER_BURST_BYTES 16384        /* bytes that pacing sends at once, at least */
#define MUSTER_BURST_MS 10              /* pacing sends at once what the rate allows in this time, if that is more */
#define MUSTER_PAD_BYTES 16             /* lengths of datagrams are multiples of it, so that batches are long */
#define MUSTER_TOPICS_MAX 256           /* topics open for publishing at a time */
#define MUSTER_SENSORS_MAX 64           /* names below one topic that are announced and whose last value is kept */
#define MUSTER_RATE_MS 10000            /* the records of a topic are counted over this time, at least */
#define MUSTER_RATE_RECORDS 3           /* records that a rate needs, too */
#define MUSTER_RATE_CHANGE 2            /* a rate is announced anew when it has grown or fallen by this factor */
#define MUSTER_RATE_MAX 1e9             /* the highest rate that is believed */
#define MUSTER_TAIL_MS {20, 80, 320, 1280} /* when tails are sent after the last data of a shard */
#define MUSTER_TAILS 4
#define MUSTER_TAIL_SPACING_MS 100      /* between two tails of a shard that answer naks for what is kept no longer */
#define MUSTER_REPAIR_SPACING_MS 10     /* between two repairs of one datagram */
#define MUSTER_REPAIR_SHARE 1.0         /* what repairs may take, as a part of the rate and in addition to it */
#define MUSTER_REPAIR_BURST 64          /* datagrams that are repaired at once for one address, at least */
#define MUSTER_REPAIR_BURST_MS 500      /* for one address half of the repairs' share of this time is repaired at once, if that is more */
#define MUSTER_REPAIRS_MAX 4096         /* repairs that wait to be sent; a power of two */
#define MUSTER_NAK_RANGES_MAX 64        /* ranges in one nak that is read */
#define MUSTER_NAK_RANGES_SENT 32       /* ranges in one nak that is sent: as many as fit 1400 bytes */
#define MUSTER_NAK_RANGE_BYTES 36       /* of the longest range, with its brackets and commas */
#define MUSTER_NAK_SEQS_MAX 1024        /* datagrams that one nak may ask for */
#define MUSTER_NAK_T_MS 20              /* longest back-off (RFC 5401, 4.2) */
#define MUSTER_NAK_GROUP_MIN 10         /* size of the group that the back-off assumes, at least */
#define MUSTER_NAK_RATE 1000            /* naks a second of all feeds together: half of what other nodes accept from one address */
#define MUSTER_NAK_BURST 256            /* naks at once */
#define MUSTER_NAK_RETRY_MS 15          /* a nak is repeated after this and another back-off */
#define MUSTER_NAK_HEARSAY_MS 250       /* the naks of others suppress a feed's own ones for so long, or up to twice as long */
#define MUSTER_REPAIR_DEADLINE_MS 1000  /* after this a gap is a loss, and the data behind it is delivered */
#define MUSTER_KERNEL_DROP_MS 200       /* after this kernel's own drops no naks are sent for so long: repairs would be dropped too */
#define MUSTER_FEEDS_MAX 1024           /* publishers' shards that are heard */
#define MUSTER_FEED_MOVE_MS 200         /* data from another source is taken once the one before was silent for so long */
#define MUSTER_HEADERS_MAX 64           /* topics of a feed whose headers are cached */
#define MUSTER_GAPS_MAX 1024            /* gaps of one feed that are waited for */
#define MUSTER_GAPS_HEARSAY_MAX 512     /* gaps of one feed that the naks of others may split */
#define MUSTER_WINDOW 8192              /* datagrams of one feed that are held back behind a gap; a power of two */
#define MUSTER_HELD_BYTES_MAX 16777216  /* bytes that all feeds hold back together, their windows and gaps included */
#define MUSTER_ROWS_RETRY_MS 100        /* rows that memory did not suffice for are looked at again after this */
#define MUSTER_AHEAD_DATAGRAMS_MS 10000 /* datagrams a millisecond of one publisher; a seq that is further ahead is not believed */
#define MUSTER_FEED_IDLE_MS 60000       /* a feed whose publisher is gone is removed after this */
#define MUSTER_PACK_UNKNOWN_MAX 128     /* members of one record that this version does not know */

/* ---- samples by stream ---- */

#define MUSTER_SINCE_MS_MAX 86400000    /* how far back samples may be asked for */
#define MUSTER_CATCHUPS_MAX 16          /* peers that are asked for last values at a time */
#define MUSTER_ASKS_MAX 4096            /* peers that wait to be asked for them */
#define MUSTER_ASK_TRIES 4              /* tries for one of them */
#define MUSTER_ASK_RETRY_MS 250         /* pause after the first try; doubled each time */
#define MUSTER_SAMPLE_PART_BYTES_MAX 2560 /* one sample with its own line */
#define MUSTER_SAMPLES_MAX 65536        /* samples of one answer that has an end */
#define MUSTER_BACKLOG_BYTES_MAX 4194304 /* samples that came by streams and wait to be pulled */
#define MUSTER_JOIN_MS 1000             /* live data wait so long for what was asked for by stream and comes before them */
#define MUSTER_JOIN_BYTES_MAX 2097152   /* and so many bytes of them, of all publishers */
#define MUSTER_LAST_KNOWN_MAX 16384     /* sensors that are known to have delivered a last value; with more all are forgotten */
#define MUSTER_LAST_EQUAL_MS 1000       /* two values without a time are the same if their ages differ by less */
#define MUSTER_VALUE_FETCHES_MAX 4      /* values that are fetched, or wait for one before them, at a time */
#define MUSTER_VALUE_FETCHES_OF_ONE 2   /* of these, of one publisher: who is slow does not hold up all others */
#define MUSTER_VALUE_TRIES 4            /* tries to fetch one */
#define MUSTER_VALUE_RETRY_MS 250       /* pause after the first try; doubled each time */
#define MUSTER_VALUE_MISS_RATE 10       /* fetches of values that failed, in a second, of all publishers together: then none begins; who refers to a value may be a liar */
#define MUSTER_VALUE_MISS_BURST 20
#define MUSTER_VALUE_MS 30000           /* a value that did not come by then is given up */
#define MUSTER_VALUES_WAITING_MAX 256   /* references whose values lack */
#define MUSTER_VALUES_HELD_BYTES_MAX 4194304 /* bytes of what is behind them and waits */
#define MUSTER_KEPT_TOPICS_MAX 4096     /* topics kept for others; the one longest without news makes room */
#define MUSTER_KEPT_BYTES_MAX 4194304   /* bytes of their values */
#define MUSTER_FOLLOWS_MAX 16           /* publishers that are followed by stream */
#define MUSTER_FOLLOW_ALIVES 2          /* alives in which `sent` grew while no data was heard: then the publisher is followed */
#define MUSTER_FOLLOW_RETRY_MS 500      /* pause after a followed stream broke; doubled each time */
#define MUSTER_FOLLOW_RETRY_MS_MAX 60000 /* longest pause */
#define MUSTER_FOLLOW_MARGIN_MS 1000    /* a stream is asked for data from so long before the gap */

/* ---- admission ---- */

#define MUSTER_BUCKETS 1024            /* token buckets of each kind, each of one source */
#define MUSTER_SOURCE_RATE 100         /* datagrams a second from one address and port */
#define MUSTER_SOURCE_BURST 300
#define MUSTER_ADDRESS_RATE 2000       /* datagrams a second from one address, whatever the port */
#define MUSTER_ADDRESS_BURST 6000
#define MUSTER_IMPOSTOR_MS 10000 /* between two events of who says a pinned name with another key */
#define MUSTER_VERIFICATION_RATE 1000 /* signatures a second that are checked, of all senders together */
#define MUSTER_VERIFICATION_BURST 2000
#define MUSTER_PEER_VERIFICATION_RATE 10 /* of them, of one peer, that go before those of others */
#define MUSTER_PEER_VERIFICATION_BURST 50
