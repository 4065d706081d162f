/* SPDX-License-Identifier: MIT */
/* Services as they come and go, on whole nodes of one loop, on the loopback: browses and lookups. */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <net/if.h>
#include <netinet/in.h>
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
#include "limit.h"
#include "nodes.h"
#include "runner.h"

#define DEADLINE_MS 10000
#define LOOKUPS 65 /* one more than there may be questions under way */

static int mute_fd = -1; /* what is sent by it is lost */

/* Stands in for the C library's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    return fd == mute_fd ? (ssize_t)message->msg_iov[0].iov_len : syscall(SYS_sendmsg, fd, message, flags);
}

/* ---- nodes ---- */

/* Who browses, and what it was told: "added b http/tcp:80, removed b http/tcp:80". */
struct browser {
    muster_browse_t *browse;
    char story[4096];
    unsigned found;
    unsigned in_vain;
    int error; /* of the last lookup in vain */
    void (*reaction)(struct browser *listener);
    struct browser *other;
};

/* The listener's story so far must become this. */
#define AWAIT_STORY(listener, expected)                                      \
    do {                                                                     \
        fixture_wait_begin();                                                \
        while (strcmp((listener)->story, expected) != 0 && fixture_wait()) { \
        }                                                                    \
        fixture_wait_end();                                                  \
        assert_string_equal((listener)->story, expected);                    \
    } while (0)

static const struct muster_service http = {.name = "", .type = "http", .proto = "tcp", .port = 80};
static const struct muster_service ipp = {.name = "", .type = "ipp", .proto = "tcp", .port = 631};

static muster_t *open_offering(const char *name, const struct muster_service *service) {
    struct muster_document document = {.name = name, .services = service, .service_count = 1};
    const struct muster_options options = node_options(&document);
    return node_open_with(&options);
}

static void end_all(void) {
    mute_fd = -1;
    countdown_set(0);
    nodes_end();
}

/* ---- listeners ---- */

static void on_service(muster_t *node, enum muster_service_event event, const struct muster_peer *peer,
                       const struct muster_service *service, void *context) {
    struct browser *listener = context;
    assert_false(fixture.is_inside);
    assert_non_null(node);
    story_add(listener->story, sizeof listener->story, "%s %s %s/%s:%u", muster_service_event_name(event),
              peer->document.name, service->type, service->proto, service->port);
    if (listener->reaction != NULL) {
        listener->reaction(listener);
    }
}

static void browse(muster_t *node, const char *type, const char *name, struct browser *listener) {
    int error;
    INSIDE(error = muster_browse(node, type, name, on_service, listener, &listener->browse));
    assert_int_equal(error, 0);
    assert_non_null(listener->browse);
}

static void end(struct browser *listener) {
    INSIDE(muster_browse_end(listener->browse));
    listener->browse = NULL;
}

static void on_found(muster_t *node, int error, const struct muster_peer *peer,
                     const struct muster_service *service, void *context) {
    struct browser *listener = context;
    assert_false(fixture.is_inside);
    assert_non_null(node);
    assert_true((error == 0) == (peer != NULL && service != NULL));
    if (error == 0) {
        listener->found++;
        snprintf(listener->story, sizeof listener->story, "%s:%u", peer->document.name, service->port);
    } else {
        listener->in_vain++;
        listener->error = error;
    }
    if (listener->reaction != NULL) {
        listener->reaction(listener);
    }
}

static void look_up(muster_t *node, const char *type, const char *name, uint64_t timeout_ms,
                    struct browser *listener) {
    int error;
    INSIDE(error = muster_lookup(node, type, name, timeout_ms, on_found, listener));
    assert_int_equal(error, 0);
}

static void change(muster_t *node, const struct muster_change *change) {
    int error;
    INSIDE(error = muster_change(node, change));
    assert_int_equal(error, 0);
}

/* ---- browsing ---- */

TEST(services_are_told_as_they_come_and_go) {
    struct browser web = {0};
    struct browser all = {0};
    muster_t *observer = node_open_observer();
    browse(observer, "http", NULL, &web);
    browse(observer, NULL, NULL, &all);
    muster_t *b = open_offering("b", &http);
    AWAIT_STORY(&web, "added b http/tcp:80");

    struct muster_text path = {.name = "path", .value = "/"};
    struct muster_service described = http;
    described.txt = &path;
    described.txt_count = 1;
    change(b, &(struct muster_change){.services = &described, .service_count = 1});
    AWAIT_STORY(&web, "added b http/tcp:80, changed b http/tcp:80");
    change(b, &(struct muster_change){.services = &ipp, .service_count = 1, .attrs = &path, .attr_count = 1});
    AWAIT_STORY(&all, "added b http/tcp:80, changed b http/tcp:80, added b ipp/tcp:631");
    change(b, &(struct muster_change){.removed_services = &http, .removed_service_count = 1});
    AWAIT_STORY(&web, "added b http/tcp:80, changed b http/tcp:80, removed b http/tcp:80");
    node_close(b);
    AWAIT_STORY(&all, "added b http/tcp:80, changed b http/tcp:80, added b ipp/tcp:631, "
                      "removed b http/tcp:80, removed b ipp/tcp:631");
    assert_string_equal(web.story, "added b http/tcp:80, changed b http/tcp:80, removed b http/tcp:80");
}

TEST(what_is_there_is_told_first) {
    struct browser early = {0};
    struct browser late = {0};
    muster_t *a = open_offering("a", &http); /* one's own service is not told */
    open_offering("b", &http);
    AWAIT(knows(a, "b"));
    browse(a, "http", NULL, &early);
    AWAIT_STORY(&early, "added b http/tcp:80");
    browse(a, NULL, "b", &late);
    AWAIT_STORY(&late, "added b http/tcp:80");
    assert_string_equal(early.story, "added b http/tcp:80");
}

/* A node asks for it by the name under which it is listed, and its own services are not meant. */
TEST(what_was_brought_is_found_by_host_and_origin) {
    struct browser named = {0};
    struct browser own = {0};
    struct browser lookup = {0};
    const struct muster_endpoint at[] = {{.family = 4, .ip = {192, 0, 2, 7}},
                                         {.family = 4, .ip = {192, 0, 2, 8}}};
    struct muster_service brought[] = {http, ipp, ipp};
    brought[1].origin = brought[2].origin = "dnssd";
    brought[1].host = brought[2].host = "print";
    brought[1].name = "one";
    brought[2].name = "two";
    brought[2].addresses = at;
    brought[2].address_count = 1;
    struct muster_document document = {.name = "b", .services = brought, .service_count = 3};
    const struct muster_options options = node_options(&document);
    muster_t *b = node_open_with(&options);
    muster_t *observer = node_open_observer();
    browse(observer, NULL, "print~dnssd", &named);
    AWAIT_STORY(&named, "added b ipp/tcp:631, added b ipp/tcp:631");
    browse(observer, NULL, "b", &own);
    AWAIT_STORY(&own, "added b http/tcp:80");
    look_up(observer, "ipp", "print~dnssd", 0, &lookup);
    AWAIT(lookup.found == 1);
    brought[2].addresses = &at[1];
    change(b, &(struct muster_change){.services = &brought[2], .service_count = 1});
    AWAIT_STORY(&named, "added b ipp/tcp:631, added b ipp/tcp:631, changed b ipp/tcp:631");
    change(b, &(struct muster_change){.removed_services = &brought[1], .removed_service_count = 1});
    AWAIT_STORY(&named, "added b ipp/tcp:631, added b ipp/tcp:631, changed b ipp/tcp:631, "
                        "removed b ipp/tcp:631");
}

TEST(an_observer_asks) {
    struct browser listener = {0};
    open_offering("b", &http);
    muster_t *c = open_offering("c", &ipp);
    AWAIT(knows(c, "b"));
    muster_t *observer = node_open_observer();
    browse(observer, "ipp", NULL, &listener);
    AWAIT_STORY(&listener, "added c ipp/tcp:631");
}

TEST(a_name_that_changes_comes_and_goes) {
    struct browser named = {0};
    struct browser any = {0};
    muster_t *a = open_offering("a", &ipp);
    muster_t *b = open_offering("b", &http);
    browse(a, NULL, "b", &named);
    browse(a, NULL, NULL, &any);
    AWAIT_STORY(&named, "added b http/tcp:80");
    change(b, &(struct muster_change){.name = "beta"});
    AWAIT_STORY(&named, "added b http/tcp:80, removed beta http/tcp:80");
    AWAIT_STORY(&any, "added b http/tcp:80, changed beta http/tcp:80");
}

TEST(the_lost_are_removed_and_may_return) {
    struct browser listener = {0};
    muster_t *a = open_offering("a", &ipp);
    muster_t *b = open_offering("b", &http);
    browse(a, "http", NULL, &listener);
    AWAIT_STORY(&listener, "added b http/tcp:80");
    mute_fd = b->network.unicast.sockets[0].socket.fd;
    AWAIT_STORY(&listener, "added b http/tcp:80, removed b http/tcp:80");
    mute_fd = -1;
    AWAIT_STORY(&listener, "added b http/tcp:80, removed b http/tcp:80, added b http/tcp:80");
}

/* Small devices without a key, "micro0" and so on, say so many announcements from one port. */
static void say_unverified(const char *address, unsigned first, unsigned count) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(port_own())};
    struct ip_mreqn lo = {.imr_ifindex = (int)if_nametoindex("lo")};
    int ttl = 255;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, address, &source.sin_addr);
    inet_pton(AF_INET, "224.0.0.254", &group.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof source), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo), 0);
    for (unsigned i = first; i < first + count; i++) {
        char text[512];
        int length = snprintf(text, sizeof text,
                              "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":1,"
                              "\"rev\":1,\"next_ms\":60000,\"peers\":0,\"name\":\"micro%u\",\"services\":"
                              "[{\"type\":\"coap\",\"proto\":\"udp\",\"port\":5683}]}\n",
                              i + 1, i);
        ssize_t sent = sendto(fd, text, (size_t)length, 0, (struct sockaddr *)&group, sizeof group);
        assert_int_equal(sent, length);
    }
    close(fd);
}

#define CROWD 256 /* less than one source may send at once */

/* Two in turn, since the rows of one address are bounded too. */
static const char *address_of(unsigned i) {
    return i / CROWD % 2 == 0 ? "127.0.0.1" : "127.0.0.2";
}

TEST(an_evicted_row_is_noticed) {
    struct browser listener = {0};
    muster_t *observer = node_open_observer();
    browse(observer, NULL, "micro0", &listener);
    AWAIT(observer->browses.is_current);
    say_unverified("127.0.0.1", 0, 1);
    AWAIT_STORY(&listener, "added micro0 coap/udp:5683");
    for (unsigned i = 1; i <= MUSTER_UNVERIFIED_MAX; i += CROWD) {
        say_unverified(address_of(i), i, CROWD);
    }
    AWAIT_STORY(&listener, "added micro0 coap/udp:5683, removed micro0 coap/udp:5683");
    assert_true(muster_counters(observer)->evicted > 0);
}

/* ---- what callbacks may do ---- */

static void end_both(struct browser *listener) {
    end(listener);
    end(listener->other);
}

TEST(a_browse_ends_inside_its_callback) {
    struct browser first = {.reaction = end_both};
    struct browser second = {0};
    struct browser witness = {0};
    first.other = &second;
    muster_t *a = open_offering("a", &ipp);
    browse(a, NULL, NULL, &first);
    browse(a, NULL, NULL, &second);
    browse(a, NULL, NULL, &witness);
    struct muster_document document = {
        .name = "b", .services = (const struct muster_service[]){http, ipp}, .service_count = 2};
    const struct muster_options options = node_options(&document);
    node_open_with(&options);
    AWAIT_STORY(&witness, "added b http/tcp:80, added b ipp/tcp:631");
    assert_string_equal(first.story, "added b http/tcp:80");
    assert_string_equal(second.story, "");
    end(&witness);
    assert_null(a->browses.first);
    assert_null(a->browses.known);
}

static muster_t *closing;

static void close_it(struct browser *listener) {
    (void)listener;
    node_close(closing);
}

TEST(a_node_closes_inside_a_callback) {
    struct browser first = {.reaction = close_it};
    struct browser second = {0};
    struct browser lookup = {0};
    closing = open_offering("a", &ipp);
    browse(closing, "http", NULL, &first);
    browse(closing, "http", NULL, &second);
    look_up(closing, "http", NULL, DEADLINE_MS, &lookup);
    open_offering("b", &http);
    AWAIT(nodes_closed() == 1);
    assert_string_equal(first.story, "added b http/tcp:80");
    assert_string_equal(second.story, "");
    assert_int_equal(lookup.found + lookup.in_vain, 0);
}

TEST(a_node_closes_inside_of_a_lookup) {
    struct browser lookup = {.reaction = close_it};
    closing = node_open_observer();
    look_up(closing, "gopher", NULL, 0, &lookup);
    AWAIT(nodes_closed() == 1);
    assert_int_equal(lookup.error, MUSTER_ENOTFOUND);
}

static void browse_too(struct browser *listener) {
    listener->reaction = NULL;
    browse(closing, "http", NULL, listener->other);
}

TEST(a_browse_begins_inside_a_callback) {
    struct browser second = {0};
    struct browser first = {.reaction = browse_too, .other = &second};
    closing = open_offering("a", &ipp);
    open_offering("b", &http);
    browse(closing, "http", NULL, &first);
    AWAIT_STORY(&second, "added b http/tcp:80");
    assert_string_equal(first.story, "added b http/tcp:80");
}

TEST(a_browse_that_ended_is_told_nothing) {
    struct browser ended = {0};
    struct browser witness = {0};
    muster_t *a = open_offering("a", &ipp);
    browse(a, NULL, NULL, &ended);
    end(&ended);
    muster_browse_end(NULL);
    assert_null(a->browses.first);
    browse(a, NULL, NULL, &witness);
    open_offering("b", &http);
    AWAIT_STORY(&witness, "added b http/tcp:80");
    assert_string_equal(ended.story, "");
}

/* ---- lookups ---- */

TEST(a_lookup_finds_what_is_known) {
    struct browser known = {0};
    muster_t *a = open_offering("a", &ipp);
    open_offering("b", &http);
    AWAIT(knows(a, "b"));
    look_up(a, "http", "b", 0, &known);
    AWAIT(known.found == 1);
    assert_string_equal(known.story, "b:80");
    assert_null(a->browses.first);
}

/* Who has a key is believed rather than who was there first. */
TEST(a_lookup_prefers_the_verified) {
    struct browser all = {0};
    struct browser lookup = {0};
    const struct muster_service coap = {.name = "", .type = "coap", .proto = "udp", .port = 1};
    muster_t *observer = node_open_observer();
    browse(observer, "coap", NULL, &all);
    AWAIT(observer->browses.is_current);
    say_unverified("127.0.0.1", 0, 1);
    AWAIT_STORY(&all, "added micro0 coap/udp:5683");
    open_offering("b", &coap);
    AWAIT_STORY(&all, "added micro0 coap/udp:5683, added b coap/udp:1");
    look_up(observer, "coap", NULL, 0, &lookup);
    AWAIT(lookup.found == 1);
    assert_string_equal(lookup.story, "b:1");
}

TEST(a_lookup_asks) {
    struct browser lookup = {0};
    muster_t *b = open_offering("b", &http);
    muster_t *c = open_offering("c", &http);
    AWAIT(knows(b, "c") && knows(c, "b"));
    muster_t *observer = node_open_observer();
    look_up(observer, "http", "c", 0, &lookup);
    AWAIT(lookup.found == 1);
    assert_string_equal(lookup.story, "c:80");
    AWAIT(observer->browses.first == NULL); /* its question has settled as well */
    assert_int_equal(lookup.found + lookup.in_vain, 1);
}

TEST(a_lookup_in_vain_ends) {
    struct browser settled = {0};
    struct browser late = {0};
    muster_t *a = open_offering("a", &http);
    look_up(a, "http", NULL, 0, &settled);
    look_up(a, "http", NULL, 50, &late);
    AWAIT(late.in_vain == 1);
    assert_int_equal(settled.in_vain, 0);
    AWAIT(settled.in_vain == 1);
    assert_int_equal(settled.error, MUSTER_ENOTFOUND);
    assert_int_equal(late.error, MUSTER_ENOTFOUND);
}

TEST(a_lookup_waits_for_who_comes_later) {
    struct browser lookup = {0};
    struct browser nobody = {0};
    muster_t *a = open_offering("a", &ipp);
    look_up(a, "http", "b", UINT64_MAX, &lookup);
    look_up(a, "http", "c", 0, &nobody);
    AWAIT(nobody.in_vain == 1);
    open_offering("b", &http);
    AWAIT(lookup.found == 1);
    assert_string_equal(lookup.story, "b:80");
}

TEST(too_many_questions_are_told) {
    static struct browser lookups[LOOKUPS];
    unsigned ended = 0;
    unsigned refused = 0;
    memset(lookups, 0, sizeof lookups);
    muster_t *observer = node_open_observer();
    for (size_t i = 0; i < LOOKUPS; i++) {
        look_up(observer, "http", NULL, 0, &lookups[i]);
    }
    AWAIT(observer->browses.first == NULL);
    for (size_t i = 0; i < LOOKUPS; i++) {
        ended += lookups[i].in_vain;
        refused += lookups[i].error == MUSTER_EFULL ? 1 : 0;
    }
    assert_int_equal(ended, LOOKUPS);
    assert_int_equal(refused, 1);
}

/* ---- refusals and failures ---- */

TEST(what_cannot_be_is_refused) {
    muster_browse_t *handle = (muster_browse_t *)&fixture;
    struct browser listener = {0};
    muster_t *a = node_open_observer();
    assert_int_equal(muster_browse(a, "HTTP", NULL, on_service, NULL, &handle), MUSTER_EINVAL);
    assert_null(handle);
    assert_int_equal(muster_browse(a, "", NULL, on_service, NULL, &handle), MUSTER_EINVAL);
    assert_int_equal(muster_browse(a, NULL, "", on_service, NULL, &handle), MUSTER_EINVAL);
    assert_int_equal(muster_browse(a, NULL, NULL, NULL, NULL, &handle), MUSTER_EINVAL);
    assert_int_equal(muster_browse(a, NULL, NULL, on_service, NULL, NULL), MUSTER_EINVAL);
    assert_int_equal(muster_lookup(a, "no such type", NULL, 0, on_found, NULL), MUSTER_EINVAL);
    assert_int_equal(muster_lookup(a, NULL, "\xff", 0, on_found, NULL), MUSTER_EINVAL);
    assert_int_equal(muster_lookup(a, NULL, NULL, 0, NULL, NULL), MUSTER_EINVAL);
    browse(a, NULL, NULL, &listener);
    node_close(a); /* with it */
    assert_int_equal(muster_browse(a, NULL, NULL, on_service, NULL, &handle), MUSTER_ECLOSING);
    assert_int_equal(muster_lookup(a, NULL, NULL, 0, on_found, NULL), MUSTER_ECLOSING);
}

/* Each allocation of a browse's life fails once; what was told is the same. */
TEST(every_allocation_may_fail) {
    muster_t *a = open_offering("a", &ipp);
    muster_t *b = open_offering("b", &http);
    AWAIT(knows(a, "b") && knows(b, "a"));
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        struct browser listener = {0};
        int error = MUSTER_ENOMEM;
        countdown_set(++n);
        while (error == MUSTER_ENOMEM) { /* once at most */
            error = muster_browse(a, NULL, "b", on_service, &listener, &listener.browse);
        }
        assert_int_equal(error, 0);
        AWAIT_STORY(&listener, "added b http/tcp:80");
        has_failed = countdown_has_failed();
        countdown_set(0);
        end(&listener);
    }
    print_message("%lu allocations of a begin\n", n - 1);
    assert_true(n > 5);
}

/* The first ones all, of the later ones, which are those of other datagrams, some: each round takes a second,
 * since a node announces so many changes in a second and no more. */
TEST(allocations_of_a_change_may_fail) {
    struct browser listener = {0};
    muster_t *a = open_offering("a", &ipp);
    muster_t *b = open_offering("b", &http);
    browse(a, "ipp", "b", &listener);
    AWAIT(knows(a, "b") && knows(b, "a"));
    bool has_failed = true;
    unsigned long n = 1;
    while (has_failed) {
        listener.story[0] = '\0';
        change(b, &(struct muster_change){.services = &ipp, .service_count = 1});
        countdown_set(n);
        AWAIT_STORY(&listener, "added b ipp/tcp:631");
        has_failed = countdown_has_failed();
        countdown_set(0);
        change(b, &(struct muster_change){.removed_services = &ipp, .removed_service_count = 1});
        AWAIT_STORY(&listener, "added b ipp/tcp:631, removed b ipp/tcp:631");
        n += 1 + n / 4;
    }
    assert_true(n > 5);
}

TEST(a_lookup_without_memory_says_so) {
    struct browser listener = {0};
    muster_t *observer = node_open_observer();
    countdown_set(1);
    assert_int_equal(muster_lookup(observer, "http", NULL, 0, on_found, &listener), MUSTER_ENOMEM);
    countdown_set(0);
    look_up(observer, "http", NULL, 0, &listener);
    countdown_set(1); /* its question */
    AWAIT(listener.in_vain == 1);
    assert_int_equal(listener.error, MUSTER_ENOMEM);
    countdown_set(0);
}

/* ---- one row, one text ---- */

TEST(one_peer_is_found_by_its_id) {
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_peer_list list;
    muster_t *a = open_offering("a", &ipp);
    muster_t *b = open_offering("b", &http);
    muster_id(b, id);
    AWAIT(knows(a, "b"));
    assert_int_equal(muster_peer_find(a, id, &list), 0);
    assert_int_equal(list.count, 1);
    assert_memory_equal(list.peers[0].id, id, sizeof id);
    assert_string_equal(list.peers[0].document.services[0].type, "http");
    muster_peer_list_free(&list);
    assert_int_equal(muster_peer_find(b, id, &list), MUSTER_ENOTFOUND); /* oneself is no peer */
    assert_int_equal(list.count, 0);
    countdown_set(1);
    assert_int_equal(muster_peer_find(a, id, &list), MUSTER_ENOMEM);
    assert_int_equal(list.count, 0);
}

TEST(a_text_is_made_safe) {
    char all[MUSTER_TEXT_SAFE_BYTES(4)];
    char few[6];
    assert_string_equal(muster_text_safe("\x1b[31m", all, sizeof all), "\\u{001B}[31m");
    assert_string_equal(muster_text_safe("\x01\x02\x03\x7f", all, sizeof all),
                        "\\u{0001}\\u{0002}\\u{0003}\\u{007F}");
    assert_string_equal(muster_text_safe("a name", few, sizeof few), "a \xE2\x80\xA6");
    assert_string_equal(muster_text_safe(NULL, few, sizeof few), "");
    assert_string_equal(muster_text_safe("a", NULL, 0), "");
    assert_string_equal(muster_service_event_name((enum muster_service_event)99), "unknown");
}

int main(void) {
    return test_run(nodes_begin, end_all);
}
