/* SPDX-License-Identifier: MIT */
/* The muster node without I/O: bytes and a time go in, bytes and application events come out.
 *
 * A core opens no socket, reads no clock and calls nobody back. Whoever drives it (muster.h on a libuv
 * loop, a simulator, a fuzzer) repeats:
 *
 *     muster_core_step(core, &event);                 what happened, and when
 *     while (muster_core_next(core, &output)) ...;    what is to be sent or told, until none is left
 *     muster_core_deadline(core);                     when to step a timer event at the latest
 *
 * Time is monotonic, in milliseconds, from any origin, and never runs backwards. The same events with
 * the same seed give the same outputs. A core may be used from one thread at a time; cores share nothing.
 *
 * The wire format and all rules behind it are in schemas/PROTOCOL.md. */
#ifndef MUSTER_CORE_H
#define MUSTER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MUSTER_ID_BYTES 16
#define MUSTER_KEY_BYTES 32
#define MUSTER_SECRET_BYTES 64
#define MUSTER_SIGNATURE_BYTES 64
#define MUSTER_SEED_BYTES 32
#define MUSTER_GROUP_KEY_BYTES 32   /* of a group of hosts: they hear each other alone */
#define MUSTER_GROUP_KEY_ID_BYTES 4 /* names it: the first ones of BLAKE2b-256 (RFC 7693) of the key */
#define MUSTER_GROUP_KEYS_MAX 8     /* that a node has */
#define MUSTER_HASH_BYTES 32        /* of a document: BLAKE2b-256 (RFC 7693) */
#define MUSTER_DATAGRAM_BYTES_MAX 1400

#define MUSTER_NAME_BYTES_MAX 63   /* of a peer, a service, an attribute: a DNS label (RFC 1035, 2.3.4) */
#define MUSTER_VALUE_BYTES_MAX 255 /* of an attribute or TXT item: a DNS character-string (RFC 6763, 6.1) */
#define MUSTER_TYPE_BYTES_MAX 15   /* of a service type (RFC 6335, 5.1) */
#define MUSTER_TOPIC_BYTES_MAX 127
#define MUSTER_ORIGIN_BYTES_MAX 64 /* of where a service or topic was brought from */
#define MUSTER_SERVICE_ADDRESSES_MAX 4
#define MUSTER_CACHES_MAX 16       /* patterns of which a node keeps the last values for others */
#define MUSTER_SHARDS 16           /* groups that topics are spread over */
#define MUSTER_PORT_DEFAULT 19797  /* UDP port of the control group; telemetry's is the one before it */
#define MUSTER_INTERVAL_MS_MIN 100 /* between two alives, lowest and highest that options may ask for */
#define MUSTER_INTERVAL_MS_MAX 86400000

typedef struct muster_core muster_core_t;

/* ---- values ---- */

/* An address and port. family is 4 or 6; 0 means unspecified. An IPv4 address fills ip[0..3]. Which link a
 * link-local address of IPv6 is of, stands beside it: the interface. port is in host order. */
struct muster_endpoint {
    uint8_t family;
    uint8_t ip[16];
    uint16_t port;
};

/* The way a datagram took. "m4", "m6": multicast of IPv4, IPv6; "b4": IPv4 broadcast; "u4", "u6": unicast. Of
 * two ways to many, the first one here is preferred. */
enum muster_path_kind { MUSTER_PATH_M4, MUSTER_PATH_M6, MUSTER_PATH_B4, MUSTER_PATH_U4, MUSTER_PATH_U6 };
#define MUSTER_PATH_KINDS 5

/* Name of a path kind as people and the wire write it, "m4". Static storage. */
MUSTER_API const char *muster_path_name(enum muster_path_kind kind);

#define MUSTER_INTERFACE_NAME_BYTES 16
#define MUSTER_NETWORK_NAME_BYTES 64

/* One way out: an interface and a kind; u4 and u6 only of an interface that has no way to many, by which
 * static peers are reached. */
struct muster_path {
    uint32_t interface; /* the kernel's interface index */
    enum muster_path_kind kind;
    char name[MUSTER_INTERFACE_NAME_BYTES]; /* of the interface, not empty */
    struct muster_endpoint address; /* of this node on that interface, of the family of the kind; family
                                       0 when not known */
    uint8_t prefix_bits;            /* of the address, those that name its network (IPv4); 0 when not known */
    uint32_t mtu;                   /* of the interface, bytes; 0 when not known */
};

/* Where a peer is that neither multicast nor broadcast reaches. */
struct muster_static_peer {
    struct muster_endpoint endpoint;
    uint32_t interface; /* by which it is reached, as a link-local address needs it; 0: the kernel knows */
};
#define MUSTER_STATIC_PEERS_MAX 64

/* A name with its value: an attribute of a peer or a TXT item of a service. UTF-8. */
struct muster_text {
    const char *name;
    const char *value;
};

/* What a peer offers. One with an origin is not the peer's own: the peer brought it from elsewhere, as
 * bridges do. A program that carries services on marks all of them so, and carries none that is marked
 * already: then nothing goes round in circles, whatever is joined to what. */
struct muster_service {
    const char *name;  /* for people, "" when the peer's name does */
    const char *type;  /* IANA service name (RFC 6335, 5.1): "http", "ipp" */
    const char *proto; /* "tcp" or "udp" */
    uint16_t port;     /* 1..65535 */
    const struct muster_text *txt;
    size_t txt_count;
    const char *origin; /* where it was brought from, "dnssd"; "" or NULL: it is the peer's own */
    const char *host;   /* of an origin: the machine there that offers it; "" or NULL: the peer itself does */
    const struct muster_endpoint *addresses; /* of an origin: where it is to be reached; their ports are 0 */
    size_t address_count; /* at most MUSTER_SERVICE_ADDRESSES_MAX; 0: at the peer's address */
};

/* True when type, proto, port and origin are the same, and of those that have an origin host and name, too:
 * by these a service of a peer is known. */
MUSTER_API bool muster_service_is_same(const struct muster_service *a, const struct muster_service *b);

/* What a peer publishes readings under (muster/telemetry.h). */
struct muster_topic {
    const char *name;
    const char *unit;                /* of the topic's own records; "" or NULL: none, or not said */
    const struct muster_text *units; /* of the records below it, by their names */
    size_t unit_count;
    double rate;        /* records a second of each reading, about; 0: not known, or not said */
    const char *origin; /* where its readings were brought from; "" or NULL: they are the peer's own */
};

/* What a peer says of itself. */
struct muster_document {
    const char *name;
    const struct muster_service *services;
    size_t service_count;
    const struct muster_text *attrs;
    size_t attr_count;
    const struct muster_topic *topics; /* of others; a node's own are those it publishes, whatever is here */
    size_t topic_count;
    const char *const
        *caches;        /* of others: patterns of topics whose last values it keeps for who comes later; */
    size_t cache_count; /* a node's own are those of its options, whatever is here */
};

/* Why a document can't be announced: MUSTER_EINVAL (it breaks a rule), MUSTER_ETOOBIG, MUSTER_ENOMEM; 0 when
 * it can. Of a node that signs (has_key) and accepts streams (has_stream): who does both may have a large
 * one, which others fetch. *bytes: of the longest announcement that it makes; NULL is allowed. */
MUSTER_API int muster_document_check(const struct muster_document *document, bool has_key, bool has_stream,
                                     size_t *bytes);

/* What to change in one's own document; the rest of it stays. A service is known as muster_service_is_same()
 * says, an attribute by its name; none may be named twice, nor be both set and removed. All zero changes
 * nothing. */
struct muster_change {
    const char *name;                      /* NULL: keep it */
    const struct muster_service *services; /* added, or put in the place of the same one */
    size_t service_count;
    const struct muster_service *removed_services; /* only what they are known by counts */
    size_t removed_service_count;
    const struct muster_text *attrs; /* added, or given this value */
    size_t attr_count;
    const char *const *removed_attrs; /* names */
    size_t removed_attr_count;
};

enum muster_state {
    MUSTER_ALIVE,   /* heard within its own promise */
    MUSTER_SUSPECT, /* broke its promise; the group is being asked for it */
    MUSTER_LOST,    /* did not answer; the row stays for tombstone_ms */
    MUSTER_LEFT,    /* said bye; the row stays for tombstone_ms */
};

/* "alive", "suspect", "lost" or "left". Static storage. */
MUSTER_API const char *muster_state_name(enum muster_state state);

/* Evidence: one observed 5-tuple (the protocol is UDP) and what came by it. */
struct muster_tuple {
    struct muster_endpoint source;
    struct muster_endpoint destination;
    uint32_t interface;
    char interface_name[MUSTER_INTERFACE_NAME_BYTES]; /* "" when that interface is gone */
    enum muster_path_kind path;
    uint64_t count;  /* datagrams accepted by this 5-tuple, copies included */
    uint64_t age_ms; /* since the last of them */
    double loss;     /* 0..1: of the messages that every path carries, those that did not come by this one */
};

/* A row of the peer table as it stands. All pointers are borrowed from whatever gave the row. */
struct muster_peer {
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot; /* grows with each start of the peer */
    uint64_t rev;  /* of the document, within boot */
    enum muster_state state;
    bool verified;    /* its document is signed by the key that the id is the hash of */
    bool provisional; /* passed on by another peer, not proven to be alive; address is a hint */
    bool partial;     /* its announce has no room for its lists, which are being fetched: they lack, or are of
                         an earlier rev */
    bool self;        /* the node that gives this row, not a peer of its table */
    struct muster_document document;
    struct muster_endpoint address; /* source of the last datagram: the peer's unicast socket; of who is heard
                                       by both families, that of IPv4 */
    struct muster_endpoint other_address; /* the same of the other family, on the same interface; family 0
                                             when it was not heard by it */
    char interface_name[MUSTER_INTERFACE_NAME_BYTES];
    unsigned paths;    /* bit 1 << kind for each path that brought it, or that brought it our question */
    uint64_t age_ms;   /* since it was last heard */
    int64_t next_ms;   /* until it speaks again by its own promise; negative when overdue */
    uint64_t since_ms; /* since the row began */
    double loss;       /* 0..1: of its numbered messages, those that came by no path */
    uint64_t received; /* numbered messages and answers accepted, each once */
    uint64_t copies;   /* further copies of them by other paths */
    const struct muster_tuple *tuples; /* the most recent first */
    size_t tuple_count;
};

/* What can happen to a peer. X(name, text) */
#define MUSTER_PEER_EVENTS(X)                                                    \
    X(JOINED, "joined")       /* a new row */                                    \
    X(CHANGED, "changed")     /* its document changed */                         \
    X(RESTARTED, "restarted") /* the same id with a larger boot */               \
    X(SUSPECT, "suspect")     /* it broke its promise */                         \
    X(RETURNED, "returned")   /* heard again after suspect, lost or left */      \
    X(LOST, "lost")           /* it did not answer the group's question */       \
    X(LEFT, "left")           /* it said bye */                                  \
    X(CONFLICT, "conflict")   /* somebody else proved that it holds our own key, \
                                 or says a name that is pinned to another key */

enum muster_peer_event {
#define MUSTER_PEER_EVENT_ENUM(name, text) MUSTER_PEER_##name,
    MUSTER_PEER_EVENTS(MUSTER_PEER_EVENT_ENUM)
#undef MUSTER_PEER_EVENT_ENUM
};

/* "joined" and so on. Static storage. */
MUSTER_API const char *muster_peer_event_name(enum muster_peer_event event);

/* Whom a node lists. X(name, text) */
#define MUSTER_TRUSTS(X)                                                        \
    X(ANY, "any")       /* everybody; who has no key is marked as unverified */ \
    X(SIGNED, "signed") /* who signs with the key of its id */                  \
    X(PINNED, "pinned") /* who has a pinned name, and the key to which it is pinned */

enum muster_trust {
#define MUSTER_TRUST_ENUM(name, text) MUSTER_TRUST_##name,
    MUSTER_TRUSTS(MUSTER_TRUST_ENUM)
#undef MUSTER_TRUST_ENUM
};

/* "any" and so on. Static storage. */
MUSTER_API const char *muster_trust_name(enum muster_trust trust);

/* A name that is for one key alone, whose id is here. At any level of trust nobody else is listed by that
 * name, and nothing unsigned is believed of that id. */
struct muster_pin {
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* not empty */
    uint8_t id[MUSTER_ID_BYTES];
};
#define MUSTER_PINS_MAX 1024

/* Whether a node with these pins lists a peer of this id and name; of name NULL: of some name. No two pins
 * have one name. */
MUSTER_API bool muster_trust_allows(enum muster_trust trust, const struct muster_pin *pins, size_t count,
                                    const uint8_t id[MUSTER_ID_BYTES], bool is_signed, const char *name);

/* Why a received datagram had no effect, in the order of the checks. X(name, text, meaning) */
#define MUSTER_DROPS(X)                                                                 \
    X(TOO_LONG, "too_long", "longer than 1400 bytes")                                   \
    X(TRUNCATED, "truncated", "empty, cut short, or without its final LF")              \
    X(FORMAT, "format", "first byte belongs to no muster datagram")                     \
    X(SEALED, "sealed", "sealed, and there is no key here that opens it")               \
    X(UNSEALED, "unsealed", "not sealed, and this node takes only what is")             \
    X(REPLAY, "replay", "sealed, and came before")                                      \
    X(PATH, "path", "came by an interface or to an address that is not listened on")    \
    X(SOURCE, "source", "from an address that no other host can have")                  \
    X(TTL, "ttl", "did not come from this link (TTL below 255)")                        \
    X(FLOOD, "flood", "more than its source may send")                                  \
    X(SYNTAX, "syntax", "not JSON, or not the lines that make a message")               \
    X(UTF8, "utf8", "not UTF-8, or text that no member may hold")                       \
    X(DEPTH, "depth", "nested too deep")                                                \
    X(NODES, "nodes", "too many values")                                                \
    X(DUPLICATE, "duplicate", "two members of one name")                                \
    X(VERSION, "version", "another version of the format")                              \
    X(KIND, "kind", "unknown kind of message")                                          \
    X(MISSING, "missing", "a required member is missing")                               \
    X(TYPE, "type", "a member of the wrong type")                                       \
    X(RANGE, "range", "a member out of its range")                                      \
    X(OWN, "own", "our own datagram, looped back")                                      \
    X(SIGNATURE, "signature", "signature missing or wrong, or the key is not the id's") \
    X(UNTRUSTED, "untrusted", "from a sender that is not trusted here")                 \
    X(STALE, "stale", "older than what is known of its sender")                         \
    X(UNCHECKED, "unchecked", "signed, but too many signatures were to be checked")     \
    X(UNASKED, "unasked", "an answer to no question of ours")                           \
    X(SHORT_QUESTION, "short_question", "a question shorter than the answer it wants")  \
    X(UNKNOWN, "unknown", "from a sender of whom nothing is known yet")                 \
    X(TABLE_FULL, "table_full", "no room in a bounded table")                           \
    X(MEMORY, "memory", "out of memory")

enum muster_drop {
#define MUSTER_DROP_ENUM(name, text, meaning) MUSTER_DROP_##name,
    MUSTER_DROPS(MUSTER_DROP_ENUM)
#undef MUSTER_DROP_ENUM
        MUSTER_DROP_COUNT
};

/* The counter's name, "too_long", and its meaning for people. Static storage. */
MUSTER_API const char *muster_drop_name(enum muster_drop drop);
MUSTER_API const char *muster_drop_meaning(enum muster_drop drop);

/* Every received datagram is counted in `received` and in exactly one of accepted, copies or drops. */
struct muster_counters {
    uint64_t received;
    uint64_t accepted;
    uint64_t copies;
    uint64_t drops[MUSTER_DROP_COUNT];
    uint64_t sent;            /* datagrams handed out, each path counted */
    uint64_t questions;       /* queries of ours, each once */
    uint64_t answers;         /* answers of ours */
    uint64_t evicted;         /* rows that made room for others before their time; no event tells of them */
    uint64_t verifications;   /* signatures checked */
    uint64_t outputs_dropped; /* datagrams not sent because outputs were not pulled */

    /* Streams. */
    uint64_t streams_accepted; /* connections of others */
    uint64_t streams_refused;  /* of them, closed at once: too many */
    uint64_t streams_cut;      /* of them, closed because they were slow, silent or asked for nonsense */
    uint64_t requests;         /* answered to their end */
    uint64_t tables;           /* taken from others, whole */
    uint64_t documents;        /* fetched from others */
    uint64_t fetches_failed;   /* tables, documents and samples that could not be had, or were not what was
                                  promised */
    uint64_t histories_failed; /* publishers that were asked in vain for their last values, or for what they
                                  sent before, as often as one asks */

    /* Samples that came by streams, and those kept for others. */
    uint64_t samples_dropped; /* there was no room for them, or they were not what was asked for */
    uint64_t cache_evicted;   /* kept topics, and names of one, that made room for others */

    uint64_t feeds_evicted; /* feeds (muster_core_feeds()) that made room for others */
};

/* ---- probing ---- */

#define MUSTER_PROBE_PATHS_MAX 96 /* as many as a node has */
#define MUSTER_PROBE_PEERS_MAX 32
#define MUSTER_PROBE_TARGETS_MAX 32

/* What a probe found of one of this node's paths. */
struct muster_probe_path {
    struct muster_path path;
    unsigned sent;   /* questions that left by it */
    unsigned looped; /* of them, those that this node heard itself, as programs of this machine do */
};

/* What a probe found of one peer on one interface. Counts are by enum muster_path_kind. It is evidence, and
 * not proven by signatures: a liar can add to it. */
struct muster_probe_peer {
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": it never said it */
    uint32_t interface;
    char interface_name[MUSTER_INTERFACE_NAME_BYTES];
    struct muster_endpoint address;      /* of IPv4; family 0: it was not heard by it */
    struct muster_endpoint address6;     /* of IPv6, likewise */
    unsigned asked[MUSTER_PATH_KINDS];   /* questions that went by each path while it was known */
    unsigned reached[MUSTER_PATH_KINDS]; /* of them, those that it says to have heard by that path */
    unsigned called;                     /* times that it was asked to answer by the group, on all paths */
    unsigned heard[MUSTER_PATH_KINDS];   /* datagrams of it that came by each path */
    bool is_signed;                      /* it has a key, and so has to answer; who has none may never do */
    uint16_t stream;         /* TCP port on which it answers requests; 0: none, or it never said it */
    unsigned answered_plain; /* answers that say nothing of the probe, as older peers give them */
    unsigned answered;       /* questions that it answered by unicast, */
    unsigned answered_group; /* of them, those to the group: a peer answers only some where many are asked,
                                and reached of the paths to the group counts among these alone */
    unsigned asked_long;     /* by unicast, of the longest datagrams that a path is to carry, */
    unsigned answered_long;
    unsigned asked_short; /* and of the length of a usual question */
    unsigned answered_short;
    uint64_t rtt_ms; /* of a question by unicast: the shortest; UINT64_MAX: none was answered */
};

struct muster_probe_report {
    struct muster_probe_path paths[MUSTER_PROBE_PATHS_MAX];
    size_t path_count;
    struct muster_probe_peer peers[MUSTER_PROBE_PEERS_MAX]; /* those that were heard first; who answers
                                                               replaces who has no key and never did */
    size_t peer_count;
    size_t peers_missed; /* others, for which there was no room; counted each time */
    unsigned rounds;     /* so far */
    bool is_over;        /* and the answers to the last one are in */
};

/* ---- identity ---- */

/* How messages are signed and verified. All functions return 0, or a negative error when they fail; verify
 * returns MUSTER_ECRYPTO for a signature that does not hold. */
struct muster_crypto {
    int (*sign)(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]);
    int (*verify)(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                  const uint8_t signature[MUSTER_SIGNATURE_BYTES]);
    void *context; /* borrowed as long as the core lives */
};

/* Ed25519 (RFC 8032) by libsodium; secret is borrowed as long as the crypto is used and may be NULL for
 * who only verifies. MUSTER_ECRYPTO when libsodium can't be initialised. */
MUSTER_API int muster_crypto_ed25519(struct muster_crypto *crypto, const uint8_t secret[MUSTER_SECRET_BYTES]);

/* Makes an Ed25519 key pair from the system's randomness. MUSTER_ECRYPTO. */
MUSTER_API int muster_key_generate(uint8_t key[MUSTER_KEY_BYTES], uint8_t secret[MUSTER_SECRET_BYTES]);

/* The id of a key: BLAKE2b-128 (RFC 7693) of its 32 bytes. */
MUSTER_API void muster_id_of_key(const uint8_t key[MUSTER_KEY_BYTES], uint8_t id[MUSTER_ID_BYTES]);

/* The id of a group key: it names the key and tells nothing of it. MUSTER_ECRYPTO when libsodium can't be
 * initialised. */
MUSTER_API int muster_group_key_id(const uint8_t key[MUSTER_GROUP_KEY_BYTES],
                                   uint8_t id[MUSTER_GROUP_KEY_ID_BYTES]);

/* An id in 32 lower-case hexadecimal digits and a NUL. */
#define MUSTER_ID_TEXT_BYTES 33
MUSTER_API void muster_id_text(const uint8_t id[MUSTER_ID_BYTES], char text[MUSTER_ID_TEXT_BYTES]);

/* ---- the node ---- */

/* All options structs begin with their size, by which the library knows which members the program has that
 * was compiled with these headers. Later versions add members at the end. Those that an older program does
 * not have keep their defaults. A size of 0, or one larger than the library knows, is MUSTER_EINVAL. */
struct muster_core_options {
    size_t size; /* set by muster_core_options_init() */
    /* What the node says of itself; copied. NULL: an observer, which asks and listens under a throw-away
     * id, never announces, and so leaves no row anywhere. */
    const struct muster_document *document;
    const uint8_t *key;              /* MUSTER_KEY_BYTES, copied; NULL: unsigned, with an id from the seed */
    struct muster_crypto crypto;     /* verify is required, sign where there is a key */
    uint64_t boot;                   /* 1..2^53-1; larger than at any earlier start of this key */
    uint8_t seed[MUSTER_SEED_BYTES]; /* of all randomness, nonces included: unpredictable outside of tests */
    uint16_t port;                   /* UDP port of the control group */
    uint64_t interval_min_ms; /* between two alives, within MUSTER_INTERVAL_MS_MIN and MAX; the crowd may
                                 stretch it */
    uint64_t budget_bps;      /* bits a second that all alives of a segment may take together */
    uint64_t tombstone_ms;    /* how long a row stays after lost or left, at most a day */
    size_t peers_max;         /* rows, 1..1,000,000 */
    size_t unverified_max;    /* of them without a key, 1 or more; the oldest makes room for a new one */
    uint16_t stream;          /* TCP port that this node accepts streams on; 0: none, so no large document */
    bool has_streams; /* whoever drives this core can open streams: tables and documents are fetched */
    /* Name of the network of this machine that the node is in, copied; NULL: not known. Who asks by a Unix
     * socket that several networks share can tell it from others. */
    const char *network;
    const char *version;   /* what `self` calls the program, borrowed as long as the core lives; NULL: "" */
    uint64_t rate_bytes_s; /* that published data may take, repairs not counted; 1,000..10^12 */
    size_t ring_bytes;  /* kept of it for repairs and late joiners, 65,536..2^30; 0: what is sent in a second,
                           and 4 MiB at least */
    uint64_t linger_ms; /* that a record waits for others to share its datagram, at most 60,000 */
    const char *const *caches; /* patterns of topics whose last values this node keeps for others, copied; not
                                 for an observer */
    size_t cache_count;        /* at most MUSTER_CACHES_MAX */
    bool without_retained;     /* refuses what a program asks it to retain: it does not stay */
    double repair_share;       /* what repairs may take, as a part of rate_bytes_s, 0..1 */
    uint8_t site_ttl; /* 0: of this link alone. Else what is for many goes to groups of the site, with this
                         TTL, and what passed routers is taken from anybody */
    const uint8_t
        *group_keys;         /* of the group that the node is in, MUSTER_GROUP_KEY_BYTES each, copied: the
                                first one seals all that it says, and what none of them opens is not heard */
    size_t group_key_count;  /* at most MUSTER_GROUP_KEYS_MAX; 0: nothing is sealed */
    enum muster_trust trust; /* whom the node lists */
    const struct muster_pin *pins; /* copied */
    size_t pin_count;              /* at most MUSTER_PINS_MAX */
};

/* Sets the defaults of PROTOCOL.md: an observer without a key, and without crypto, boot and seed, which
 * the caller must set. */
static inline void muster_core_options_init(struct muster_core_options *options);

/* The same for a struct of that size, sizeof(size_t) at least. Programs in C have no use for it. */
MUSTER_API void muster_core_options_init_sized(struct muster_core_options *options, size_t size);

static inline void muster_core_options_init(struct muster_core_options *options) {
    muster_core_options_init_sized(options, sizeof *options);
}

/* Makes a node at time now_ms. Nothing is sent before it has paths. MUSTER_EINVAL for an option out of
 * range or a document that breaks a rule, MUSTER_ETOOBIG for one that an announcement can't carry,
 * MUSTER_ENOMEM, MUSTER_ECRYPTO (libsodium can't be initialised), or what sign returned. On error *core is
 * NULL. */
MUSTER_API int muster_core_new(const struct muster_core_options *options, uint64_t now_ms,
                               muster_core_t **core);

/* Frees the node at once, without a bye. NULL is allowed. */
MUSTER_API void muster_core_free(muster_core_t *core);

/* A datagram that came or is to be sent. A datagram to be sent leaves from the node's unicast socket.
 */
struct muster_datagram {
    const uint8_t *bytes; /* borrowed; those of a telemetry datagram that came for longer, see muster_event */
    size_t length;
    struct muster_endpoint source; /* to be sent: the address that it has to leave from; family 0: any */
    struct muster_endpoint destination;
    uint32_t interface; /* it came by, or shall leave by */
    uint8_t ttl;        /* as received; to be sent: 0 for MUSTER_TTL's default, else this one */
    size_t segment; /* 0: one datagram; else bytes are several of this length, the last of at most it, as UDP
                       GRO received them, or UDP GSO is to send them */
    uint32_t dropped; /* as received: what the kernel dropped on this socket so far */
    uint32_t age_ms;  /* as received: how long it waited before it was read; 0 when not known */
};

/* ---- streams ---- */

/* A stream is a TCP connection, or one by a Unix socket of this machine. The shell connects, accepts, reads
 * and writes; what is said on it is the core's. Each has a number: even where the core wants it opened, odd,
 * chosen by the shell, where it was accepted; no number is used twice. */
enum muster_stream_event {
    MUSTER_STREAM_ACCEPTED, /* somebody connected */
    MUSTER_STREAM_OPENED,   /* what the core wanted opened is open */
    MUSTER_STREAM_BYTES,    /* some came */
    MUSTER_STREAM_DRAINED,  /* all that was to be written has left */
    MUSTER_STREAM_ENDED,    /* the other side sends nothing more, but may still read */
    MUSTER_STREAM_CLOSED,   /* it is gone, or could not be opened: the last event of this number */
};

struct muster_stream {
    uint64_t number;
    enum muster_stream_event event;
    struct muster_endpoint remote; /* ACCEPTED: of TCP, who connected */
    uint32_t interface;            /* ACCEPTED: of TCP, by which the connection came */
    bool is_local;                 /* ACCEPTED: by the Unix socket */
    bool may_change;               /* ACCEPTED: by a process of this user, or of root */
    const uint8_t *bytes;          /* BYTES */
    size_t length;
};

/* A socket of the node, as the shell tells the core of it. */
struct muster_socket {
    const char *protocol;                             /* "udp", "tcp" or "unix"; static storage */
    struct muster_endpoint address;                   /* bound to; family 0 for "unix" */
    char interface_name[MUSTER_INTERFACE_NAME_BYTES]; /* "" when it is bound to none */
    uint32_t buffer_bytes;  /* receive buffer granted by the kernel, in its count; 0 when not known */
    uint64_t kernel_drops;  /* datagrams that the kernel had no room for */
    uint64_t failed;        /* datagrams that could not be sent by this interface */
    uint64_t queue_drops;   /* datagrams that were sent, and that a queue of this machine then dropped */
    uint64_t unicast_drops; /* datagrams to one peer that were not sent: so many waited that the send buffer
                             * was needed for datagrams to the group */
    uint64_t unreached;     /* datagrams to one peer that did not arrive, as ICMP reported */
};
#define MUSTER_SOCKETS_MAX 192

/* What is known of one publisher's shard here (muster/telemetry.h). Every datagram up to `sent` since `since`
 * is in exactly one of received, pending, lost. */
struct muster_feed {
    uint8_t id[MUSTER_ID_BYTES]; /* of the publisher */
    uint64_t boot;
    unsigned shard;
    uint64_t since;      /* seq of the first datagram that counts */
    uint64_t sent;       /* seq of the last one that is known to be sent */
    uint64_t received;   /* each once, repaired ones included */
    uint64_t bytes;      /* of them */
    uint64_t duplicates; /* came again */
    uint64_t reordered;  /* came behind a later one, unasked */
    uint64_t repaired;   /* came because they were asked for */
    uint64_t pending;    /* missing, and waited for */
    uint64_t lost_wire;  /* see muster_loss_reason */
    uint64_t lost_gone;
    uint64_t lost_kernel;
    uint64_t lost_program;
    uint64_t naks;    /* sent */
    bool is_streamed; /* nothing comes by multicast: its publisher is followed by stream, where what is for
                          no subscription is left out, and `since` grows by it */
};
#define MUSTER_FEEDS_SHOWN_MAX 256 /* of those that a node tells of itself */

/* What this node sent as a publisher. */
struct muster_sender {
    uint64_t datagrams; /* new ones */
    uint64_t bytes;
    uint64_t repairs; /* datagrams sent again */
    uint64_t repair_bytes;
    uint64_t naks;         /* heard for what this node sent */
    uint64_t naks_refused; /* of them, those that earned nothing: too late, too many, too soon */
};

/* What a running node says of itself. All pointers are borrowed from whatever gave it. */
/* A number that the program which runs a node has by a name of its own: a count since its start, or how many
 * there are. */
struct muster_figure {
    const char *name; /* 1 to MUSTER_NAME_BYTES_MAX of a-z 0-9 _ */
    uint64_t value;
};
#define MUSTER_FIGURES_MAX 32

struct muster_self {
    struct muster_peer peer; /* its own row: self is true */
    const char *version;     /* of the program */
    const char *key_id;      /* of the group key that seals, in hexadecimal; "": nothing is sealed */
    uint16_t port;           /* UDP port of the control group */
    uint64_t interval_ms;    /* between two alives as it stands, before its random part */
    size_t peers;            /* rows that are alive or suspect */
    const struct muster_path *paths;
    size_t path_count;
    const struct muster_socket *sockets;
    size_t socket_count;
    struct muster_counters counters;
    struct muster_sender sender;
    const struct muster_feed *feeds; /* those that began first, at most MUSTER_FEEDS_SHOWN_MAX */
    size_t feed_count;
    size_t feeds_known;                  /* how many there are */
    const struct muster_figure *figures; /* of the program */
    size_t figure_count;
};

enum muster_command_kind {
    MUSTER_COMMAND_QUERY,  /* ask the group who is there; MUSTER_OUTPUT_SETTLED follows for each awaited QUERY
                            */
    MUSTER_COMMAND_UPDATE, /* replace the document; its name may change too */
    MUSTER_COMMAND_CHANGE, /* change parts of the document */
    MUSTER_COMMAND_LEAVE,  /* say bye; MUSTER_OUTPUT_LEFT follows, and nothing is said after it */
    MUSTER_COMMAND_REKEY,  /* go on under another key, as a new peer */
    MUSTER_COMMAND_PROBE, /* ask some times by each path how that is heard: muster_core_probe(). While a probe
                           * is under way its targets are added to it; else a new one begins */
};

struct muster_command {
    enum muster_command_kind kind;
    const char *type;                         /* QUERY: only peers with such a service; NULL: any */
    const char *name;                         /* QUERY: only peers of this name; NULL: any */
    bool is_unawaited;                        /* QUERY: its end is not told, and it is never too many */
    const struct muster_document *document;   /* UPDATE, copied */
    const struct muster_change *change;       /* CHANGE, copied */
    const uint8_t *key;                       /* REKEY, copied */
    struct muster_crypto crypto;              /* REKEY */
    uint64_t boot;                            /* REKEY */
    const struct muster_static_peer *targets; /* PROBE, copied: where a muster may be, asked by unicast */
    size_t target_count;                      /* PROBE: at most MUSTER_PROBE_TARGETS_MAX; more are left out */
};

enum muster_event_kind {
    MUSTER_EVENT_TIMER,        /* time has passed */
    MUSTER_EVENT_DATAGRAM,     /* a datagram came */
    MUSTER_EVENT_PATHS,        /* these are now the ways out, all earlier ones are void */
    MUSTER_EVENT_STATIC_PEERS, /* at these addresses peers are asked and told by unicast, and no others */
    MUSTER_EVENT_GROUP_KEYS,   /* these are now the group's keys: what comes next is opened, and what leaves
                                  next is sealed by them; none where there were some: MUSTER_EINVAL */
    MUSTER_EVENT_PINS, /* these are now the pins; rows that are not allowed any more are told as lost */
    MUSTER_EVENT_COMMAND,
    MUSTER_EVENT_STREAM,  /* something happened on a stream; what its number does not mean is ignored. With an
                             error the stream is to be closed, and nothing more is heard of it */
    MUSTER_EVENT_SOCKETS, /* these are the sockets, for who asks the node about itself; copied */
};

/* All pointers are borrowed for the call, but for the bytes of a datagram that came to a group of telemetry:
 * once there was a subscription, they are read until muster_core_next_arrival() said false, or the next such
 * datagram. */
struct muster_event {
    enum muster_event_kind kind;
    uint64_t now_ms;
    int64_t suspended_ms; /* how long this machine was suspended so far, while now_ms stood still (on Linux
                             CLOCK_BOOTTIME less CLOCK_MONOTONIC); from any origin, 0 where it is not known */
    struct muster_datagram datagram;
    const struct muster_path *paths;
    size_t path_count;
    const struct muster_static_peer *static_peers;
    size_t static_peer_count;
    const uint8_t *group_keys; /* as in the options */
    size_t group_key_count;
    const struct muster_pin *pins; /* as in the options */
    size_t pin_count;
    struct muster_command command;
    struct muster_stream stream;
    const struct muster_socket *sockets;
    size_t socket_count; /* at most MUSTER_SOCKETS_MAX */
};

/* Lets the node see an event, and do what is due by event->now_ms. Not after a datagram of telemetry, whose
 * samples come first: a timer event is to be stepped at the deadline however many of these come. Datagrams,
 * however bad, are never an error: they are counted. A command or paths can be refused, and then changed
 * nothing: MUSTER_EINVAL (an observer told to update, change or rekey, a document or change that breaks a
 * rule, a QUERY that nobody could match, a path twice, a static peer where no host can be, a group key or a
 * pinned name twice, or too many of them), MUSTER_ENOTFOUND (a CHANGE removes what is not there),
 * MUSTER_ETOOBIG, MUSTER_EFULL (too many paths, static peers or queries under way), MUSTER_ENOMEM,
 * MUSTER_ECLOSING (after LEAVE), or what sign returned. */
MUSTER_API int muster_core_step(muster_core_t *core, const struct muster_event *event);

#define MUSTER_GROUP_REPAIR (1u << MUSTER_SHARDS) /* where missing data is asked for */

enum muster_output_kind {
    MUSTER_OUTPUT_DATAGRAM,     /* send this */
    MUSTER_OUTPUT_PEER,         /* tell the application */
    MUSTER_OUTPUT_SETTLED,      /* the answers to a QUERY are in, as far as can be told */
    MUSTER_OUTPUT_LEFT,         /* the last bye was pulled */
    MUSTER_OUTPUT_STREAM_OPEN,  /* connect a stream of this number to an endpoint, by an interface */
    MUSTER_OUTPUT_STREAM_WRITE, /* write these bytes, after those before; DRAINED is awaited */
    MUSTER_OUTPUT_STREAM_CLOSE, /* close it when all was written; nothing more is heard of this number */
    MUSTER_OUTPUT_GROUPS,       /* hear these groups of telemetry from now on, and no others */
};

/* All bytes and all that peer points to are borrowed until the next call on this core. */
struct muster_output {
    enum muster_output_kind kind;
    uint64_t stream;                 /* STREAM_…: its number */
    uint32_t groups;                 /* GROUPS: of IPv4, bit 1 << shard, and MUSTER_GROUP_REPAIR */
    uint32_t groups6;                /* GROUPS: the same of IPv6 */
    struct muster_endpoint endpoint; /* STREAM_OPEN */
    uint32_t interface;              /* STREAM_OPEN */
    const uint8_t *bytes;            /* STREAM_WRITE */
    size_t length;
    struct muster_datagram datagram;
    enum muster_peer_event peer_event;
    struct muster_peer peer; /* as the row stands now */
};

/* Pulls the next output; false when there is none. */
MUSTER_API bool muster_core_next(muster_core_t *core, struct muster_output *output);

/* The same for who can't send datagrams just now: these stay in the core, and LEFT behind them. */
MUSTER_API bool muster_core_next_blocked(muster_core_t *core, struct muster_output *output);

/* Tells a core that the datagram of the last output was not sent, because a queue or a table of this machine
 * was full (ENOBUFS). Before the next output is pulled. */
MUSTER_API void muster_core_record_unsent(muster_core_t *core, const struct muster_datagram *datagram);

/* How often the static peer at this address was asked since it was heard last; 0: it answers, or was not
 * asked yet, or there is none. */
MUSTER_API unsigned muster_core_static_tries(const muster_core_t *core,
                                             const struct muster_endpoint *endpoint);

/* False when the datagrams of telemetry that were stepped since muster_core_next() said false, and the
 * deadline was read after that, brought samples and nothing else: then there is no output, and no earlier
 * deadline. Asked when muster_core_next_arrival() has said false. */
MUSTER_API bool muster_core_has_work(const muster_core_t *core);

/* The time at which the node wants a timer event at the latest, in the past when it is due at once;
 * UINT64_MAX for never. */
MUSTER_API uint64_t muster_core_deadline(const muster_core_t *core);

/* ---- showing ---- */

/* What muster_text_safe() needs for a text of that many bytes. */
#define MUSTER_TEXT_SAFE_BYTES(bytes) (8 * (bytes) + 1)

/* Makes a text of a peer safe to print. What peers say is UTF-8 but anything else: in buffer, control and
 * invisible characters, and those that reorder a line, become \u{XXXX}, a backslash becomes two, a byte that
 * is not UTF-8 becomes \xXX. A text that does not fit into size bytes, its NUL included, ends with "…"
 * (without, if size is below 4). NULL counts as "". Returns buffer, or "" when size is 0. */
MUSTER_API const char *muster_text_safe(const char *text, char *buffer, size_t size);

/* ---- looking ---- */

/* Rows of a peer table, as they were when they were taken. Zeroed: empty. */
struct muster_peer_list {
    struct muster_peer *peers;
    size_t count;
    void *storage; /* what the peers point to; not for the caller */
};

/* Takes a snapshot of all rows, in the order in which they joined. The caller frees it. MUSTER_ENOMEM. */
MUSTER_API int muster_core_peers(const muster_core_t *core, struct muster_peer_list *list);

/* Takes a snapshot of the one row of this id. MUSTER_ENOTFOUND, MUSTER_ENOMEM; the list is empty then. */
MUSTER_API int muster_core_peer(const muster_core_t *core, const uint8_t id[MUSTER_ID_BYTES],
                                struct muster_peer_list *list);

/* What a service is called where services are listed: by its peer's name, and one that has an origin by its
 * host's (the peer's where there is none), "~" and the origin: "printer~dnssd". Returns text. */
#define MUSTER_OFFERER_BYTES (MUSTER_NAME_BYTES_MAX + 1 + MUSTER_ORIGIN_BYTES_MAX + 1)
MUSTER_API const char *muster_service_offerer(const struct muster_peer *peer,
                                              const struct muster_service *service,
                                              char text[MUSTER_OFFERER_BYTES]);

/* True for an address of IPv6 that is of one link alone (fe80::/10; RFC 4291, 2.5.6): it says nothing without
 * an interface. Any time, in any thread. */
MUSTER_API bool muster_endpoint_is_of_link(const struct muster_endpoint *endpoint);

/* Where a service is to be reached, ports included: at its own addresses, or at those of its peer. Returns
 * how many there are. One of fe80::/10 is of peer->interface_name. */
MUSTER_API size_t muster_service_endpoints(const struct muster_peer *peer,
                                           const struct muster_service *service,
                                           struct muster_endpoint endpoints[MUSTER_SERVICE_ADDRESSES_MAX]);

/* Tells these figures to who asks the node for itself, from now on; copied. MUSTER_EINVAL (too many, or a
 * name). */
MUSTER_API int muster_core_set_figures(muster_core_t *core, const struct muster_figure *figures,
                                       size_t count);

/* Adds a copy of a row, however it was come by. MUSTER_ENOMEM, then the list is as before. */
MUSTER_API int muster_peer_list_add(struct muster_peer_list *list, const struct muster_peer *peer);

/* Frees the rows of a list, which is empty then. */
MUSTER_API void muster_peer_list_free(struct muster_peer_list *list);

/* Counters since the start; borrowed as long as the core lives. */
MUSTER_API const struct muster_counters *muster_core_counters(const muster_core_t *core);

/* What the last probe found so far, NULL when there was none; borrowed until the next call on this core. */
MUSTER_API const struct muster_probe_report *muster_core_probe(const muster_core_t *core);

/* The node's own id, boot, and the revision of its document; 0: an observer. */
MUSTER_API void muster_core_id(const muster_core_t *core, uint8_t id[MUSTER_ID_BYTES]);
MUSTER_API uint64_t muster_core_boot(const muster_core_t *core);
MUSTER_API uint64_t muster_core_rev(const muster_core_t *core);

#ifdef __cplusplus
}
#endif
#endif
