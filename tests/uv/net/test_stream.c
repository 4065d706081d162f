/* SPDX-License-Identifier: MIT */
/* Streams on the loopback and by Unix sockets: what the other side does, and what the table tells of it. */
#include "stream_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "countdown.h"
#include "fixture.h"
#include "limit.h"
#include "tcp.h"
#include "unicast.h"

#define SEEN_MAX 80
#define LOOPBACK_INTERFACE 1
#define LARGE ((size_t)8 * 1024 * 1024) /* more than any socket takes unread */

/* ---- what the table told ---- */

struct seen {
    uint64_t number;
    char story[256]; /* "accepted bytes ended", with runs of bytes told once */
    struct muster_stream accepted;
    char bytes[256]; /* the first of them */
    size_t length;
};

static struct {
    char path[96];
    struct listener tcp;
    struct listener local;
    struct stream_table table;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    unsigned ended; /* the table */
    bool is_unwelcome;
    bool ends_on_bytes;
    uint64_t closes_on_bytes; /* this number, when bytes come */
} server;

static const char *const names[] = {"accepted", "opened", "bytes", "drained", "ended", "closed"};

static struct seen *seen_of(uint64_t number) {
    for (size_t i = 0; i < server.seen_count; i++) {
        if (server.seen[i].number == number) {
            return &server.seen[i];
        }
    }
    assert_true(server.seen_count < SEEN_MAX);
    struct seen *seen = &server.seen[server.seen_count++];
    seen->number = number;
    return seen;
}

static void add_to_story(struct seen *seen, const char *name) {
    size_t used = strlen(seen->story);
    size_t length = strlen(name);
    if (used >= length && strcmp(seen->story + used - length, name) == 0 && strcmp(name, "bytes") == 0) {
        return;
    }
    snprintf(seen->story + used, sizeof seen->story - used, "%s%s", used == 0 ? "" : " ", name);
}

static void on_event(const struct muster_stream *event, void *owner) {
    assert_ptr_equal(owner, &server);
    struct seen *seen = seen_of(event->number);
    assert_null(strstr(seen->story, "closed"));
    assert_int_equal(server.ended, 0);
    add_to_story(seen, names[event->event]);
    if (event->event == MUSTER_STREAM_ACCEPTED) {
        assert_string_equal(seen->story, "accepted"); /* its number is new */
        seen->accepted = *event;
    } else if (event->event == MUSTER_STREAM_BYTES) {
        assert_true(event->length > 0);
        size_t room = seen->length < sizeof seen->bytes - 1 ? sizeof seen->bytes - 1 - seen->length : 0;
        memcpy(seen->bytes + seen->length * (room > 0), event->bytes,
               event->length < room ? event->length : room);
        seen->length += event->length;
        if (server.ends_on_bytes) {
            stream_table_end(&server.table);
        } else if (server.closes_on_bytes == event->number) {
            stream_table_close(&server.table, event->number);
        }
    }
}

static uint32_t interface_of(const struct origin *arrival, void *owner) {
    assert_ptr_equal(owner, &server);
    assert_false(arrival->is_local);
    assert_int_equal(arrival->interface, LOOPBACK_INTERFACE);
    assert_int_equal(arrival->local.ip[0], 127);
    assert_int_equal(arrival->local.port, server.tcp.port);
    return server.is_unwelcome ? 0 : 7;
}

static void on_ended(void *owner) {
    assert_ptr_equal(owner, &server);
    server.ended++;
}

static bool tells(uint64_t number, const char *story) {
    return strcmp(seen_of(number)->story, story) == 0;
}

static void begin(void) {
    const struct stream_table_calls calls = {
        .on_event = on_event, .interface_of = interface_of, .on_ended = on_ended, .owner = &server};
    fixture_begin();
    fixture.mode = UV_RUN_NOWAIT; /* the other side is not on the loop */
    memset(&server, 0, sizeof server);
    snprintf(server.path, sizeof server.path, "%s/socket", fixture.directory);
    stream_table_start(&server.table, &fixture.loop, &calls, &fixture.log);
    assert_int_equal(listener_open_tcp(&server.tcp, 4, 0), 0);
    assert_int_equal(listener_open_local(&server.local, server.path, 0600, true), 0);
    assert_int_equal(stream_table_listen(&server.table, &server.tcp), 0);
    assert_int_equal(stream_table_listen(&server.table, &server.local), 0);
}

static void end(void) {
    stream_table_end(&server.table);
    stream_table_end(&server.table); /* again: harmless */
    listener_close(&server.tcp);
    listener_close(&server.local);
    AWAIT(server.ended == 1);
    fixture_end();
}

/* ---- the other side ---- */

static const struct muster_endpoint loopback = {.family = 4, .ip = {127, 0, 0, 1}};

static int connect_tcp(void) {
    struct muster_endpoint endpoint = loopback;
    endpoint.port = server.tcp.port;
    int fd = tcp_connect(&endpoint, 0, NULL);
    assert_true(fd >= 0);
    return fd;
}

static int connect_kind(bool is_local) {
    if (!is_local) {
        return connect_tcp();
    }
    int fd = unix_connect(server.path);
    assert_true(fd >= 0);
    return fd;
}

/* A new connection that the table took, as number. */
static int accepted(bool is_local, uint64_t number) {
    int fd = connect_kind(is_local);
    AWAIT(tells(number, "accepted"));
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void write_text(uint64_t number, const char *text) {
    stream_table_write(&server.table, number, (const uint8_t *)text, strlen(text));
}

/* Reads all there is until the other side ends; the sum of its bytes tells them apart. */
struct reading {
    int fd;
    size_t length;
    uint64_t sum;
    char first[64];
    bool is_ended;
    int error;
};

static void read_more(struct reading *reading) {
    uint8_t bytes[65536];
    ssize_t count = recv(reading->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0) {
        reading->is_ended = true;
    } else if (count < 0 && errno != EAGAIN) {
        reading->error = errno;
        reading->is_ended = true;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (reading->length < sizeof reading->first - 1) {
            reading->first[reading->length] = (char)bytes[i];
        }
        reading->length++;
        reading->sum = reading->sum * 31 + bytes[i];
    }
}

#define READ_UNTIL(reading, condition) AWAIT((read_more(reading), (condition)))

static uint8_t *large_make(uint64_t *sum) {
    uint8_t *large = malloc(LARGE);
    assert_non_null(large);
    *sum = 0;
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (uint8_t)(i * i >> 7);
        *sum = *sum * 31 + large[i];
    }
    return large;
}

#define BOTH_KINDS(is_local) for (unsigned is_local = 0; is_local < 2; is_local++)

/* ---- accepting ---- */

TEST(numbers_are_odd_and_new) {
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = accepted(i == 1, 2 * i + 1);
    }
    close(fds[1]);
    AWAIT(tells(3, "accepted ended"));
    stream_table_close(&server.table, 3);
    stream_table_close(&server.table, 3);  /* again: nothing happens */
    stream_table_close(&server.table, 99); /* there is none */
    write_text(99, "nobody hears this");
    fds[1] = accepted(true, 7);
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

TEST(who_connected_is_told) {
    int tcp = accepted(false, 1);
    int local = accepted(true, 3);
    const struct muster_stream *event = &seen_of(1)->accepted;
    struct muster_endpoint own = tcp_local(tcp);
    assert_false(event->is_local);
    assert_false(event->may_change);
    assert_int_equal(event->interface, 7);
    assert_int_equal(event->remote.family, 4);
    assert_int_equal(event->remote.port, own.port);
    assert_memory_equal(event->remote.ip, loopback.ip, 4);
    event = &seen_of(3)->accepted;
    assert_true(event->is_local);
    assert_true(event->may_change);
    assert_int_equal(event->interface, 0);
    assert_int_equal(event->remote.family, 0);
    close(tcp);
    close(local);
}

TEST(a_wrong_interface_is_turned_away) {
    server.is_unwelcome = true;
    struct reading reading = {.fd = connect_tcp()};
    READ_UNTIL(&reading, reading.is_ended && reading.error != ENOTCONN);
    assert_int_equal(server.seen_count, 0);
    close(reading.fd);
}

/* As the system does it without being asked: a TTL of 64. */
TEST(what_may_have_passed_a_router_gets_nothing) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server.tcp.port)};
    memcpy(&address.sin_addr, loopback.ip, 4);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, EINPROGRESS);
    int second = accepted(false, 1); /* came later, and was heard */
    struct tcp_info info;
    socklen_t length = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, TCP_SYN_SENT);
    assert_int_equal(server.seen_count, 1);
    close(fd);
    close(second);
}

/* ---- bytes ---- */

TEST(a_question_is_answered_after_a_half_close) {
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(is_local, number)};
        say(reading.fd, "who is there?");
        shutdown(reading.fd, SHUT_WR);
        AWAIT(tells(number, "accepted bytes ended"));
        assert_string_equal(seen_of(number)->bytes, "who is there?");
        write_text(number, "I ");
        write_text(number, "am");
        AWAIT(tells(number, "accepted bytes ended drained"));
        stream_table_close(&server.table, number);
        READ_UNTIL(&reading, reading.is_ended);
        assert_string_equal(reading.first, "I am");
        assert_int_equal(reading.error, 0);
        close(reading.fd);
    }
}

TEST(what_is_not_read_is_not_drained) {
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(is_local, number)};
        stream_table_write(&server.table, number, large, LARGE / 2);
        stream_table_write(&server.table, number, large + LARGE / 2, LARGE - LARGE / 2);
        READ_UNTIL(&reading, reading.length > 0);
        assert_true(tells(number, "accepted"));
        READ_UNTIL(&reading, reading.length == LARGE);
        assert_true(reading.sum == sum);
        AWAIT(tells(number, "accepted drained"));
        close(reading.fd);
        AWAIT(tells(number, "accepted drained ended"));
    }
    free(large);
}

TEST(an_empty_write_is_drained_too) {
    int fd = accepted(true, 1);
    stream_table_write(&server.table, 1, NULL, 0);
    assert_true(tells(1, "accepted"));
    AWAIT(tells(1, "accepted drained"));
    close(fd);
}

/* Nothing wakes it but the end of the connection itself: it was ended already. */
TEST(who_goes_after_a_half_close_is_noticed) {
    int fd = accepted(true, 1);
    shutdown(fd, SHUT_WR);
    AWAIT(tells(1, "accepted ended"));
    close(fd);
    AWAIT(tells(1, "accepted ended closed"));
}

TEST(urgent_data_does_not_keep_the_loop_busy) {
    int fd = accepted(false, 1);
    assert_int_equal(send(fd, "!", 1, MSG_OOB), 1);
    shutdown(fd, SHUT_WR);
    AWAIT(tells(1, "accepted ended"));
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_backend_timeout(&fixture.loop), -1);
    assert_true(fixture_run_for(50) < 5);
    close(fd);
}

/* A write to who is gone would end this process by SIGPIPE. */
TEST(who_is_gone_is_closed_without_a_signal) {
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        int fd = accepted(is_local, number);
        say(fd, "last words");
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        write_text(number, "too late");
        AWAIT(strstr(seen_of(number)->story, "closed") != NULL);
        if (is_local) {
            assert_string_equal(seen_of(number)->bytes, "last words");
        }
    }
}

TEST(a_write_without_memory_breaks_the_stream) {
    int fd = accepted(true, 1);
    countdown_set(1);
    write_text(1, "there is no room for this");
    assert_true(countdown_has_failed());
    write_text(1, "and this would be a gap");
    AWAIT(tells(1, "accepted closed"));
    struct reading reading = {.fd = fd};
    READ_UNTIL(&reading, reading.is_ended);
    assert_int_equal(reading.length, 0);
    close(fd);
}

/* ---- closing ---- */

TEST(a_close_waits_for_what_was_written) {
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(is_local, number)};
        stream_table_write(&server.table, number, large, LARGE);
        stream_table_close(&server.table, number);
        say(reading.fd, "nobody hears this any more");
        READ_UNTIL(&reading, reading.is_ended);
        assert_int_equal(reading.error, 0);
        assert_int_equal(reading.length, LARGE);
        assert_true(reading.sum == sum);
        assert_true(tells(number, "accepted"));
        close(reading.fd);
    }
    free(large);
}

/* Closed while that lies unread, the kernel would take the answer back. */
TEST(an_unread_question_does_not_harm_the_answer) {
    struct reading reading = {.fd = accepted(false, 1)};
    server.closes_on_bytes = 1;
    write_text(1, "that is too long for us");
    for (unsigned i = 0; i < 100; i++) {
        say(reading.fd, "a line of a question that has no end ");
    }
    AWAIT(tells(1, "accepted bytes") || tells(1, "accepted drained bytes"));
    say(reading.fd, "and more");
    READ_UNTIL(&reading, reading.is_ended);
    assert_int_equal(reading.error, 0);
    assert_string_equal(reading.first, "that is too long for us");
    close(reading.fd);
}

TEST(who_takes_nothing_is_not_waited_for) {
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    int fd = accepted(true, 1);
    stream_table_write(&server.table, 1, large, LARGE);
    free(large);
    uint64_t begin_ns = uv_hrtime();
    stream_table_close(&server.table, 1);
    AWAIT(server.table.lingering == 0);
    uint64_t waited_ms = (uv_hrtime() - begin_ns) / 1000000;
    assert_true(waited_ms >= STREAM_LINGER_MS - 1 && waited_ms < 3 * STREAM_LINGER_MS);
    close(fd);
}

TEST(a_close_without_a_word_is_at_once) {
    struct reading reading = {.fd = accepted(true, 1)};
    stream_table_close(&server.table, 1);
    assert_int_equal(recv(reading.fd, &(char){0}, 1, MSG_DONTWAIT), 0);
    AWAIT(server.table.lingering == 0);
    close(reading.fd);
}

/* They have been answered, and do not close. */
TEST(only_so_many_are_waited_for) {
    int fds[STREAM_TABLE_LINGERING + 8];
    const unsigned count = sizeof fds / sizeof fds[0];
    for (unsigned i = 0; i < count; i++) {
        fds[i] = accepted(true, 2 * i + 1);
        write_text(2 * i + 1, "too many");
        stream_table_close(&server.table, 2 * i + 1);
        AWAIT(server.table.lingering <= STREAM_TABLE_LINGERING);
    }
    assert_int_equal(server.table.lingering, STREAM_TABLE_LINGERING);
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]);
    }
    AWAIT(server.table.lingering == 0);
}

TEST(a_stream_may_be_closed_by_what_it_says) {
    struct reading reading = {.fd = accepted(true, 1)};
    server.closes_on_bytes = 1;
    say(reading.fd, "nonsense");
    READ_UNTIL(&reading, reading.is_ended);
    assert_true(tells(1, "accepted bytes"));
    close(reading.fd);
}

TEST(the_table_may_end_by_what_is_said) {
    int other = accepted(false, 1);
    int fd = accepted(true, 3);
    server.ends_on_bytes = true;
    say(fd, "good night");
    AWAIT(server.ended == 1);
    assert_true(tells(3, "accepted bytes"));
    assert_true(tells(1, "accepted"));
    close(fd);
    close(other);
}

/* ---- opening ---- */

TEST(a_stream_is_opened_and_used) {
    assert_int_equal(stream_table_open(&server.table, 2, connect_tcp()), 0);
    AWAIT(tells(2, "opened") && tells(1, "accepted"));
    write_text(2, "ping");
    AWAIT(tells(1, "accepted bytes") && tells(2, "opened drained"));
    write_text(1, "pong");
    stream_table_close(&server.table, 1);
    AWAIT(tells(2, "opened drained bytes ended"));
    assert_string_equal(seen_of(1)->bytes, "ping");
    assert_string_equal(seen_of(2)->bytes, "pong");
    stream_table_close(&server.table, 2);
    AWAIT(server.table.lingering == 0);
}

TEST(a_refused_connection_is_closed) {
    struct listener closed;
    assert_int_equal(listener_open_tcp(&closed, 4, 0), 0);
    struct muster_endpoint endpoint = loopback;
    endpoint.port = closed.port;
    listener_close(&closed);
    int fd = tcp_connect(&endpoint, 0, "lo");
    assert_true(fd >= 0);
    assert_int_equal(stream_table_open(&server.table, 2, fd), 0);
    assert_int_equal(server.seen_count, 0);
    AWAIT(tells(2, "closed"));
}

TEST(a_connection_is_given_up_before_it_is_made) {
    assert_int_equal(stream_table_open(&server.table, 2, connect_tcp()), 0);
    stream_table_close(&server.table, 2);
    AWAIT(server.table.lingering == 0);
    assert_string_equal(seen_of(2)->story, "");
}

TEST(an_absent_interface_is_refused) {
    struct muster_endpoint endpoint = loopback;
    endpoint.port = 1;
    assert_int_equal(tcp_connect(&endpoint, 0, "nowhere0"), -ENODEV);
}

/* ---- without descriptors ---- */

static unsigned descriptors_take(int *fds, unsigned max) {
    unsigned count = 0;
    while (count < max && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        count++;
    }
    assert_true(count < max);
    return count;
}

TEST(without_descriptors_connections_wait) {
    struct rlimit before;
    int fds[128];
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    int first = connect_kind(true);
    int second = connect_kind(false);
    unsigned taken = descriptors_take(fds, 128);

    unsigned rounds = fixture_run_for(5 * STREAM_TABLE_PAUSE_MS);
    assert_int_equal(server.seen_count, 0);
    assert_true(rounds < 20); /* some for each pause: it sleeps between */
    assert_int_equal(fixture.warnings, 1);
    assert_non_null(strstr(fixture.last_warning, "connections have to wait: Too many open files"));

    for (unsigned i = 0; i < taken; i++) {
        close(fds[i]);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    AWAIT(tells(1, "accepted") && tells(3, "accepted"));
    close(first);
    close(second);
}

static unsigned descriptors_count(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

TEST(a_descriptor_never_leaks) {
    uv_run(&fixture.loop, UV_RUN_NOWAIT); /* the loop makes its own first */
    unsigned before = descriptors_count();
    for (unsigned i = 0; i < 4; i++) {
        struct reading reading = {.fd = connect_kind(i % 2 == 0)};
        countdown_set(1); /* in vain: it is closed at once */
        READ_UNTIL(&reading, reading.is_ended && reading.error != ENOTCONN);
        assert_true(countdown_has_failed());
        close(reading.fd);
    }
    assert_int_equal(server.seen_count, 0);
    assert_int_equal(descriptors_count(), before);
}

/* ---- ports ---- */

TEST(datagrams_and_streams_have_one_port) {
    static struct unicast own[3];
    const unsigned both = (1u << SOCKET_FAMILIES) - 1;
    struct listener taken;
    uint16_t port = port_own();
    assert_int_equal(listener_open_tcp(&taken, 6, (uint16_t)(port + 2)), 0); /* one family is enough */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(unicast_open(&own[i], both, true, port, &fixture.log), 0);
        for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
            assert_int_equal(own[i].sockets[place].socket.port, own[i].port);
            assert_int_equal(own[i].listeners[place].port, own[i].port);
        }
    }
    assert_int_equal(own[0].port, port + 1);
    assert_int_equal(own[1].port, port + 3);
    assert_int_equal(unicast_open(&own[2], both, false, port, &fixture.log), 0);
    assert_int_equal(own[2].port, port + MUSTER_UNICAST_PORTS); /* who is not asked leaves the first ones */
    for (unsigned i = 0; i < 3; i++) {
        unicast_close(&own[i]);
    }
    listener_close(&taken);
}

/* ---- files ---- */

static bool is_there(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static mode_t mode_of(const char *path) {
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    return status.st_mode & 07777;
}

/* What is left by somebody who was killed. */
static void leave_stale(const char *path) {
    struct listener listener;
    assert_int_equal(listener_open_local(&listener, path, 0600, true), 0);
    close(listener.fd);
    unix_address_close(&listener.address);
}

TEST(a_socket_file_has_its_mode_and_goes) {
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/all", fixture.directory);
    mode_t mask = umask(0077);
    assert_int_equal(listener_open_local(&listener, path, 0666, false), 0);
    umask(mask);
    assert_int_equal(mode_of(path), 0666);
    assert_int_equal(mode_of(server.path), 0600);
    listener_close(&listener);
    assert_false(is_there(path));
}

TEST(a_stale_socket_is_replaced) {
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/stale", fixture.directory);
    for (unsigned is_alone = 0; is_alone < 2; is_alone++) {
        leave_stale(path);
        assert_int_equal(unix_connect(path), -ECONNREFUSED);
        assert_int_equal(listener_open_local(&listener, path, 0600, is_alone), 0);
        int fd = unix_connect(path);
        assert_true(fd >= 0);
        close(fd);
        listener_close(&listener);
        assert_int_equal(unix_connect(path), -ENOENT);
    }
}

TEST(a_socket_in_use_is_left_alone) {
    struct listener second;
    assert_int_equal(listener_open_local(&second, server.path, 0666, false), -EADDRINUSE);
    assert_false(second.open);
    assert_int_equal(mode_of(server.path), 0600);
    close(accepted(true, 3)); /* the first was the question */
}

TEST(another_ones_socket_is_not_removed) {
    struct listener second;
    assert_int_equal(listener_open_local(&second, server.path, 0600, true), 0);
    stream_table_end(&server.table);
    listener_close(&server.local);
    assert_true(is_there(server.path));
    listener_close(&second);
    assert_false(is_there(server.path));
}

TEST(what_is_no_socket_is_kept) {
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/file", fixture.directory);
    close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -EEXIST);
    assert_int_equal(listener_open_local(&listener, path, 0600, false), -EEXIST);
    assert_true(is_there(path));
    snprintf(path, sizeof path, "%s/link", fixture.directory);
    assert_int_equal(symlink(server.path, path), 0);
    assert_int_equal(listener_open_local(&listener, path, 0600, false), -EEXIST);
    assert_int_equal(listener_open_local(&listener, fixture.directory, 0600, true), -EEXIST);
    snprintf(path, sizeof path, "%s/no/socket", fixture.directory);
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -ENOENT);
    snprintf(path, sizeof path, "%s/", fixture.directory);
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -EISDIR);
}

/* Longer than a socket address can say. */
TEST(a_path_may_be_long) {
    char path[1024];
    size_t used = (size_t)snprintf(path, sizeof path, "%s", fixture.directory);
    while (used < 300) {
        used += (size_t)snprintf(path + used, sizeof path - used, "/a-directory-with-a-long-name");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path + used, sizeof path - used, "/socket");
    leave_stale(path);
    struct listener listener;
    assert_int_equal(listener_open_local(&listener, path, 0600, false), 0);
    struct origin arrival;
    int fd = unix_connect(path);
    int taken = listener_accept(&listener, &arrival);
    assert_true(fd >= 0 && taken >= 0);
    close(fd);
    close(taken);
    listener_close(&listener);
    assert_false(is_there(path));
    memset(path + used + 1, 'x', 200);
    path[used + 201] = '\0';
    assert_int_equal(listener_open_local(&listener, path, 0600, false), -ENAMETOOLONG);
}

TEST(a_relative_path_outlives_a_change_of_directory) {
    struct listener listener;
    char path[128];
    int home = open(".", O_PATH | O_DIRECTORY);
    assert_int_equal(chdir(fixture.directory), 0);
    assert_int_equal(listener_open_local(&listener, "here", 0600, false), 0);
    assert_int_equal(fchdir(home), 0);
    close(home);
    snprintf(path, sizeof path, "%s/here", fixture.directory);
    assert_true(is_there(path));
    listener_close(&listener);
    assert_false(is_there(path));
}

/* Runs a child as another user that connects; returns what came of it. */
static int connect_as_another(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        int result = setuid(65534) != 0 ? -EPERM : unix_connect(path);
        _exit(result < 0 ? -result : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return -WEXITSTATUS(status);
}

TEST(others_may_look_and_change_nothing) {
    char path[128];
    struct listener listener;
    struct origin arrival;
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    assert_int_equal(chmod(fixture.directory, 0711), 0);
    assert_int_equal(connect_as_another(server.path), -EACCES);
    snprintf(path, sizeof path, "%s/all", fixture.directory);
    assert_int_equal(listener_open_local(&listener, path, 0666, false), 0);
    assert_int_equal(connect_as_another(path), 0);
    int fd = listener_accept(&listener, &arrival);
    assert_true(fd >= 0);
    assert_true(arrival.is_local);
    assert_false(arrival.may_change);
    close(fd);
    listener_close(&listener);
}

/* Users that a user namespace does not know show as nobody: nobody may only change what is for nobody alone.
 */
TEST(nobody_may_be_anybody) {
    struct listener listener;
    struct origin arrival;
    char path[128];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    for (mode_t mode = 0600; mode <= 0666; mode += 066) {
        snprintf(path, sizeof path, "%s/%o", fixture.directory, (unsigned)mode);
        assert_int_equal(chown(fixture.directory, 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
        int error = listener_open_local(&listener, path, mode, false);
        int fd = error == 0 ? unix_connect(path) : -1;
        int taken = fd >= 0 ? listener_accept(&listener, &arrival) : -1;
        assert_int_equal(seteuid(0), 0);
        assert_true(taken >= 0);
        assert_int_equal(arrival.may_change, mode == 0600);
        close(taken);
        close(fd);
        listener_close(&listener);
    }
}

int main(void) {
    return test_run(begin, end);
}
