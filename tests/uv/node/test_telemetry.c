/* SPDX-License-Identifier: MIT */
/* Readings on whole nodes of one loop, on the loopback: from a publisher to who subscribes, by real sockets.
 */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <uv.h>

#include "countdown.h"
#include "device.h"
#include "limit.h"
#include "nodes.h"
#include "runner.h"

#define TOPIC "kitchen/climate"
#define RATE_BYTES_S 500000 /* so that little is unread while others have the processor */

/* ---- a network that fails on demand ---- */

static struct {
    unsigned batches;          /* sends of several datagrams (UDP GSO) so far */
    unsigned batches_carried;  /* of them, those that left */
    unsigned refusals_left;    /* so many of them fail, as if by a kernel or interface without it */
    uint64_t lost_seq;         /* data of this seq is lost; 0: none */
    unsigned losses_left;      /* so often */
    unsigned lost;             /* and was, so far */
    unsigned naks;             /* that were sent */
    bool is_without_multicast; /* the only interface has but broadcast */
} network;

static bool is_batch(const struct msghdr *message) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
         control = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message, control)) {
        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_SEGMENT) {
            return true;
        }
    }
    return false;
}

static bool has(const struct msghdr *message, const char *text) {
    const struct iovec *part = message->msg_iov;
    return memmem(part->iov_base, part->iov_len, text, strlen(text)) != NULL;
}

static bool is_lost(const struct msghdr *message) {
    char seq[32];
    snprintf(seq, sizeof seq, "\"seq\":%llu}\n", (unsigned long long)network.lost_seq);
    return network.losses_left > 0 && has(message, "\"kind\":\"data\"") && has(message, seq);
}

/* Stands in for the C library's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    bool is_several = is_batch(message);
    network.batches += is_several ? 1 : 0;
    if (is_several && network.refusals_left > 0) {
        network.refusals_left--;
        errno = EMSGSIZE;
        return -1;
    }
    network.batches_carried += is_several ? 1 : 0;
    network.naks += has(message, "\"kind\":\"nak\"") ? 1 : 0;
    if (is_lost(message)) {
        network.losses_left--;
        network.lost++;
        return (ssize_t)message->msg_iov[0].iov_len;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* The linker puts the second in the place of the first, and calls that by the name of the first. */
int __real_device_list_read(struct device_list *list);
int __wrap_device_list_read(struct device_list *list);

int __wrap_device_list_read(struct device_list *list) {
    int error = __real_device_list_read(list);
    for (size_t i = 0; i < list->count && network.is_without_multicast; i++) {
        list->items[i].flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST;
    }
    return error;
}

/* ---- nodes ---- */

static uint64_t rate_bytes_s;
static bool without_gso;

/* NULL: an observer. */
static muster_t *open_node(const char *name) {
    const struct muster_document document = {.name = name};
    struct muster_options options = node_options(name == NULL ? NULL : &document);
    options.rate_bytes_s = rate_bytes_s;
    options.without_gso = without_gso;
    return node_open_with(&options);
}

static void begin(void) {
    nodes_begin();
    memset(&network, 0, sizeof network);
    rate_bytes_s = RATE_BYTES_S;
    without_gso = false;
}

static void end_all(void) {
    countdown_set(0);
    nodes_end();
}

/* ---- who publishes ---- */

static muster_publisher_t *open_topic(muster_t *node, const char *name) {
    const struct muster_topic topic = {.name = name};
    muster_publisher_t *publisher;
    int error;
    INSIDE(error = muster_publisher_open(node, &topic, &publisher));
    assert_int_equal(error, 0);
    assert_non_null(publisher);
    return publisher;
}

static int add(muster_publisher_t *publisher, unsigned number) {
    const struct muster_record record = {
        .name = "n", .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = number};
    int error;
    INSIDE(error = muster_publisher_add(publisher, &record));
    return error;
}

static void flush(muster_publisher_t *publisher) {
    int error;
    INSIDE(error = muster_publisher_flush(publisher));
    assert_int_equal(error, 0);
}

/* In a datagram of its own. */
static void say(muster_publisher_t *publisher, unsigned number) {
    assert_int_equal(add(publisher, number), 0);
    flush(publisher);
}

/* Publishes numbers as fast as they are taken. */
struct source {
    muster_publisher_t *publisher;
    unsigned next;
    unsigned end;
    unsigned waits; /* times that it had to wait, */
    unsigned calls; /* and was told to go on */
};

static void pump(struct source *source) {
    while (source->next < source->end) {
        int error = add(source->publisher, source->next);
        if (error == MUSTER_EAGAIN) {
            source->waits++;
            return;
        }
        assert_int_equal(error, 0);
        source->next++;
    }
    flush(source->publisher);
}

static void on_writable(muster_t *node, void *context) {
    struct source *source = context;
    assert_false(fixture.is_inside);
    assert_non_null(node);
    source->calls++;
    pump(source);
}

/* ---- who subscribes ---- */

struct reader {
    muster_t *node;
    muster_subscription_t *subscription;
    unsigned next;        /* number that comes next, in order */
    bool begins_anywhere; /* it may begin with what an earlier life of the topic still had under way */
    unsigned records;
    unsigned samples;
    unsigned repaired;
    unsigned streamed;
    uint64_t lost;
    enum muster_loss_reason reason;
    void (*reaction)(struct reader *listener);
    struct reader *other;
    muster_publisher_t *publisher;
};

static void read_records(struct reader *listener, const struct muster_sample *sample) {
    struct muster_pack pack;
    struct muster_record record;
    int result;
    muster_pack_open(&pack, sample->body, sample->length, 0);
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        char name[64];
        snprintf(name, sizeof name, "%s/n", sample->topic);
        assert_string_equal(record.name, name);
        assert_string_equal(record.unit, "Cel");
        assert_int_equal(record.kind, MUSTER_VALUE_NUMBER);
        if (listener->begins_anywhere && (listener->records == 0 || record.number == 0)) {
            listener->next = (unsigned)record.number;
        }
        assert_true(record.number == listener->next);
        assert_true(record.time_s > MUSTER_TIME_S_MIN);
        listener->next++;
        listener->records++;
    }
    assert_int_equal(result, 0);
}

/* What was published before the subscription began comes besides, and may be anything. */
static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct reader *listener = context;
    if (sample->kind == MUSTER_SAMPLE_LAST) {
        return;
    }
    assert_false(fixture.is_inside);
    assert_ptr_equal(node, listener->node);
    assert_non_null(listener->subscription);
    assert_int_equal(sample->shard, muster_topic_shard(sample->topic));
    listener->samples++;
    listener->repaired += sample->kind == MUSTER_SAMPLE_REPAIRED ? 1 : 0;
    listener->streamed += sample->kind == MUSTER_SAMPLE_STREAM ? 1 : 0;
    read_records(listener, sample);
    if (listener->reaction != NULL) {
        listener->reaction(listener);
    }
}

static void on_loss(muster_t *node, const struct muster_loss *loss, void *context) {
    struct reader *listener = context;
    assert_false(fixture.is_inside);
    assert_ptr_equal(node, listener->node);
    listener->lost += loss->last - loss->first + 1;
    listener->reason = loss->reason;
    listener->next += (unsigned)(loss->last - loss->first + 1); /* one record each */
}

static int try_subscribe(muster_t *node, const char *pattern, struct reader *listener) {
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    int error;
    listener->node = node;
    INSIDE(error = muster_subscribe(node, &options, on_sample, on_loss, listener, &listener->subscription));
    assert_true((error == 0) == (listener->subscription != NULL));
    return error;
}

static void subscribe(muster_t *node, const char *pattern, struct reader *listener) {
    assert_int_equal(try_subscribe(node, pattern, listener), 0);
}

static void end(struct reader *listener) {
    INSIDE(muster_subscription_end(listener->subscription));
    listener->subscription = NULL;
}

static bool hears(const muster_t *node, const char *topic) {
    return (node->network.links.items[0]->groups[0] & 1u << muster_topic_shard(topic)) != 0;
}

/* Messages of the only peer that a node accepted. */
static uint64_t received_by(const muster_t *node) {
    struct muster_peer_list list;
    assert_int_equal(muster_peers(node, &list), 0);
    assert_int_equal(list.count, 1);
    uint64_t received = list.peers[0].received;
    muster_peer_list_free(&list);
    return received;
}

/* An announcement may overtake a reading. A node that follows a publisher was told before what was sent so
 * far: else it takes the reading for one from before its subscription. */
static void await_following(const muster_t *node, const char *topic) {
    AWAIT(hears(node, topic));
    uint64_t received = received_by(node);
    AWAIT(received_by(node) >= received + 3); /* some answer older questions, and do not tell it */
}

/* A publisher, and one who has subscribed to all and follows it. */
struct pair {
    muster_t *a;
    muster_t *b;
    muster_publisher_t *publisher;
    struct reader listener;
};

static void meet(struct pair *pair) {
    *pair = (struct pair){0};
    pair->a = open_node("a");
    pair->b = open_node("b");
    pair->publisher = open_topic(pair->a, TOPIC);
    subscribe(pair->b, "kitchen/#", &pair->listener);
    AWAIT(knows(pair->a, "b") && (pair->a->network.links.items[0]->groups[0] & MUSTER_GROUP_REPAIR) != 0);
    await_following(pair->b, TOPIC);
}

/* What is counted on both sides adds up. */
static struct muster_feed feed_of(const struct pair *pair) {
    struct muster_feed feed = {0};
    uint8_t id[MUSTER_ID_BYTES];
    muster_id(pair->a, id);
    assert_int_equal(muster_feeds(pair->b, &feed, 1), 1);
    assert_memory_equal(feed.id, id, sizeof id);
    assert_int_equal(feed.boot, muster_boot(pair->a));
    assert_int_equal(feed.shard, muster_topic_shard(TOPIC));
    assert_int_equal(feed.sent - feed.since + 1, feed.received + feed.pending + feed.lost_wire +
                                                     feed.lost_gone + feed.lost_kernel + feed.lost_program);
    return feed;
}

/* ---- there ---- */

#define MANY 5000

static void send_many(void) {
    struct pair pair;
    meet(&pair);
    struct source source = {.publisher = pair.publisher, .end = MANY};
    muster_on_writable(pair.a, on_writable, &source);
    pump(&source);
    AWAIT(pair.listener.records == MANY);
    assert_int_equal(pair.listener.lost, 0);
    assert_int_equal(source.waits, source.calls);
    const struct muster_sender *sender = muster_sender(pair.a);
    struct muster_feed feed = feed_of(&pair);
    assert_int_equal(feed.sent, sender->datagrams);
    assert_int_equal(feed.received, sender->datagrams);
    assert_int_equal(feed.bytes, sender->bytes);
    assert_int_equal(pair.listener.samples, sender->datagrams);
}

TEST(records_arrive_whole_and_in_order) {
    send_many();
    assert_true(network.batches > 0);
}

TEST(they_do_without_batches) {
    without_gso = true;
    send_many();
    assert_int_equal(network.batches, 0);
}

TEST(they_do_where_batches_are_refused) {
    network.refusals_left = UINT_MAX;
    send_many();
    assert_int_equal(network.batches, 8); /* the first errors could be those of earlier datagrams */
    assert_int_equal(network.batches_carried, 0);
}

/* As one that ICMP brings, where an earlier datagram was too long for a router. */
TEST(they_do_after_an_error_of_another_datagram) {
    network.refusals_left = 1;
    send_many();
    assert_true(network.batches_carried > 0);
}

static void take_large(muster_t *node, const struct muster_sample *sample, void *context) {
    static struct muster_pack pack;
    struct muster_record record;
    size_t *length = context;
    (void)node;
    muster_pack_open_sample(&pack, sample, 0);
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_string_equal(record.name, TOPIC "/picture");
    assert_int_equal(strspn(record.text, "x"), record.text_length);
    *length = record.text_length;
}

/* By TCP, and no datagram is longer than others. */
TEST(a_value_that_fits_no_datagram_arrives) {
    static char text[MUSTER_LARGE_BYTES_MAX + 1];
    const struct muster_record record = {.name = "picture", .kind = MUSTER_VALUE_TEXT, .text = text};
    const char *pattern = "+/+/picture";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    muster_subscription_t *subscription;
    struct pair pair;
    size_t length = 0;
    memset(text, 'x', sizeof text - 1);
    meet(&pair);
    end(&pair.listener);
    assert_int_equal(muster_subscribe(pair.b, &options, take_large, NULL, &length, &subscription), 0);
    await_following(pair.b, TOPIC);
    assert_int_equal(muster_publisher_add(pair.publisher, &record), 0);
    AWAIT(length == sizeof text - 1);
    assert_true(muster_sender(pair.a)->bytes < MUSTER_DATAGRAM_BYTES_MAX);
    AWAIT(muster_values_given(pair.a) == 0);
}

TEST(an_observer_hears_too) {
    struct reader listener = {0};
    muster_t *a = open_node("a");
    muster_publisher_t *publisher = open_topic(a, TOPIC);
    muster_t *observer = open_node(NULL);
    subscribe(observer, "+/climate/n", &listener);
    await_following(observer, TOPIC);
    say(publisher, 0);
    AWAIT(listener.records == 1);
}

/* Records wait for others to share their datagram, and leave without a flush. */
TEST(what_is_not_flushed_lingers) {
    struct pair pair;
    meet(&pair);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(add(pair.publisher, i), 0);
    }
    AWAIT(pair.listener.records == 5);
    assert_int_equal(pair.listener.samples, 1);
}

TEST(what_was_added_leaves_before_the_end) {
    struct pair pair;
    meet(&pair);
    assert_int_equal(add(pair.publisher, 0), 0);
    INSIDE(muster_publisher_close(pair.publisher));
    AWAIT(pair.listener.records == 1);
    pair.publisher = open_topic(pair.a, TOPIC);
    assert_int_equal(add(pair.publisher, 1), 0);
    node_close(pair.a);
    AWAIT(pair.listener.records == 2);
}

TEST(who_is_too_fast_waits) {
    struct pair pair;
    rate_bytes_s = 20000;
    meet(&pair);
    struct source source = {.publisher = pair.publisher};
    int error;
    while ((error = add(pair.publisher, source.next)) == 0) {
        source.next++;
    }
    assert_int_equal(error, MUSTER_EAGAIN); /* and adds nothing */
    muster_on_writable(pair.a, on_writable, &source);
    source.end = source.next; /* then nothing more */
    AWAIT(source.calls == 1);
    AWAIT(pair.listener.records == source.next);
    assert_int_equal(source.calls, 1);
    muster_on_writable(pair.a, NULL, NULL);
    say(pair.publisher, source.next);
    AWAIT(pair.listener.records == source.next + 1);
}

/* ---- lost ---- */

TEST(what_is_lost_is_sent_again) {
    struct pair pair;
    without_gso = true;
    meet(&pair);
    network.lost_seq = 3;
    network.losses_left = 1;
    for (unsigned i = 0; i < 5; i++) {
        say(pair.publisher, i);
    }
    AWAIT(pair.listener.records == 5);
    assert_true(pair.listener.repaired >= 1); /* more where an announcement overtook the readings */
    assert_int_equal(pair.listener.lost, 0);
    struct muster_feed feed = feed_of(&pair);
    assert_int_equal(feed.received, 5);
    assert_int_equal(feed.repaired, pair.listener.repaired);
    assert_true(feed.naks >= 1);
    const struct muster_sender *sender = muster_sender(pair.a);
    assert_int_equal(sender->datagrams, 5);
    assert_true(sender->repairs >= 1);
    assert_true(sender->repair_bytes > 0);
    assert_true(sender->naks >= 1);
}

#define TORRENT 50               /* datagrams of a round, which is short */
#define TORRENT_BYTES_S 20000000 /* a window full of them takes some 90 ms, longer than a nak is put off */

/* A round, when what was sent before has nearly all been read. */
static void on_torrent(uv_idle_t *idle) {
    const struct pair *pair = idle->data;
    static unsigned number;
    bool is_read = muster_sender(pair->a)->datagrams < muster_counters(pair->b)->received + TORRENT / 2;
    for (unsigned i = 0; is_read && i < TORRENT && add(pair->publisher, number) == 0; i++) {
        number++;
        flush(pair->publisher);
    }
}

/* Who is busy all the time still asks. */
TEST(what_a_torrent_loses_is_sent_again) {
    static uv_idle_t torrent;
    struct pair pair;
    rate_bytes_s = TORRENT_BYTES_S;
    meet(&pair);
    torrent.data = &pair;
    uv_idle_init(&fixture.loop, &torrent);
    uv_idle_start(&torrent, on_torrent);
    fixture.mode = UV_RUN_NOWAIT; /* with ONCE libuv looks at its timers twice a round */
    AWAIT(pair.listener.records > 10 * TORRENT);
    network.lost_seq = muster_sender(pair.a)->datagrams + TORRENT;
    network.losses_left = 1;
    AWAIT(pair.listener.records + pair.listener.lost >= network.lost_seq);
    uv_close((uv_handle_t *)&torrent, NULL);
    assert_int_equal(network.lost, 1);
    assert_int_equal(pair.listener.lost, 0);
}

TEST(what_can_not_be_repaired_is_told) {
    struct pair pair;
    without_gso = true;
    meet(&pair);
    network.lost_seq = 3;
    network.losses_left = UINT32_MAX;
    for (unsigned i = 0; i < 5; i++) {
        say(pair.publisher, i);
    }
    AWAIT(pair.listener.records == 4);
    assert_int_equal(pair.listener.lost, 1);
    assert_int_equal(pair.listener.reason, MUSTER_LOSS_WIRE);
    struct muster_feed feed = feed_of(&pair);
    assert_int_equal(feed.received, 4);
    assert_int_equal(feed.lost_wire, 1);
    assert_true(network.lost > 1);
}

/* The sockets that hear telemetry are told of with the others. */
TEST(its_sockets_are_shown) {
    struct pair pair;
    meet(&pair);
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    size_t count = muster_sockets(pair.b, sockets, MUSTER_SOCKETS_MAX);
    bool is_shown = false;
    for (size_t i = 0; i < count; i++) {
        is_shown = is_shown || (sockets[i].address.port == port_own() - 1 && sockets[i].buffer_bytes > 0 &&
                                strcmp(sockets[i].interface_name, "lo") == 0);
    }
    assert_true(is_shown);
}

/* ---- from inside of callbacks ---- */

static void end_it(struct reader *listener) {
    end(listener);
}

static void end_the_other(struct reader *listener) {
    if (listener->other->subscription != NULL) {
        end(listener->other);
    }
}

TEST(each_may_end_any) {
    struct pair pair;
    struct reader first = {0};
    struct reader second = {0};
    struct reader third = {0};
    meet(&pair);
    subscribe(pair.b, "#", &first);
    subscribe(pair.b, "#", &second);
    subscribe(pair.b, "#", &third);
    first.reaction = end_it;
    second.reaction = end_the_other;
    second.other = &third;
    for (unsigned i = 0; i < 3; i++) {
        say(pair.publisher, i);
    }
    AWAIT(pair.listener.records == 3 && second.records == 3);
    assert_int_equal(first.samples, 1);
    assert_int_equal(second.samples, 3);
    assert_int_equal(third.samples, 0);
    assert_true(hears(pair.b, TOPIC));
}

static void subscribe_another(struct reader *listener) {
    if (listener->other->subscription == NULL) {
        listener->other->next = listener->next;
        subscribe(listener->node, "#", listener->other);
    }
}

/* It gets what comes after, not what it was made in. */
TEST(one_may_be_made) {
    struct pair pair;
    struct reader other = {0};
    meet(&pair);
    pair.listener.reaction = subscribe_another;
    pair.listener.other = &other;
    for (unsigned i = 0; i < 3; i++) {
        say(pair.publisher, i);
    }
    AWAIT(pair.listener.records == 3 && other.records == 2);
}

static void close_publisher(struct reader *listener) {
    INSIDE(muster_publisher_close(listener->publisher));
    listener->publisher = NULL;
    listener->reaction = NULL;
}

TEST(a_publisher_may_be_closed) {
    struct pair pair;
    struct reader own = {0};
    meet(&pair);
    muster_publisher_t *publisher = open_topic(pair.b, "kitchen/power");
    subscribe(pair.a, "kitchen/power/#", &own);
    await_following(pair.a, "kitchen/power");
    pair.listener.publisher = publisher;
    pair.listener.reaction = close_publisher;
    assert_int_equal(add(publisher, 0), 0);
    say(pair.publisher, 0);
    AWAIT(own.records == 1 && pair.listener.publisher == NULL);
    say(pair.publisher, 1);
    AWAIT(pair.listener.records == 2);
}

static void close_own_node(struct reader *listener) {
    node_close(listener->node);
    listener->node = NULL; /* no sample may come after it */
}

static void close_of(const char *name) {
    struct pair pair;
    struct reader other = {0};
    meet(&pair);
    muster_t *node = pair.b;
    if (name == NULL) {
        node = open_node(NULL);
        end(&pair.listener);
        pair.listener = (struct reader){0};
        subscribe(node, "#", &pair.listener);
        AWAIT(hears(node, TOPIC));
    }
    subscribe(node, "#", &other);
    pair.listener.reaction = close_own_node;
    unsigned closed = nodes_closed();
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(add(pair.publisher, i), 0);
        flush(pair.publisher);
    }
    AWAIT(nodes_closed() == closed + 1);
    assert_int_equal(pair.listener.samples, 1);
    assert_int_equal(other.samples, 0);
}

TEST(the_node_may_be_closed) {
    close_of("b");
}

TEST(an_observer_may_be_closed) {
    close_of(NULL);
}

struct farewell {
    muster_t *node;
    unsigned calls;
};

static void close_writable(muster_t *node, void *context) {
    struct farewell *farewell = context;
    farewell->calls++;
    node_close(node);
}

TEST(it_may_be_closed_when_it_is_writable) {
    struct pair pair;
    struct farewell farewell = {0};
    rate_bytes_s = 100000;
    meet(&pair);
    while (add(pair.publisher, 0) == 0) {
    }
    end(&pair.listener);
    muster_on_writable(pair.a, close_writable, &farewell);
    AWAIT(nodes_closed() == 1);
    assert_int_equal(farewell.calls, 1);
}

/* ---- bounds and errors ---- */

TEST(there_may_be_so_many_subscriptions) {
    static struct reader listeners[MUSTER_SUBSCRIPTIONS_MAX];
    struct reader one_more = {0};
    struct pair pair;
    meet(&pair);
    end(&pair.listener);
    memset(listeners, 0, sizeof listeners);
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        subscribe(pair.b, i % 2 == 0 ? "#" : "kitchen/+/n", &listeners[i]);
    }
    assert_int_equal(try_subscribe(pair.b, "#", &one_more), MUSTER_EFULL);
    await_following(pair.b, TOPIC);
    say(pair.publisher, 0);
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        AWAIT(listeners[i].records == 1);
    }
    end(&listeners[7]);
    subscribe(pair.b, "#", &one_more);
    one_more.next = 1;
    say(pair.publisher, 1);
    AWAIT(one_more.records == 1 && listeners[63].records == 2);
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        end(&listeners[i]);
    }
    end(&one_more);
    AWAIT(!hears(pair.b, TOPIC));
    assert_int_equal(pair.b->network.links.items[0]->groups[0], 0);
}

TEST(what_is_wrong_is_refused) {
    struct reader listener = {0};
    muster_publisher_t *publisher = NULL;
    muster_t *a = open_node("a");
    muster_t *observer = open_node(NULL);
    struct muster_topic topic = {.name = TOPIC};
    assert_int_equal(muster_publisher_open(observer, &topic, &publisher), MUSTER_EINVAL);
    assert_null(publisher);
    topic.name = "a//b";
    assert_int_equal(muster_publisher_open(a, &topic, &publisher), MUSTER_EINVAL);
    publisher = open_topic(a, TOPIC);
    topic.name = TOPIC;
    muster_publisher_t *second;
    assert_int_equal(muster_publisher_open(a, &topic, &second), MUSTER_EINVAL);

    static char text[MUSTER_LARGE_BYTES_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    struct muster_record record = {.kind = MUSTER_VALUE_NONE};
    assert_int_equal(muster_publisher_add(publisher, &record), MUSTER_EINVAL);
    record = (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = text};
    assert_int_equal(muster_publisher_add(publisher, &record), MUSTER_ETOOBIG);
    assert_int_equal(add(publisher, 0), 0);
    assert_int_equal(muster_publisher_add(publisher, &record), MUSTER_ETOOBIG);

    struct muster_subscription_options options = {.size = sizeof options};
    const char *patterns[] = {"a/#/b"};
    muster_subscription_t **place = &listener.subscription;
    assert_int_equal(muster_subscribe(a, &options, on_sample, NULL, NULL, place), MUSTER_EINVAL);
    options = (struct muster_subscription_options){
        .size = sizeof options, .patterns = patterns, .pattern_count = 1};
    assert_int_equal(muster_subscribe(a, &options, on_sample, NULL, NULL, place), MUSTER_EINVAL);
    patterns[0] = "#";
    options.size = 0;
    assert_int_equal(muster_subscribe(a, &options, on_sample, NULL, NULL, place), MUSTER_EINVAL);
    options.size = sizeof options + 1;
    assert_int_equal(muster_subscribe(a, &options, on_sample, NULL, NULL, place), MUSTER_EINVAL);
    options.size = sizeof options;
    assert_int_equal(muster_subscribe(a, &options, NULL, NULL, NULL, place), MUSTER_EINVAL);
    options.pattern_count = MUSTER_PATTERNS_MAX + 1;
    assert_int_equal(muster_subscribe(a, &options, on_sample, NULL, NULL, place), MUSTER_EINVAL);
    muster_publisher_close(NULL);
    muster_subscription_end(NULL);

    subscribe(a, "#", &listener);
    node_close(a); /* with it, and the publisher */
    assert_int_equal(try_subscribe(a, "#", &(struct reader){0}), MUSTER_ECLOSING);
    assert_int_equal(add(publisher, 0), MUSTER_ECLOSING);
    assert_int_equal(muster_publisher_flush(publisher), MUSTER_ECLOSING);
    assert_int_equal(muster_publisher_open(a, &topic, &second), MUSTER_ECLOSING);
    assert_null(second);
}

TEST(there_may_be_so_many_topics) {
    muster_t *a = open_node("a");
    muster_publisher_t *publisher;
    for (unsigned i = 0; i <= MUSTER_TOPICS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        const struct muster_topic topic = {.name = name};
        int error;
        INSIDE(error = muster_publisher_open(a, &topic, &publisher));
        assert_int_equal(error, i < MUSTER_TOPICS_MAX ? 0 : MUSTER_EFULL);
    }
}

/* Takes a port for itself alone. */
static int occupy(uint16_t port) {
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What a socket was refused to one is tried again for the next. */
TEST(who_can_not_hear_is_told) {
    struct reader listener = {0};
    int occupant = occupy((uint16_t)(port_own() - 1));
    muster_t *a = open_node("a");
    muster_t *b = open_node("b");
    muster_publisher_t *publisher = open_topic(a, TOPIC); /* which publishes all the same */
    AWAIT(knows(b, "a"));
    assert_int_equal(try_subscribe(b, "#", &listener), MUSTER_ENOPORT);
    assert_int_equal(try_subscribe(b, "#", &listener), MUSTER_ENOPORT);
    open_topic(b, "own");
    assert_int_equal(try_subscribe(b, "nobody/#", &listener), MUSTER_ENOPORT);
    AWAIT(fixture.errors > 0);
    assert_int_equal(b->network.groups, MUSTER_GROUP_REPAIR);
    close(occupant);
    open_topic(b, "other");
    assert_int_equal(b->network.links.items[0]->groups[0], MUSTER_GROUP_REPAIR);
    subscribe(b, "#", &listener);
    await_following(b, TOPIC);
    say(publisher, 0);
    AWAIT(listener.records == 1);
}

/* The same where no other group is needed than before. */
TEST(what_was_refused_is_tried_again) {
    struct reader listener = {0};
    int occupant = occupy((uint16_t)(port_own() - 1));
    muster_t *a = open_node("a");
    open_topic(a, TOPIC);
    assert_int_equal(a->network.links.items[0]->groups[0], 0);
    close(occupant);
    subscribe(a, "nobody/#", &listener);
    assert_int_equal(a->network.links.items[0]->groups[0], MUSTER_GROUP_REPAIR);
}

/* Nothing can be published or heard there, and nothing comes of it but that. */
TEST(a_node_may_have_no_multicast) {
    struct reader listener = {0};
    network.is_without_multicast = true;
    muster_t *a = open_node("a");
    muster_t *b = open_node("b");
    muster_publisher_t *publisher = open_topic(a, TOPIC);
    subscribe(b, "#", &listener);
    AWAIT(knows(a, "b") && knows(b, "a"));
    for (unsigned i = 0; i < 10; i++) {
        say(publisher, i);
    }
    struct muster_feed feed = {.sent = 0};
    AWAIT(muster_feeds(b, &feed, 1) == 1 && feed.sent == 10);
    assert_int_equal(listener.samples,
                     listener.streamed); /* by a stream, after two alives that told of more */
    assert_int_equal(muster_sender(a)->datagrams, 0);
    assert_int_equal(muster_sender(a)->bytes, 0);
    end(&listener);
    INSIDE(muster_publisher_close(publisher));
}

/* Nobody asks for what nobody wants any more, nor counts it as missing when it is wanted again. */
TEST(who_has_ended_asks_no_more) {
    struct pair pair;
    without_gso = true;
    meet(&pair);
    say(pair.publisher, 0);
    say(pair.publisher, 1);
    AWAIT(pair.listener.records == 2);
    end(&pair.listener);
    unsigned naks = network.naks; /* some, where an announcement overtook the readings */
    AWAIT(!hears(pair.b, TOPIC));
    for (unsigned i = 2; i < 8; i++) {
        say(pair.publisher, i);
    }
    uint64_t received = muster_counters(pair.b)->accepted;
    AWAIT(muster_counters(pair.b)->accepted >= received + 5); /* some alives, which say how much was sent */
    pair.listener.next = 8;
    subscribe(pair.b, "#", &pair.listener);
    await_following(pair.b, TOPIC);
    assert_int_equal(network.naks, naks);
    say(pair.publisher, 8);
    AWAIT(pair.listener.records == 3);
    struct muster_feed feed = feed_of(&pair);
    assert_int_equal(feed.pending + feed.lost_wire + feed.lost_gone, 0);
}

/* One who was told of a feed, and heard nothing of it. */
TEST(who_heard_nothing_asks_no_more) {
    struct pair pair;
    struct reader late = {0};
    without_gso = true;
    meet(&pair);
    say(pair.publisher, 0);
    AWAIT(pair.listener.records == 1);
    end(&pair.listener); /* so that nobody else asks */
    muster_t *c = open_node("c");
    struct muster_feed feed;
    subscribe(c, "#", &late);
    AWAIT(muster_feeds(c, &feed, 1) == 1 && hears(c, TOPIC));
    end(&late);
    unsigned naks = network.naks;
    uint64_t accepted = muster_counters(c)->accepted;
    say(pair.publisher, 1);
    AWAIT(muster_counters(c)->accepted >= accepted + 10);
    assert_int_equal(network.naks, naks);
    assert_int_equal(muster_feeds(c, &feed, 1), 0);
}

/* ---- without memory ---- */

/* All that a publisher has sent was read or given up, or is taken for older than the subscription. */
static bool has_passed(const muster_t *publisher, const muster_t *subscriber) {
    struct muster_feed feed;
    return muster_feeds(subscriber, &feed, 1) == 1 && feed.sent == muster_sender(publisher)->datagrams &&
           feed.pending == 0;
}

/* A topic is opened, heard, and closed. */
static void live(muster_t *a, muster_t *b, unsigned *failures) {
    const struct muster_topic topic = {.name = TOPIC, .unit = "W"};
    const char *pattern = "#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    struct reader listener = {.node = b, .begins_anywhere = true};
    muster_publisher_t *publisher;
    int error;
    while ((error = muster_publisher_open(a, &topic, &publisher)) == MUSTER_ENOMEM) {
        assert_null(publisher);
        ++*failures;
    }
    assert_int_equal(error, 0);
    while ((error = muster_subscribe(b, &options, on_sample, on_loss, &listener, &listener.subscription)) ==
           MUSTER_ENOMEM) {
        assert_null(listener.subscription);
        ++*failures;
    }
    assert_int_equal(error, 0);
    AWAIT(hears(b, TOPIC));
    for (unsigned number = 0; listener.records == 0; number++) {
        uint64_t sent = muster_sender(a)->datagrams;
        while ((error = add(publisher, number)) == MUSTER_ENOMEM) {
            ++*failures;
        }
        assert_int_equal(error, 0);
        flush(publisher);
        AWAIT(muster_sender(a)->datagrams > sent);
        AWAIT(listener.records > 0 || has_passed(a, b));
    }
    INSIDE(muster_publisher_close(publisher));
    end(&listener);
}

TEST(every_allocation_may_fail) {
    muster_t *a = open_node("a");
    muster_t *b = open_node("b");
    AWAIT(knows(a, "b") && knows(b, "a"));
    bool has_failed = true;
    unsigned failures = 0;
    unsigned long n = 0;
    while (has_failed) {
        countdown_set(++n);
        live(a, b, &failures);
        has_failed = countdown_has_failed();
        countdown_set(0);
        AWAIT(!hears(b, TOPIC));
    }
    print_message("%lu allocations, %u of them of calls\n", n - 1, failures);
    assert_true(n > 10);
    assert_true(failures > 5);
}

int main(void) {
    return test_run(begin, end_all);
}
