/* Documents too large for a datagram: announced by size and hash, fetched once by each listener, and believed
 * when they are what a key announced. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "node.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
}

static const struct muster_counters *counters(size_t index) {
    return muster_core_counters(world.nodes[index].core);
}

#define SERVICES 200

/* Gives a node a document of so many services, from this port on; the command's result. */
static int update(size_t index, const char *name, unsigned count, unsigned first_port) {
    struct muster_service *services = calloc(count + 1, sizeof *services);
    assert_non_null(services);
    for (unsigned i = 0; i < count; i++) {
        services[i] = (struct muster_service){
            .name = "", .type = "http", .proto = "tcp", .port = (uint16_t)(first_port + i)};
    }
    const struct muster_document document = {.name = name, .services = services, .service_count = count};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    int error = world_command(index, &command);
    free(services);
    return error;
}

/* Services of a row, the first one's port, and whether it waits for more. */
static size_t services(size_t index, const char *name, unsigned *first_port, bool *is_partial) {
    struct muster_peer_list list;
    size_t count = SIZE_MAX;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        const struct muster_peer *peer = &list.peers[i];
        if (strcmp(peer->document.name, name) == 0) {
            count = peer->document.service_count;
            *first_port = count == 0 ? 0 : peer->document.services[0].port;
            *is_partial = peer->partial;
        }
    }
    muster_peer_list_free(&list);
    return count;
}

static void assert_services(size_t index, const char *name, size_t wanted, unsigned wanted_port) {
    unsigned port;
    bool is_partial;
    assert_int_equal(services(index, name, &port, &is_partial), wanted);
    assert_int_equal(port, wanted_port);
    assert_false(is_partial);
}

static void assert_partial(size_t index, const char *name) {
    unsigned port;
    bool is_partial = false;
    assert_true(services(index, name, &port, &is_partial) != SIZE_MAX);
    assert_true(is_partial);
}

/* "a" and so many others, who know each other. */
static void gather(size_t others) {
    world_add("a");
    for (size_t i = 0; i < others; i++) {
        static const char *const names[] = {"b", "c", "d", "e", "f", "g"};
        world_add(names[i]);
    }
    world_run(4000);
    world_story();
}

static void forget_counts(void) {
    for (size_t i = 0; i < world.count; i++) {
        memset(world.nodes[i].counts, 0, sizeof world.nodes[i].counts);
        world.nodes[i].opened = 0;
    }
}

/* ---- what each listener does ---- */

TEST(each_listener_fetches_once) {
    gather(3);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(10000);
    for (size_t i = 1; i < 4; i++) {
        assert_services(i, "a", SERVICES, 1000);
        assert_int_equal(world.nodes[i].opened, 1);
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_CHANGED], 1);
        assert_int_equal(counters(i)->documents, 1);
        assert_int_equal(counters(i)->fetches_failed, 0);
    }
}

TEST(a_late_listener_fetches_it_too) {
    gather(1);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(5000);
    size_t late = world_add("late");
    const struct muster_command query = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(late, &query), 0);
    while (world.nodes[late].settled == 0) {
        world_run(1);
    }
    assert_services(late, "a", SERVICES, 1000); /* a look waits for it */
}

TEST(a_change_is_fetched_anew) {
    gather(1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(update(0, "a", SERVICES + i, 1000 + i), 0);
        world_run(3000);
        assert_services(1, "a", SERVICES + i, 1000 + i);
        assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], i + 1);
        assert_int_equal(world.nodes[1].opened, i + 1);
    }
}

TEST(changes_in_quick_succession_end_with_the_last) {
    gather(3);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(update(0, "a", SERVICES, 1000 + i), 0);
        world_run(3 * i);
    }
    world_run(1500);
    for (size_t i = 1; i < 4; i++) {
        assert_services(i, "a", SERVICES, 1019);
    }
}

TEST(the_same_body_is_not_fetched_again) {
    gather(1);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    assert_int_equal(update(0, "other", SERVICES, 1000), 0); /* the name is not in the body */
    world_run(3000);
    assert_services(1, "other", SERVICES, 1000);
    assert_int_equal(world.nodes[1].opened, 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 2);
}

TEST(a_restart_with_another_document_is_fetched) {
    gather(1);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    world_kill(0);
    static struct muster_service other[SERVICES];
    for (unsigned i = 0; i < SERVICES; i++) {
        other[i] = (struct muster_service){.type = "ipp", .proto = "udp", .port = (uint16_t)(i + 7)};
    }
    const struct muster_document document = {.name = "a", .services = other, .service_count = SERVICES};
    struct muster_core_options options;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(3000);
    assert_services(1, "a", SERVICES, 7);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_RESTARTED], 1);
}

TEST(a_peer_turns_large_and_small_and_back) {
    gather(1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(update(0, "a", SERVICES, 1000), 0);
        world_run(2000);
        assert_services(1, "a", SERVICES, 1000);
        assert_int_equal(update(0, "a", 2, 50), 0);
        world_run(2000);
        assert_services(1, "a", 2, 50);
    }
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 6);
    assert_int_equal(world.nodes[1].core->table.large_bytes, 0);
    assert_int_equal(world.nodes[1].core->table.large_count, 0);
    /* While it is being fetched, too. */
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(update(0, "a", SERVICES, 1000 + i), 0);
        world_run(100 + 2 * i);
        assert_int_equal(update(0, "a", 2, 50), 0);
        world_run(100 + i);
    }
    world_run(3000);
    assert_services(1, "a", 2, 50);
    assert_int_equal(world.nodes[1].core->table.large_bytes, 0);
}

/* ---- who can't be large ---- */

TEST(without_key_or_stream_a_document_stays_small) {
    size_t unsigned_one = world_add("u!");
    world.has_streams = false;
    size_t deaf = world_add("s");
    assert_int_equal(update(unsigned_one, "u!", SERVICES, 1), MUSTER_ETOOBIG);
    assert_int_equal(update(deaf, "s", SERVICES, 1), MUSTER_ETOOBIG);
}

TEST(a_refused_document_changes_nothing) {
    gather(1);
    const struct presence *own = &world.nodes[0].core->presence;
    size_t bytes_max = own->announce_bytes_max;
    uint64_t rev = own->rev;
    struct muster_service twins[SERVICES];
    for (size_t i = 0; i < SERVICES; i++) {
        twins[i] = (struct muster_service){.type = "http", .proto = "tcp", .port = 80};
    }
    const struct muster_document document = {
        .name = "a-longer-name", .services = twins, .service_count = SERVICES};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(0, &command), MUSTER_EINVAL);
    assert_int_equal(own->announce_bytes_max, bytes_max);
    assert_int_equal(own->rev, rev);
    assert_null(own->body);
}

/* Topics are in the body like all lists, and stay when the rest of the document changes. */
TEST(topics_make_a_document_large) {
    enum { TOPICS = 300 };
    static struct muster_topic topics[TOPICS];
    static char names[TOPICS][32];
    static const struct muster_text unit = {"temperature", "Cel"};
    for (unsigned i = 0; i < TOPICS; i++) {
        snprintf(names[i], sizeof names[i], "room-%u/climate", i);
        topics[i] = (struct muster_topic){.name = names[i], .units = &unit, .unit_count = 1};
    }
    gather(1);
    struct muster_core *core = world.nodes[0].core;
    assert_int_equal(presence_set_topics(core, topics, TOPICS), 0);
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        core->sent[shard] = MUSTER_INTEGER_MAX;
    }
    world_run(3000);
    assert_int_equal(update(0, "other", 1, 50), 0);
    world_run(3000);
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[1].core, &list), 0);
    const struct muster_document *document = &list.peers[0].document;
    assert_false(list.peers[0].partial);
    assert_string_equal(document->name, "other");
    assert_int_equal(document->service_count, 1);
    assert_int_equal(document->topic_count, TOPICS);
    assert_string_equal(document->topics[TOPICS - 1].name, "room-299/climate");
    assert_string_equal(document->topics[TOPICS - 1].units[0].value, "Cel");
    muster_peer_list_free(&list);
    assert_int_equal(world.nodes[1].opened, 2);
    assert_int_equal(counters(0)->outputs_dropped, 0);
    assert_int_equal(presence_set_topics(core, NULL, 0), 0);
    world_run(3000);
    assert_services(1, "other", 1, 50);
    assert_int_equal(world.nodes[1].opened, 2);
}

/* What nobody signed could make everybody connect to anybody. */
TEST(what_no_key_vouches_for_is_not_fetched) {
    gather(1);
    world_say(1,
              "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,"
              "\"seq\":1,\"rev\":1,\"next_ms\":60000,\"peers\":0,\"name\":\"u\",\"size\":5000,\"hash\":"
              "\"0000000000000000000000000000000000000000000000000000000000000000\",\"stream\":19798}\n",
              1, MUSTER_PATH_M4);
    world_run(5000);
    assert_partial(1, "u");
    assert_int_equal(world.nodes[1].opened, 0);
    /* So a change of it is told at once. */
    world_say(1,
              "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,"
              "\"seq\":2,\"rev\":2,\"next_ms\":60000,\"peers\":0,\"name\":\"v\",\"size\":5000,\"hash\":"
              "\"1000000000000000000000000000000000000000000000000000000000000000\",\"stream\":19798}\n",
              1, MUSTER_PATH_M4);
    world_run(10);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    world_run(5000);
    assert_int_equal(world.nodes[1].opened, 0);
}

TEST(who_opens_no_streams_hears_of_the_change_all_the_same) {
    world_add("a");
    world.has_streams = false;
    world_add("b");
    world_run(3000);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    assert_partial(1, "a");
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    assert_int_equal(muster_core_deadline(world.nodes[1].core) > world.now_ms, true);
}

/* ---- sources that fail ---- */

static unsigned asked;

/* What is said to who wants a document: more bytes than were announced, others, none. */
static void give_text(struct pipe *pipe, const char *body) {
    char head[256];
    char *id = strstr(pipe->text, "\"id\":\"");
    assert_non_null(id);
    snprintf(head, sizeof head, "{\"document\":{\"id\":\"%.32s\"},\"lines\":1}\n", id + 6);
    pipe_say(pipe, head);
    pipe_say(pipe, body);
    pipe_say(pipe, "{\"end\":\"done\",\"count\":1}\n");
}

static const char *lie;

static void give_lie(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        asked++;
        give_text(pipe, lie);
    }
}

static void have_nothing(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        asked++;
        pipe_say(pipe, "{\"end\":\"not_found\",\"count\":0,\"text\":\"there is no such thing here\"}\n");
    }
}

static void stay_silent(struct pipe *pipe, enum muster_stream_event event) {
    (void)pipe;
    asked += event == MUSTER_STREAM_BYTES ? 1 : 0;
}

TEST(lies_are_not_taken) {
    static char long_line[80000];
    memset(long_line, ' ', sizeof long_line - 2);
    long_line[sizeof long_line - 2] = '\n';
    const char *const lies[] = {"{}\n", "\xff\n", "\n", "{\"services\":[]}\n{}\n", long_line};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        gather(1);
        lie = lies[i];
        asked = 0;
        world.nodes[0].script = give_lie;
        assert_int_equal(update(0, "a", SERVICES, 1000), 0);
        world_run(1000);
        assert_partial(1, "a");
        assert_in_range(asked, MUSTER_FETCH_TRIES, MUSTER_FETCH_TRIES + 1);
        assert_int_equal(counters(1)->documents, 0);
        world.nodes[0].script = NULL; /* and then it is honest */
        world_run(MUSTER_FETCH_RETRY_MS + 1000);
        assert_services(1, "a", SERVICES, 1000);
        begin();
    }
}

/* The hash is right, but not the size that was announced: both are signed, so the peer itself lies. */
TEST(a_wrong_size_is_not_taken) {
    gather(1);
    world.nodes[1].paths = 0;
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(100);
    world.nodes[0].core->presence.own.size = 5;
    world.nodes[1].paths = 7;
    world_run(3000);
    assert_partial(1, "a");
    assert_true(world.nodes[1].opened > 0);
    assert_int_equal(counters(1)->documents, 0);
    assert_int_equal(world.nodes[1].core->table.large_bytes, 0);
}

/* Three tries, then one after 2 s, 4 s, 8 s and so on: nobody is asked without end. */
TEST(pauses_grow) {
    static const pipe_script scripts[] = {have_nothing, stay_silent};
    for (size_t i = 0; i < 2; i++) {
        gather(1);
        asked = 0;
        world.nodes[0].script = scripts[i];
        assert_int_equal(update(0, "a", SERVICES, 1000), 0);
        world_run(4000);
        unsigned first = asked;
        assert_in_range(first, 3, 4);
        world_run(60000);
        assert_in_range(asked - first, 3, 5);
        unsigned later = asked;
        world_run(3600000);
        assert_in_range(asked - later, 3600000 / MUSTER_FETCH_RETRY_MS_MAX - 1,
                        3600000 / MUSTER_FETCH_RETRY_MS_MAX + 5);
        begin();
    }
}

/* Its peer gives it nobody but "b"; then who has it gives it to the others. */
static bool is_cut_off;

static void give_to_nobody(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_ACCEPTED) {
        pipe_break(pipe);
    }
    is_cut_off = true;
}

TEST(who_has_it_gives_it_to_others) {
    gather(2);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(2000);
    world.nodes[0].script = give_to_nobody;
    size_t late = world_add("late");
    world_run(3000);
    assert_true(is_cut_off);
    assert_services(late, "a", SERVICES, 1000);
}

TEST(it_is_had_though_its_peer_dies) {
    gather(2);
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(2000);
    size_t late = world_add("late");
    while (world.nodes[late].counts[MUSTER_PEER_JOINED] < 3) {
        world_run(1);
    }
    world_kill(0);
    world_run(2000);
    assert_services(late, "a", SERVICES, 1000);
}

/* ---- memory ---- */

/* A table that is full of bodies takes no more of them, and some when there is room again. */
TEST(bodies_have_a_bound) {
    gather(2);
    struct peer_table *table = &world.nodes[1].core->table;
    table->large_bytes = MUSTER_DOCUMENTS_BYTES_MAX; /* as if others held so much */
    assert_int_equal(update(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    assert_partial(1, "a");
    assert_int_equal(world.nodes[1].opened, 0);
    assert_services(2, "a", SERVICES, 1000);
    world_run(600000);
    assert_int_equal(world.nodes[1].opened, 0);
    table->large_bytes = 0;
    world_run(MUSTER_FETCH_RETRY_MS_MAX + 1000);
    assert_services(1, "a", SERVICES, 1000);
}

/* More peers than streams may be open: one after the other. */
TEST(many_documents_share_few_streams) {
    for (unsigned i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        world_add(name);
    }
    world_run(4000);
    for (unsigned i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(update(i, name, SERVICES, 1000 + i), 0);
    }
    world_run(2000);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(counters(i)->documents, 11);
        assert_int_equal(world.nodes[i].opened, 11);
        assert_int_equal(counters(i)->streams_refused, 0);
    }
    forget_counts();
    world_run(10000);
    assert_int_equal(world.nodes[3].opened, 0);
}

int main(void) {
    return test_run(begin, world_end);
}
