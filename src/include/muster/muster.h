/* SPDX-License-Identifier: MIT */
/* A muster node on your own libuv loop.
 *
 *     struct muster_options options;
 *     muster_options_init(&options);
 *     options.document = &document;
 *     options.on_event = on_event;
 *     int error = muster_open(uv_default_loop(), &options, &node);
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *
 * muster_browse() and muster_lookup() find services, on_event tells of peers, muster_peers() shows the table.
 * Whole programs are in tools/examples/.
 *
 * The library never runs, stops or closes the loop, starts no thread, installs no signal handler and keeps
 * no global state. All calls belong to the loop's thread. Callbacks come from the loop, never from
 * inside a call, and may call anything, muster_close() included. */
#ifndef MUSTER_MUSTER_H
#define MUSTER_MUSTER_H

#include <uv.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct muster muster_t;

enum muster_log_level { MUSTER_LOG_ERROR, MUSTER_LOG_WARNING, MUSTER_LOG_INFO, MUSTER_LOG_DEBUG };

/* One event of one peer; peer is borrowed for the call. */
typedef void (*muster_event_cb)(muster_t *node, enum muster_peer_event event, const struct muster_peer *peer,
                                void *context);

/* A line for people, without LF and safe to print; borrowed for the call. It may come from inside
 * muster_open(), where the last MUSTER_LOG_ERROR line says what exactly failed. */
typedef void (*muster_log_cb)(enum muster_log_level level, const char *line, void *context);

typedef void (*muster_settled_cb)(muster_t *node, void *context);
typedef void (*muster_close_cb)(void *context);

/* Everything is copied by muster_open(). */
struct muster_options {
    size_t size; /* set by muster_options_init(); see muster_core_options */
    /* What to announce. NULL: an observer, which asks and listens, needs no state directory, and leaves no
     * row anywhere. */
    const struct muster_document *document;
    /* Which identity of this machine and user to be: a directory of that name in the state directory. NULL:
     * the document's name, and while another muster holds that, the same with +2, +3 and so on, by which
     * they can be given, too. A given instance that is held is MUSTER_EBUSY. */
    const char *instance;
    const char
        *state_dir; /* NULL: /var/lib/muster for root, else $XDG_STATE_HOME/muster or ~/.local/state/muster */
    /* Path of the Unix socket by which programs of this machine can ask the node (muster_local_open()). NULL:
     * `socket` in the directory of the instance, for this user alone; where there can't be one, a warning
     * says so. A path that is given is for every user, but who is neither this one nor root can't change
     * anything (of a node that runs as nobody: who is not root); it is MUSTER_EBUSY when another muster
     * answers there. Not for observers. */
    const char *socket;
    /* Names of interfaces, also alternative ones, or patterns of fnmatch(3); those that begin with ! deny
     * what they match. NULL: every usable one but the loopback, which is used only by its name. They are used
     * as they come, and as long as they are there. */
    const char *const *interfaces;
    size_t interface_count;
    uint16_t
        port; /* of the control group; the unicast sockets take the first free of the 32 ports after it */
    uint64_t interval_min_ms; /* see muster_core_options */
    uint64_t rate_bytes_s;    /* of what is published, see muster_core_options; likewise the next two */
    size_t ring_bytes;
    uint64_t linger_ms;
    const char *const
        *caches; /* patterns of topics whose last values to keep for others, see muster_core_options */
    size_t cache_count;
    bool without_retained; /* see muster_core_options: another node of this user is asked to retain it */
    unsigned kinds; /* of paths to many that may be used, bit 1 << enum muster_path_kind; 0: all. Of a family
                       that has none of them nothing is used */
    bool without_gso; /* send each datagram by itself, as where the kernel can't send batches (UDP GSO) */
    muster_event_cb on_event; /* NULL: none */
    muster_log_cb on_log;     /* NULL: none */
    void *context;            /* handed to on_event and on_log */
    /* Peers to ask and tell by unicast, where neither multicast nor broadcast reaches them: "host",
     * "host:port", "10.0.0.1", "[fd00::1]:19798", "[fe80::1%eth0]". The port is that of the peer's unicast
     * socket, by default the first one after the control port. Names are resolved by libuv's threads, again
     * when that fails, which a warning says, and now and then. Of all their addresses
     * MUSTER_STATIC_PEERS_MAX are used. Beyond a router, both sides have to name each other. */
    const char *const *peers;
    size_t peer_count;
    uint8_t site_ttl;          /* see muster_core_options; a warning says that the TTL proves nothing then */
    const uint8_t *group_keys; /* see muster_core_options; muster_keyring_read() has those of this user */
    size_t group_key_count;
    enum muster_trust trust;       /* whom the node lists; MUSTER_TRUST_ANY */
    const struct muster_pin *pins; /* copied; muster_pins_read() has those of this user */
    size_t pin_count;
};

/* Why a text can't be one of these peers, for people; NULL when it can. Static storage. */
MUSTER_API const char *muster_static_peer_fault(const char *text);

/* Sets the defaults: an observer on all interfaces. */
static inline void muster_options_init(struct muster_options *options);

/* The same for a struct of that size, sizeof(size_t) at least. Programs in C have no use for it. */
MUSTER_API void muster_options_init_sized(struct muster_options *options, size_t size);

static inline void muster_options_init(struct muster_options *options) {
    muster_options_init_sized(options, sizeof *options);
}

/* Opens a node on the loop; it begins to listen. One with a document also announces it and asks who is
 * there; an observer asks when told to (muster_query()). Where no interface can be used yet a warning says
 * so, and all of that comes with the first one; muster_paths() tells. MUSTER_EINVAL, MUSTER_ENOMEM,
 * MUSTER_ETOOBIG (document), MUSTER_ENOPORT, MUSTER_EPERM, MUSTER_EBUSY (a given instance or socket is held),
 * MUSTER_EDAMAGED (a file of the state was set aside; the next open makes a new one), MUSTER_ESTATE,
 * MUSTER_ECRYPTO, MUSTER_ESYSTEM. On error *node is NULL and no callback but on_log was called. When the loop
 * itself refused (MUSTER_ENOMEM, MUSTER_ESYSTEM), the instance is free again at once, but the loop must run
 * once more to release the handles that were begun. Out of memory libuv may also end the program: its table
 * of watched descriptors grows with them (uv_poll_start()), and it calls abort() when that fails, here or,
 * when a connection comes, later. uv_replace_allocator() can keep memory in reserve for that. */
MUSTER_API int muster_open(uv_loop_t *loop, const struct muster_options *options, muster_t **node);

/* Says bye (for some 200 ms, if it ever announced), frees everything, then calls on_closed (may be NULL)
 * from the loop. No other callback comes after this call. A second call is ignored. */
MUSTER_API void muster_close(muster_t *node, muster_close_cb on_closed, void *context);

/* Announces another document from now on; the same one is not announced again. MUSTER_EINVAL (an observer, or
 * a document that breaks a rule of PROTOCOL.md), MUSTER_ETOOBIG, MUSTER_ENOMEM, MUSTER_ECLOSING. */
MUSTER_API int muster_update(muster_t *node, const struct muster_document *document);

/* Announces the document with these changes from now on; what changes nothing is not announced. MUSTER_EINVAL
 * (an observer, a change that names something twice, or a result that breaks a rule of PROTOCOL.md),
 * MUSTER_ENOTFOUND (it removes what is not there), MUSTER_ETOOBIG, MUSTER_ENOMEM, MUSTER_ECLOSING; then
 * nothing of it was done. */
MUSTER_API int muster_change(muster_t *node, const struct muster_change *change);

/* Asks the group who is there, only for peers with a service of this type and of this name (each NULL:
 * any), and calls on_settled (may be NULL) when the answers are in: when as many peers are known as the
 * others say there are, or when a last window passed in silence, in any case within two seconds, or, where
 * there is no network yet, so long after it came. One that
 * comes while another is under way is asked when that has settled, together with all others that wait.
 * MUSTER_EINVAL, MUSTER_ENOMEM, MUSTER_EFULL (too many), MUSTER_ECLOSING. */
MUSTER_API int muster_query(muster_t *node, const char *type, const char *name, muster_settled_cb on_settled,
                            void *context);

/* Asks some times by each path, and each peer that is heard, how that was heard, and counts the answers:
 * muster_probe_report(). This takes some 2.5 s; is_over then. targets (may be NULL) are addresses where a
 * muster may be, which are asked by unicast. While a probe is under way targets are added to it.
 * MUSTER_ENOMEM, MUSTER_ECLOSING. */
MUSTER_API int muster_probe(muster_t *node, const struct muster_static_peer *targets, size_t target_count);

/* What the last probe found so far, NULL when there was none; borrowed until the loop runs or the node is
 * closed. */
MUSTER_API const struct muster_probe_report *muster_probe_report(const muster_t *node);

/* ---- trust: who is listed ---- */

/* Lists by these pins from now on (muster_options.pins). Rows that are not allowed any more are told as lost.
 * MUSTER_EINVAL (too many, or a name twice), MUSTER_ECLOSING; then nothing changed. MUSTER_ENOMEM: the pins
 * may hold already, and rows that they do not allow stay until their promises break. */
MUSTER_API int muster_set_pins(muster_t *node, const struct muster_pin *pins, size_t count);

/* Reads the pins of a state directory (NULL: as in muster_options), in memory for free(); none where there is
 * no file. The errors of muster_keyring_read(). */
MUSTER_API int muster_pins_read(const char *state_dir, struct muster_pin **pins, size_t *count,
                                muster_log_cb on_log, void *context);

/* Changes the pins, which have room for MUSTER_PINS_MAX. 0, or a positive number, which leaves all as it is.
 */
typedef int (*muster_pins_change_cb)(struct muster_pin *pins, size_t *count, void *context);

/* Reads the pins, has them changed, and puts them in the place of those that were there, in the directory of
 * the group keys. Who else changes pins or keys waits meanwhile, so that no change is lost; in `change`
 * neither may be changed. context is that of both callbacks. Returns what `change` does;
 * MUSTER_EINVAL: too many, a name twice, or one that muster_pin_is_name() refuses. The errors of
 * reading. With all of these the file is as it was. */
MUSTER_API int muster_pins_change(const char *state_dir, muster_pins_change_cb change, muster_log_cb on_log,
                                  void *context);

/* True for a name that can be pinned: 1 to 63 bytes of UTF-8 without control and invisible characters. */
MUSTER_API bool muster_pin_is_name(const char *name);

/* ---- group keys: who hears whom ---- */

/* Seals and opens by these keys from now on (muster_options.group_keys). A key is changed without any loss
 * when the new one is added on all hosts, then put first on all, and then the old one left out. MUSTER_EINVAL
 * (too many, one twice, or none where there were some: what is sealed never goes on in the clear, so the node
 * has to be closed for that), MUSTER_ETOOBIG (sealed, the document is too long for
 * an announce), MUSTER_ENOMEM, MUSTER_ECLOSING; then nothing changed. */
MUSTER_API int muster_set_group_keys(muster_t *node, const uint8_t *keys, size_t count);

struct muster_group_key {
    uint8_t bytes[MUSTER_GROUP_KEY_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* of the group, on this host */
};

/* Keys as they lie in a state directory: the first one seals. */
struct muster_keyring {
    struct muster_group_key keys[MUSTER_GROUP_KEYS_MAX];
    size_t count;
};

/* Reads the keys of a state directory (NULL: as in muster_options); none where there is no file. To be wiped
 * by the caller. MUSTER_ESTATE (others may read the file, it is not this user's, or damaged), MUSTER_EPERM,
 * MUSTER_ENOMEM; on_log (may be NULL) gets a line that says why, and the ring is empty. */
MUSTER_API int muster_keyring_read(const char *state_dir, struct muster_keyring *ring, muster_log_cb on_log,
                                   void *context);

/* Changes keys. 0, or a positive number, which leaves all as it is. */
typedef int (*muster_keyring_change_cb)(struct muster_keyring *ring, void *context);

/* Reads the keys, has them changed, and puts them in the place of those that were there, as
 * muster_pins_change() does. MUSTER_EINVAL: too many, a name twice, or one that muster_group_key_is_name()
 * refuses. */
MUSTER_API int muster_keyring_change(const char *state_dir, muster_keyring_change_cb change,
                                     muster_log_cb on_log, void *context);

/* The directory of that file, which is there once a key was written, and in which it is replaced: who watches
 * it knows when the keys change. *path is for the caller to free. MUSTER_ESTATE (there is none),
 * MUSTER_ENOMEM. */
MUSTER_API int muster_keyring_directory(const char *state_dir, char **path);

MUSTER_API void muster_keyring_wipe(struct muster_keyring *ring);

/* Makes a random key. MUSTER_ECRYPTO. */
MUSTER_API int muster_group_key_generate(uint8_t key[MUSTER_GROUP_KEY_BYTES]);

/* Makes the key of a passphrase and the group's name: the same on every host. It takes some 0.1 s and 64 MiB.
 * MUSTER_EINVAL (the name), MUSTER_ENOMEM, MUSTER_ECRYPTO. */
MUSTER_API int muster_group_key_derive(const char *name, const char *passphrase,
                                       uint8_t key[MUSTER_GROUP_KEY_BYTES]);

/* True for the name of a group: 1 to 63 of A-Z a-z 0-9 . _ -, no hyphen first. */
MUSTER_API bool muster_group_key_is_name(const char *name);

/* A key in 64 hexadecimal digits and a NUL; and back: MUSTER_EINVAL. */
#define MUSTER_GROUP_KEY_TEXT_BYTES 65
MUSTER_API void muster_group_key_text(const uint8_t key[MUSTER_GROUP_KEY_BYTES],
                                      char text[MUSTER_GROUP_KEY_TEXT_BYTES]);
MUSTER_API int muster_group_key_parse(const char *text, uint8_t key[MUSTER_GROUP_KEY_BYTES]);

/* ---- services: what is on offer, as it comes and goes ---- */

typedef struct muster_browse muster_browse_t;

enum muster_service_event {
    MUSTER_SERVICE_ADDED,   /* it is there: now, or since before the browse began */
    MUSTER_SERVICE_CHANGED, /* its name, TXT or addresses changed, or the name, address or trust of its peer
                             */
    MUSTER_SERVICE_REMOVED, /* withdrawn, or its peer was lost or left */
};

/* "added", "changed" or "removed". Static storage. */
MUSTER_API const char *muster_service_event_name(enum muster_service_event event);

/* One event of one service, which is known by its peer's id and as muster_service_is_same() says; it is to be
 * reached at muster_service_endpoints(). The peer's address is where the peer was heard when the event came;
 * where peers move without a word, muster_peer_find() knows the newest. REMOVED shows the service as it was
 * last, and the peer as it is now. Both are borrowed for the call. */
typedef void (*muster_browse_cb)(muster_t *node, enum muster_service_event event,
                                 const struct muster_peer *peer, const struct muster_service *service,
                                 void *context);

/* Follows the services of this type, only those of this name, as muster_service_offerer() says it: that of
 * their peer, or "printer~dnssd" of one that was brought from elsewhere (each NULL: any), until
 * muster_browse_end() or muster_close(): all that are known already are told as ADDED, the group is asked
 * once, then what happens is told. A suspect peer keeps its services. The node's own are not among them.
 * Changes that follow each other closely may be told as one, and what memory did not suffice for is made good
 * later: who follows has what the table has. A row that was evicted is noticed within a second. Any number of
 * browses is allowed; together they keep one copy of the rows that offer something. on_service may end this
 * browse or any other. MUSTER_EINVAL (no callback, or a type or name that nobody can have), MUSTER_ENOMEM,
 * MUSTER_ECLOSING; *browse is NULL then. */
MUSTER_API int muster_browse(muster_t *node, const char *type, const char *name, muster_browse_cb on_service,
                             void *context, muster_browse_t **browse);

/* Ends a browse, which is void from then on: its callback comes no more. Not allowed after muster_close(),
 * which ended it. NULL is allowed. */
MUSTER_API void muster_browse_end(muster_browse_t *browse);

/* error 0: here is one, borrowed for the call. MUSTER_ENOTFOUND: nobody offers that; MUSTER_EFULL (too many
 * questions under way), MUSTER_ENOMEM: it can't be told; peer and service are NULL then. */
typedef void (*muster_lookup_cb)(muster_t *node, int error, const struct muster_peer *peer,
                                 const struct muster_service *service, void *context);

/* Looks for one service of this type and name, likewise (each NULL: any), and calls on_found once, or
 * never when the node is closed before. Of those that are known already a verified peer's comes before
 * others, and an alive one's before a suspect one's; when there is none the group is asked, and the first to
 * come is taken, for up to timeout_ms; 0: until the answers are in (muster_query()). MUSTER_EINVAL (no
 * callback, or a type or name that nobody can have), MUSTER_ENOMEM, MUSTER_ECLOSING; then on_found is never
 * called. */
MUSTER_API int muster_lookup(muster_t *node, const char *type, const char *name, uint64_t timeout_ms,
                             muster_lookup_cb on_found, void *context);

/* ---- publishing ---- */

/* A topic of a node, open for records. */
typedef struct muster_publisher muster_publisher_t;

typedef void (*muster_writable_cb)(muster_t *node, void *context);

/* Opens a topic, which is announced with its units from now on; all of it is copied. MUSTER_EINVAL (an
 * observer; a name that is no topic: muster_topic_fault(), or that is open already), MUSTER_EFULL,
 * MUSTER_ETOOBIG (the document would be), MUSTER_ENOMEM, MUSTER_ECLOSING; *publisher is NULL then. */
MUSTER_API int muster_publisher_open(muster_t *node, const struct muster_topic *topic,
                                     muster_publisher_t **publisher);

/* Adds a record, copied. Records travel together: a pack leaves when it is full, linger_ms after its first
 * record, or by a flush. A record that fits no datagram goes by stream, at once: its datagram refers to it,
 * subscribers fetch it from this node by TCP while it runs and keeps it (MUSTER_LARGE_BYTES_MAX).
 * MUSTER_EINVAL (muster_record_fault() says why), MUSTER_ETOOBIG (it is larger than that), MUSTER_EAGAIN (the
 * rate does not allow it yet: try again when on_writable was called), MUSTER_ENOMEM, MUSTER_ECLOSING; then
 * nothing was added. */
MUSTER_API int muster_publisher_add(muster_publisher_t *publisher, const struct muster_record *record);

/* Lets what was added leave without lingering: when the loop waits next, or before. MUSTER_ECLOSING. */
MUSTER_API int muster_publisher_flush(muster_publisher_t *publisher);

/* Flushes and closes; the topic is announced no more. NULL is allowed. Not allowed after muster_close(),
 * which closed it. */
MUSTER_API void muster_publisher_close(muster_publisher_t *publisher);

/* on_writable (NULL: nobody) is called from the loop each time that records are taken again after
 * MUSTER_EAGAIN. */
MUSTER_API void muster_on_writable(muster_t *node, muster_writable_cb on_writable, void *context);

/* What the node sent so far; borrowed until the node is closed. */
MUSTER_API const struct muster_sender *muster_sender(const muster_t *node);

/* Datagrams of telemetry that were taken and did not leave: those that wait for the rate, for a path or for
 * room in the socket, and those that the system refused on every path; of these a log line says why. */
MUSTER_API uint64_t muster_unsent(const muster_t *node);

/* Values that others fetch from the node at the moment, each for each of those: a node that is closed breaks
 * them off. */
MUSTER_API uint64_t muster_values_given(const muster_t *node);

/* ---- subscribing ---- */

typedef struct muster_subscription muster_subscription_t;

/* One body; sample is borrowed for the call, and not looked at: muster_pack_open_sample() reads its records,
 * of which those that the patterns don't match are for the caller to pass over (muster_pattern_matches()). A
 * value that went by stream comes like any other, when it was fetched (MUSTER_LARGE_BYTES_MAX). It
 * may come from within the reading of a socket: what takes long here lets the kernel's buffer overflow. It
 * may call anything, muster_subscription_end() and muster_close() too. */
typedef void (*muster_sample_cb)(muster_t *node, const struct muster_sample *sample, void *context);

/* Datagrams, or values that go by stream, that will not come. */
typedef void (*muster_loss_cb)(muster_t *node, const struct muster_loss *loss, void *context);

/* Subscribes to all records whose full names match one of the patterns, until muster_subscription_end() or
 * muster_close(). Their publishers are asked for last values, or for what they sent lately. on_loss may be
 * NULL. A node hears only the shards that its subscriptions need. MUSTER_EINVAL (no callback, no pattern, or
 * a text that is none: muster_pattern_fault()), MUSTER_EFULL (MUSTER_SUBSCRIPTIONS_MAX), MUSTER_ENOMEM,
 * MUSTER_ENOINTERFACE, MUSTER_ENOPORT, MUSTER_EPERM, MUSTER_ESYSTEM (no socket can hear telemetry),
 * MUSTER_ECLOSING; *subscription is NULL then. */
MUSTER_API int muster_subscribe(muster_t *node, const struct muster_subscription_options *options,
                                muster_sample_cb on_sample, muster_loss_cb on_loss, void *context,
                                muster_subscription_t **subscription);

/* Ends it: its callbacks come no more. NULL is allowed. Not allowed after muster_close(), which ended it. */
MUSTER_API void muster_subscription_end(muster_subscription_t *subscription);

/* What is known of each publisher and shard that is heard; fills in at most feeds_max and returns how many
 * there are. */
MUSTER_API size_t muster_feeds(const muster_t *node, struct muster_feed *feeds, size_t feeds_max);

/* ---- looking ---- */

/* A snapshot of the peer table, which the caller frees by muster_peer_list_free(). MUSTER_ENOMEM. */
MUSTER_API int muster_peers(const muster_t *node, struct muster_peer_list *list);

/* A snapshot of the one row of this id, which the caller frees likewise. MUSTER_ENOTFOUND, MUSTER_ENOMEM; the
 * list is empty then. */
MUSTER_API int muster_peer_find(const muster_t *node, const uint8_t id[MUSTER_ID_BYTES],
                                struct muster_peer_list *list);

/* Tells figures of the program to who asks this node for itself, from now on: muster show --self and muster
 * metrics show them. Copied. MUSTER_EINVAL (more than MUSTER_FIGURES_MAX, or a name), MUSTER_ECLOSING. */
MUSTER_API int muster_set_figures(muster_t *node, const struct muster_figure *figures, size_t count);

/* Counters since the start; borrowed until the node is closed. */
MUSTER_API const struct muster_counters *muster_counters(const muster_t *node);

/* The node's own id, its boot, the revision of its document (0: an observer), which grows with each change
 * whoever makes it, and the unicast port it sends from. */
MUSTER_API void muster_id(const muster_t *node, uint8_t id[MUSTER_ID_BYTES]);
MUSTER_API uint64_t muster_boot(const muster_t *node);
MUSTER_API uint64_t muster_rev(const muster_t *node);
MUSTER_API uint16_t muster_unicast_port(const muster_t *node);

/* Path of the Unix socket by which it can be asked, NULL when there is none; borrowed until the node is
 * closed. */
MUSTER_API const char *muster_socket(const muster_t *node);

/* The directory of its instance, in which it writes its files, NULL for an observer; borrowed likewise. */
MUSTER_API const char *muster_instance_directory(const muster_t *node);

/* The interfaces that the node listens on, one path each kind, none without a network; borrowed until the
 * loop runs or the node is closed. */
MUSTER_API const struct muster_path *muster_paths(const muster_t *node, size_t *count);

/* Fills in the node's sockets, at most sockets_max, and returns how many there are, at most
 * MUSTER_SOCKETS_MAX. */
MUSTER_API size_t muster_sockets(const muster_t *node, struct muster_socket *sockets, size_t sockets_max);

/* ---- asking a muster that runs already ---- */

/* A node of another program on this machine, asked by its Unix socket (muster_options.socket): what it knows
 * is there at once, where an observer has to listen first. */
typedef struct muster_local muster_local_t;

#define MUSTER_SOCKET_DEFAULT "/run/muster/socket" /* of a muster that runs for the whole machine */

/* Everything is copied by muster_local_open(). All zero but the size: the first one that can be found. */
struct muster_local_options {
    size_t size;        /* of this struct; see muster_core_options */
    const char *socket; /* path of its socket, whatever network namespace it is in; NULL: all sockets in the
                         * state directory are tried, in the byte order of their instances' names, and then
                         * MUSTER_SOCKET_DEFAULT, as far as they are this user's, root's, or those of who owns
                         * that directory */
    const char *state_dir;         /* as in muster_options */
    const char *instance;          /* only that one; NULL: any */
    uint16_t port;                 /* of the control group: only a node that uses it; 0: any */
    const char *const *interfaces; /* only a node on exactly those that these choose, see muster_options;
                                    * NULL: any */
    size_t interface_count;
    size_t skip; /* so many of the nodes in the state directory that would do are passed over, and
                  * MUSTER_SOCKET_DEFAULT is not tried: to see whether there are others */
};

/* A row as the node has it. JOINED: it is there; any other: that happened to it just now. peer is borrowed
 * for the call. */
typedef void (*muster_local_row_cb)(enum muster_peer_event event, const struct muster_peer *peer,
                                    void *context);

/* What the node says of itself; borrowed for the call. */
typedef void (*muster_local_self_cb)(const struct muster_self *self, void *context);

/* The end of an answer, and its last callback. 0: all of it came. MUSTER_ENOTFOUND: no node is on that port
 * and those interfaces. MUSTER_EREFUSED: the node refused. MUSTER_ELOST: it went away, took too long or said
 * what makes no sense; what is asked afterwards ends the same way. MUSTER_ENOMEM. text says more, or is NULL;
 * it may come from the node, so escape it before a terminal sees it; borrowed for the call. */
typedef void (*muster_local_end_cb)(int error, const char *text, void *context);

/* Connects to a node; the loop stays alive until muster_local_close(). A node ends a connection on which
 * nothing is asked for five seconds; the next question connects to the same node again. MUSTER_EINVAL,
 * MUSTER_ENOTFOUND (nobody listens), MUSTER_EPERM (at the given socket), MUSTER_ENOMEM, MUSTER_ESYSTEM; then
 * *local is NULL. */
MUSTER_API int muster_local_open(uv_loop_t *loop, const struct muster_local_options *options,
                                 muster_local_t **local);

/* The path of the socket of the node that is asked; borrowed until muster_local_close(). */
MUSTER_API const char *muster_local_socket(const muster_local_t *local);

/* Ask for all rows of its peer table; for these and then every event, until muster_local_close(); for what it
 * says of itself; and to change its document, which only a process of its user or of root may. They are
 * answered in order, one after the other: nothing that is asked after a watch is answered. Each ends by
 * on_end once, unless muster_local_close() comes before. A change that ends with MUSTER_ELOST may have been
 * made. Callbacks may be NULL. MUSTER_EINVAL (an incomplete change, or one that names something twice),
 * MUSTER_ETOOBIG, MUSTER_ENOMEM, MUSTER_EFULL (too many wait), MUSTER_ECLOSING; then nothing was asked. */
MUSTER_API int muster_local_table(muster_local_t *local, muster_local_row_cb on_row,
                                  muster_local_end_cb on_end, void *context);
MUSTER_API int muster_local_watch(muster_local_t *local, muster_local_row_cb on_row,
                                  muster_local_end_cb on_end, void *context);
MUSTER_API int muster_local_self(muster_local_t *local, muster_local_self_cb on_self,
                                 muster_local_end_cb on_end, void *context);
MUSTER_API int muster_local_change(muster_local_t *local, const struct muster_change *change,
                                   muster_local_end_cb on_end, void *context);

/* Ask it to publish a record of a topic, which it holds open from then on: it sends, repairs and gives it to
 * late joiners like records of its own. For a process of its user or of root, as above. A record that ends
 * with MUSTER_ELOST may have been published. MUSTER_EINVAL: muster_topic_fault(), muster_record_fault(). */
MUSTER_API int muster_local_publish(muster_local_t *local, const char *topic,
                                    const struct muster_record *record, muster_local_end_cb on_end,
                                    void *context);

/* The same, and the node retains the value: late joiners are given it also after the node was started again,
 * until a value of its name is published without this. Ends with MUSTER_ENOTFOUND where no node retains
 * anything (muster_options.without_retained). */
MUSTER_API int muster_local_retain(muster_local_t *local, const char *topic,
                                   const struct muster_record *record, muster_local_end_cb on_end,
                                   void *context);

/* Ends the connection, then calls on_closed (may be NULL) from the loop. No other callback comes after this
 * call. A second call is ignored. */
MUSTER_API void muster_local_close(muster_local_t *local, muster_close_cb on_closed, void *context);

/* "0.1.0", the version of the library. */
MUSTER_API const char *muster_version(void);

#ifdef __cplusplus
}
#endif
#endif
