/* Streams on the loopback and by Unix sockets: what the other side does, and what the table tells of it. */
#include "stream_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

#include "cmocka_all.h"
#include "countdown.h"
#include "limit.h"
#include "tcp.h"
#include "unicast.h"

#define DEADLINE_MS 10000
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

struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool is_late;
    char directory[32];
    char path[64];
    struct listener tcp;
    struct listener local;
    struct stream_table table;
    struct log log;
    unsigned warnings;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    unsigned ended; /* the table */
    bool is_unwelcome;
    bool ends_on_bytes;
    uint64_t closes_on_bytes; /* this number, when bytes come */
};

static const char *const names[] = {"accepted", "opened", "bytes", "drained", "ended", "closed"};

static struct seen *seen_of(struct fixture *fixture, uint64_t number) {
    for (size_t i = 0; i < fixture->seen_count; i++) {
        if (fixture->seen[i].number == number) {
            return &fixture->seen[i];
        }
    }
    assert_true(fixture->seen_count < SEEN_MAX);
    struct seen *seen = &fixture->seen[fixture->seen_count++];
    seen->number = number;
    return seen;
}

static void story_add(struct seen *seen, const char *name) {
    size_t used = strlen(seen->story);
    size_t length = strlen(name);
    if (used >= length && strcmp(seen->story + used - length, name) == 0 && strcmp(name, "bytes") == 0) {
        return;
    }
    snprintf(seen->story + used, sizeof seen->story - used, "%s%s", used == 0 ? "" : " ", name);
}

static void on_event(const struct muster_stream *event, void *owner) {
    struct fixture *fixture = owner;
    struct seen *seen = seen_of(fixture, event->number);
    assert_null(strstr(seen->story, "closed"));
    assert_int_equal(fixture->ended, 0);
    story_add(seen, names[event->event]);
    if (event->event == MUSTER_STREAM_ACCEPTED) {
        assert_string_equal(seen->story, "accepted"); /* its number is new */
        seen->accepted = *event;
    } else if (event->event == MUSTER_STREAM_BYTES) {
        assert_true(event->length > 0);
        size_t room = seen->length < sizeof seen->bytes - 1 ? sizeof seen->bytes - 1 - seen->length : 0;
        memcpy(seen->bytes + seen->length * (room > 0), event->bytes,
               event->length < room ? event->length : room);
        seen->length += event->length;
        if (fixture->ends_on_bytes) {
            stream_table_end(&fixture->table);
        } else if (fixture->closes_on_bytes == event->number) {
            stream_table_close(&fixture->table, event->number);
        }
    }
}

static uint32_t interface_of(const struct origin *arrival, void *owner) {
    const struct fixture *fixture = owner;
    assert_false(arrival->is_local);
    assert_int_equal(arrival->interface, LOOPBACK_INTERFACE);
    assert_int_equal(arrival->local.ip[0], 127);
    assert_int_equal(arrival->local.port, fixture->tcp.port);
    return fixture->is_unwelcome ? 0 : 7;
}

static void on_ended(void *owner) {
    struct fixture *fixture = owner;
    fixture->ended++;
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    struct fixture *fixture = context;
    assert_non_null(strstr(line, "connections have to wait: Too many open files"));
    fixture->warnings += level == MUSTER_LOG_WARNING ? 1 : 0;
}

/* ---- time ---- */

static void on_late(uv_timer_t *guard) {
    struct fixture *fixture = guard->data;
    fixture->is_late = true;
}

/* Runs the loop until the condition holds; fails at the deadline. */
#define AWAIT(fixture, condition)                                   \
    do {                                                            \
        (fixture)->is_late = false;                                 \
        uv_timer_start(&(fixture)->guard, on_late, DEADLINE_MS, 0); \
        while (!(condition) && !(fixture)->is_late) {               \
            uv_run(&(fixture)->loop, UV_RUN_NOWAIT);                \
        }                                                           \
        uv_timer_stop(&(fixture)->guard);                           \
        if (!(condition)) {                                         \
            fail_msg("in vain: %s", #condition);                    \
        }                                                           \
    } while (0)

static bool tells(struct fixture *fixture, uint64_t number, const char *story) {
    return strcmp(seen_of(fixture, number)->story, story) == 0;
}

static int setup(void **context) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *context = fixture;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/muster-stream-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL) {
        return -1;
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/socket", fixture->directory);
    uv_loop_init(&fixture->loop);
    uv_timer_init(&fixture->loop, &fixture->guard);
    fixture->guard.data = fixture;
    uv_unref((uv_handle_t *)&fixture->guard);
    fixture->log = (struct log){.write = on_log, .context = fixture};
    struct stream_table_calls calls = {
        .on_event = on_event, .interface_of = interface_of, .on_ended = on_ended, .owner = fixture};
    stream_table_start(&fixture->table, &fixture->loop, &calls, &fixture->log);
    return listener_open_tcp(&fixture->tcp, 0) != 0 ||
           listener_open_local(&fixture->local, fixture->path, 0600, true) != 0 ||
           stream_table_listen(&fixture->table, &fixture->tcp) != 0 ||
           stream_table_listen(&fixture->table, &fixture->local) != 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Afterwards nothing may be left on the loop. */
static int teardown(void **context) {
    struct fixture *fixture = *context;
    stream_table_end(&fixture->table);
    stream_table_end(&fixture->table); /* again: harmless */
    listener_close(&fixture->tcp);
    listener_close(&fixture->local);
    AWAIT(fixture, fixture->ended == 1);
    uv_close((uv_handle_t *)&fixture->guard, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&fixture->loop);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}

/* ---- the other side ---- */

static const struct muster_endpoint loopback = {.family = 4, .ip = {127, 0, 0, 1}};

static int connect_tcp(const struct fixture *fixture) {
    struct muster_endpoint endpoint = loopback;
    endpoint.port = fixture->tcp.port;
    int fd = tcp_connect(&endpoint, NULL);
    assert_true(fd >= 0);
    return fd;
}

static int connect_kind(const struct fixture *fixture, bool is_local) {
    if (!is_local) {
        return connect_tcp(fixture);
    }
    int fd = unix_connect(fixture->path);
    assert_true(fd >= 0);
    return fd;
}

/* A new connection that the table took, as number. */
static int accepted(struct fixture *fixture, bool is_local, uint64_t number) {
    int fd = connect_kind(fixture, is_local);
    AWAIT(fixture, tells(fixture, number, "accepted"));
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void write_text(struct fixture *fixture, uint64_t number, const char *text) {
    stream_table_write(&fixture->table, number, (const uint8_t *)text, strlen(text));
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

#define READ_UNTIL(fixture, reading, condition) AWAIT(fixture, (read_more(reading), (condition)))

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

static void numbers_are_odd_and_new(void **context) {
    struct fixture *fixture = *context;
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = accepted(fixture, i == 1, 2 * i + 1);
    }
    close(fds[1]);
    AWAIT(fixture, tells(fixture, 3, "accepted ended"));
    stream_table_close(&fixture->table, 3);
    stream_table_close(&fixture->table, 3);  /* again: nothing happens */
    stream_table_close(&fixture->table, 99); /* there is none */
    write_text(fixture, 99, "nobody hears this");
    fds[1] = accepted(fixture, true, 7);
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void who_connected_is_told(void **context) {
    struct fixture *fixture = *context;
    int tcp = accepted(fixture, false, 1);
    int local = accepted(fixture, true, 3);
    const struct muster_stream *event = &seen_of(fixture, 1)->accepted;
    struct muster_endpoint own = tcp_local(tcp);
    assert_false(event->is_local);
    assert_false(event->may_change);
    assert_int_equal(event->interface, 7);
    assert_int_equal(event->remote.family, 4);
    assert_int_equal(event->remote.port, own.port);
    assert_memory_equal(event->remote.ip, loopback.ip, 4);
    event = &seen_of(fixture, 3)->accepted;
    assert_true(event->is_local);
    assert_true(event->may_change);
    assert_int_equal(event->interface, 0);
    assert_int_equal(event->remote.family, 0);
    close(tcp);
    close(local);
}

static void a_wrong_interface_is_turned_away(void **context) {
    struct fixture *fixture = *context;
    fixture->is_unwelcome = true;
    struct reading reading = {.fd = connect_tcp(fixture)};
    READ_UNTIL(fixture, &reading, reading.is_ended && reading.error != ENOTCONN);
    assert_int_equal(fixture->seen_count, 0);
    close(reading.fd);
}

/* As the system does it without being asked: a TTL of 64. */
static void what_may_have_passed_a_router_gets_nothing(void **context) {
    struct fixture *fixture = *context;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture->tcp.port)};
    memcpy(&address.sin_addr, loopback.ip, 4);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, EINPROGRESS);
    int second = accepted(fixture, false, 1); /* came later, and was heard */
    struct tcp_info info;
    socklen_t length = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, TCP_SYN_SENT);
    assert_int_equal(fixture->seen_count, 1);
    close(fd);
    close(second);
}

/* ---- bytes ---- */

static void a_question_is_answered_after_a_half_close(void **context) {
    struct fixture *fixture = *context;
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(fixture, is_local, number)};
        say(reading.fd, "who is there?");
        shutdown(reading.fd, SHUT_WR);
        AWAIT(fixture, tells(fixture, number, "accepted bytes ended"));
        assert_string_equal(seen_of(fixture, number)->bytes, "who is there?");
        write_text(fixture, number, "I ");
        write_text(fixture, number, "am");
        AWAIT(fixture, tells(fixture, number, "accepted bytes ended drained"));
        stream_table_close(&fixture->table, number);
        READ_UNTIL(fixture, &reading, reading.is_ended);
        assert_string_equal(reading.first, "I am");
        assert_int_equal(reading.error, 0);
        close(reading.fd);
    }
}

static void what_is_not_read_is_not_drained(void **context) {
    struct fixture *fixture = *context;
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(fixture, is_local, number)};
        stream_table_write(&fixture->table, number, large, LARGE / 2);
        stream_table_write(&fixture->table, number, large + LARGE / 2, LARGE - LARGE / 2);
        READ_UNTIL(fixture, &reading, reading.length > 0);
        assert_true(tells(fixture, number, "accepted"));
        READ_UNTIL(fixture, &reading, reading.length == LARGE);
        assert_true(reading.sum == sum);
        AWAIT(fixture, tells(fixture, number, "accepted drained"));
        close(reading.fd);
        AWAIT(fixture, tells(fixture, number, "accepted drained ended"));
    }
    free(large);
}

static void an_empty_write_is_drained_too(void **context) {
    struct fixture *fixture = *context;
    int fd = accepted(fixture, true, 1);
    stream_table_write(&fixture->table, 1, NULL, 0);
    assert_true(tells(fixture, 1, "accepted"));
    AWAIT(fixture, tells(fixture, 1, "accepted drained"));
    close(fd);
}

/* Nothing wakes it but the end of the connection itself: it was ended already. */
static void who_goes_after_a_half_close_is_noticed(void **context) {
    struct fixture *fixture = *context;
    int fd = accepted(fixture, true, 1);
    shutdown(fd, SHUT_WR);
    AWAIT(fixture, tells(fixture, 1, "accepted ended"));
    close(fd);
    AWAIT(fixture, tells(fixture, 1, "accepted ended closed"));
}

static void urgent_data_does_not_keep_the_loop_busy(void **context) {
    struct fixture *fixture = *context;
    int fd = accepted(fixture, false, 1);
    assert_int_equal(send(fd, "!", 1, MSG_OOB), 1);
    shutdown(fd, SHUT_WR);
    AWAIT(fixture, tells(fixture, 1, "accepted ended"));
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_backend_timeout(&fixture->loop), -1);
    fixture->is_late = false;
    uv_timer_start(&fixture->guard, on_late, 50, 0);
    unsigned rounds = 0;
    for (; !fixture->is_late; rounds++) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    assert_true(rounds < 5);
    close(fd);
}

/* A write to who is gone would end this process by SIGPIPE. */
static void who_is_gone_is_closed_without_a_signal(void **context) {
    struct fixture *fixture = *context;
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        int fd = accepted(fixture, is_local, number);
        say(fd, "last words");
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        write_text(fixture, number, "too late");
        AWAIT(fixture, strstr(seen_of(fixture, number)->story, "closed") != NULL);
        if (is_local) {
            assert_string_equal(seen_of(fixture, number)->bytes, "last words");
        }
    }
}

static void a_write_without_memory_breaks_the_stream(void **context) {
    struct fixture *fixture = *context;
    int fd = accepted(fixture, true, 1);
    countdown_set(1);
    write_text(fixture, 1, "there is no room for this");
    assert_true(countdown_has_failed());
    write_text(fixture, 1, "and this would be a gap");
    AWAIT(fixture, tells(fixture, 1, "accepted closed"));
    struct reading reading = {.fd = fd};
    READ_UNTIL(fixture, &reading, reading.is_ended);
    assert_int_equal(reading.length, 0);
    close(fd);
}

/* ---- closing ---- */

static void a_close_waits_for_what_was_written(void **context) {
    struct fixture *fixture = *context;
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    BOTH_KINDS(is_local) {
        uint64_t number = 1 + 2 * is_local;
        struct reading reading = {.fd = accepted(fixture, is_local, number)};
        stream_table_write(&fixture->table, number, large, LARGE);
        stream_table_close(&fixture->table, number);
        say(reading.fd, "nobody hears this any more");
        READ_UNTIL(fixture, &reading, reading.is_ended);
        assert_int_equal(reading.error, 0);
        assert_int_equal(reading.length, LARGE);
        assert_true(reading.sum == sum);
        assert_true(tells(fixture, number, "accepted"));
        close(reading.fd);
    }
    free(large);
}

/* Closed while that lies unread, the kernel would take the answer back. */
static void an_unread_question_does_not_harm_the_answer(void **context) {
    struct fixture *fixture = *context;
    struct reading reading = {.fd = accepted(fixture, false, 1)};
    fixture->closes_on_bytes = 1;
    write_text(fixture, 1, "that is too long for us");
    for (unsigned i = 0; i < 100; i++) {
        say(reading.fd, "a line of a question that has no end ");
    }
    AWAIT(fixture, tells(fixture, 1, "accepted bytes") || tells(fixture, 1, "accepted drained bytes"));
    say(reading.fd, "and more");
    READ_UNTIL(fixture, &reading, reading.is_ended);
    assert_int_equal(reading.error, 0);
    assert_string_equal(reading.first, "that is too long for us");
    close(reading.fd);
}

static void who_takes_nothing_is_not_waited_for(void **context) {
    struct fixture *fixture = *context;
    uint64_t sum;
    uint8_t *large = large_make(&sum);
    int fd = accepted(fixture, true, 1);
    stream_table_write(&fixture->table, 1, large, LARGE);
    free(large);
    uint64_t begin_ns = uv_hrtime();
    stream_table_close(&fixture->table, 1);
    AWAIT(fixture, fixture->table.lingering == 0);
    uint64_t waited_ms = (uv_hrtime() - begin_ns) / 1000000;
    assert_true(waited_ms >= STREAM_LINGER_MS - 1 && waited_ms < 3 * STREAM_LINGER_MS);
    close(fd);
}

static void a_close_without_a_word_is_at_once(void **context) {
    struct fixture *fixture = *context;
    struct reading reading = {.fd = accepted(fixture, true, 1)};
    stream_table_close(&fixture->table, 1);
    assert_int_equal(recv(reading.fd, &(char){0}, 1, MSG_DONTWAIT), 0);
    AWAIT(fixture, fixture->table.lingering == 0);
    close(reading.fd);
}

/* They have been answered, and do not close. */
static void only_so_many_are_waited_for(void **context) {
    struct fixture *fixture = *context;
    int fds[STREAM_TABLE_LINGERING + 8];
    const unsigned count = sizeof fds / sizeof fds[0];
    for (unsigned i = 0; i < count; i++) {
        fds[i] = accepted(fixture, true, 2 * i + 1);
        write_text(fixture, 2 * i + 1, "too many");
        stream_table_close(&fixture->table, 2 * i + 1);
        AWAIT(fixture, fixture->table.lingering <= STREAM_TABLE_LINGERING);
    }
    assert_int_equal(fixture->table.lingering, STREAM_TABLE_LINGERING);
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]);
    }
    AWAIT(fixture, fixture->table.lingering == 0);
}

static void a_stream_may_be_closed_by_what_it_says(void **context) {
    struct fixture *fixture = *context;
    struct reading reading = {.fd = accepted(fixture, true, 1)};
    fixture->closes_on_bytes = 1;
    say(reading.fd, "nonsense");
    READ_UNTIL(fixture, &reading, reading.is_ended);
    assert_true(tells(fixture, 1, "accepted bytes"));
    close(reading.fd);
}

static void the_table_may_end_by_what_is_said(void **context) {
    struct fixture *fixture = *context;
    int other = accepted(fixture, false, 1);
    int fd = accepted(fixture, true, 3);
    fixture->ends_on_bytes = true;
    say(fd, "good night");
    AWAIT(fixture, fixture->ended == 1);
    assert_true(tells(fixture, 3, "accepted bytes"));
    assert_true(tells(fixture, 1, "accepted"));
    close(fd);
    close(other);
}

/* ---- opening ---- */

static void a_stream_is_opened_and_used(void **context) {
    struct fixture *fixture = *context;
    assert_int_equal(stream_table_open(&fixture->table, 2, connect_tcp(fixture)), 0);
    AWAIT(fixture, tells(fixture, 2, "opened") && tells(fixture, 1, "accepted"));
    write_text(fixture, 2, "ping");
    AWAIT(fixture, tells(fixture, 1, "accepted bytes") && tells(fixture, 2, "opened drained"));
    write_text(fixture, 1, "pong");
    stream_table_close(&fixture->table, 1);
    AWAIT(fixture, tells(fixture, 2, "opened drained bytes ended"));
    assert_string_equal(seen_of(fixture, 1)->bytes, "ping");
    assert_string_equal(seen_of(fixture, 2)->bytes, "pong");
    stream_table_close(&fixture->table, 2);
    AWAIT(fixture, fixture->table.lingering == 0);
}

static void a_refused_connection_is_closed(void **context) {
    struct fixture *fixture = *context;
    struct listener closed;
    assert_int_equal(listener_open_tcp(&closed, 0), 0);
    struct muster_endpoint endpoint = loopback;
    endpoint.port = closed.port;
    listener_close(&closed);
    int fd = tcp_connect(&endpoint, "lo");
    assert_true(fd >= 0);
    assert_int_equal(stream_table_open(&fixture->table, 2, fd), 0);
    assert_int_equal(fixture->seen_count, 0);
    AWAIT(fixture, tells(fixture, 2, "closed"));
}

static void a_connection_is_given_up_before_it_is_made(void **context) {
    struct fixture *fixture = *context;
    assert_int_equal(stream_table_open(&fixture->table, 2, connect_tcp(fixture)), 0);
    stream_table_close(&fixture->table, 2);
    AWAIT(fixture, fixture->table.lingering == 0);
    assert_string_equal(seen_of(fixture, 2)->story, "");
}

static void an_absent_interface_is_refused(void **context) {
    (void)context;
    struct muster_endpoint endpoint = loopback;
    endpoint.port = 1;
    assert_int_equal(tcp_connect(&endpoint, "nowhere0"), -ENODEV);
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

static void without_descriptors_connections_wait(void **context) {
    struct fixture *fixture = *context;
    struct rlimit before;
    int fds[128];
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    int first = connect_kind(fixture, true);
    int second = connect_kind(fixture, false);
    unsigned taken = descriptors_take(fds, 128);

    unsigned rounds = 0;
    fixture->is_late = false;
    uv_timer_start(&fixture->guard, on_late, 5 * STREAM_TABLE_PAUSE_MS, 0);
    for (; !fixture->is_late; rounds++) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    assert_int_equal(fixture->seen_count, 0);
    assert_true(rounds < 20); /* some for each pause: it sleeps between */
    assert_int_equal(fixture->warnings, 1);

    for (unsigned i = 0; i < taken; i++) {
        close(fds[i]);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    AWAIT(fixture, tells(fixture, 1, "accepted") && tells(fixture, 3, "accepted"));
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

static void a_descriptor_never_leaks(void **context) {
    struct fixture *fixture = *context;
    uv_run(&fixture->loop, UV_RUN_NOWAIT); /* the loop makes its own first */
    unsigned before = descriptors_count();
    for (unsigned i = 0; i < 4; i++) {
        struct reading reading = {.fd = connect_kind(fixture, i % 2 == 0)};
        countdown_set(1); /* in vain: it is closed at once */
        READ_UNTIL(fixture, &reading, reading.is_ended && reading.error != ENOTCONN);
        assert_true(countdown_has_failed());
        close(reading.fd);
    }
    assert_int_equal(fixture->seen_count, 0);
    assert_int_equal(descriptors_count(), before);
}

/* ---- ports ---- */

static uint16_t port_own(void) {
    return (uint16_t)(10000 + getpid() % 550 * 40);
}

static void datagrams_and_streams_have_one_port(void **context) {
    struct fixture *fixture = *context;
    struct datagram_socket sockets[3] = {{.open = false}};
    struct listener listeners[3] = {{.open = false}};
    struct listener taken;
    uint16_t port = port_own();
    assert_int_equal(listener_open_tcp(&taken, (uint16_t)(port + 2)), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(unicast_open(&sockets[i], &listeners[i], port, &fixture->log), 0);
        assert_int_equal(sockets[i].port, listeners[i].port);
    }
    assert_int_equal(sockets[0].port, port + 1);
    assert_int_equal(sockets[1].port, port + 3);
    assert_int_equal(unicast_open(&sockets[2], NULL, port, &fixture->log), 0);
    assert_int_equal(sockets[2].port, port + 2); /* who serves no streams may have it */
    for (unsigned i = 0; i < 3; i++) {
        socket_close(&sockets[i]);
        listener_close(&listeners[i]);
    }
    listener_close(&taken);
}

static void forget_line(enum muster_log_level level, const char *line, void *context) {
    (void)line;
    *(unsigned *)context += level == MUSTER_LOG_WARNING ? 1 : 0;
}

static void the_last_resort_is_one_port_too(void **context) {
    (void)context;
    unsigned warnings = 0;
    struct log log = {.write = forget_line, .context = &warnings};
    struct datagram_socket socket;
    struct listener listener;
    assert_int_equal(unicast_open(&socket, &listener, UINT16_MAX, &log), 0);
    assert_int_equal(warnings, 1);
    assert_int_equal(socket.port, listener.port);
    assert_int_not_equal(socket.port, 0);
    socket_close(&socket);
    listener_close(&listener);
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

static void a_socket_file_has_its_mode_and_goes(void **context) {
    struct fixture *fixture = *context;
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/all", fixture->directory);
    mode_t mask = umask(0077);
    assert_int_equal(listener_open_local(&listener, path, 0666, false), 0);
    umask(mask);
    assert_int_equal(mode_of(path), 0666);
    assert_int_equal(mode_of(fixture->path), 0600);
    listener_close(&listener);
    assert_false(is_there(path));
}

static void a_stale_socket_is_replaced(void **context) {
    struct fixture *fixture = *context;
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/stale", fixture->directory);
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

static void a_socket_in_use_is_left_alone(void **context) {
    struct fixture *fixture = *context;
    struct listener second;
    assert_int_equal(listener_open_local(&second, fixture->path, 0666, false), -EADDRINUSE);
    assert_false(second.open);
    assert_int_equal(mode_of(fixture->path), 0600);
    close(accepted(fixture, true, 3)); /* the first was the question */
}

static void another_ones_socket_is_not_removed(void **context) {
    struct fixture *fixture = *context;
    struct listener second;
    assert_int_equal(listener_open_local(&second, fixture->path, 0600, true), 0);
    stream_table_end(&fixture->table);
    listener_close(&fixture->local);
    assert_true(is_there(fixture->path));
    listener_close(&second);
    assert_false(is_there(fixture->path));
}

static void what_is_no_socket_is_kept(void **context) {
    struct fixture *fixture = *context;
    char path[128];
    struct listener listener;
    snprintf(path, sizeof path, "%s/file", fixture->directory);
    close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -EEXIST);
    assert_int_equal(listener_open_local(&listener, path, 0600, false), -EEXIST);
    assert_true(is_there(path));
    snprintf(path, sizeof path, "%s/link", fixture->directory);
    assert_int_equal(symlink(fixture->path, path), 0);
    assert_int_equal(listener_open_local(&listener, path, 0600, false), -EEXIST);
    assert_int_equal(listener_open_local(&listener, fixture->directory, 0600, true), -EEXIST);
    snprintf(path, sizeof path, "%s/no/socket", fixture->directory);
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -ENOENT);
    snprintf(path, sizeof path, "%s/", fixture->directory);
    assert_int_equal(listener_open_local(&listener, path, 0600, true), -EISDIR);
}

/* Longer than a socket address can say. */
static void a_path_may_be_long(void **context) {
    struct fixture *fixture = *context;
    char path[1024];
    size_t used = (size_t)snprintf(path, sizeof path, "%s", fixture->directory);
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

static void a_relative_path_outlives_a_change_of_directory(void **context) {
    struct fixture *fixture = *context;
    struct listener listener;
    char path[128];
    int home = open(".", O_PATH | O_DIRECTORY);
    assert_int_equal(chdir(fixture->directory), 0);
    assert_int_equal(listener_open_local(&listener, "here", 0600, false), 0);
    assert_int_equal(fchdir(home), 0);
    close(home);
    snprintf(path, sizeof path, "%s/here", fixture->directory);
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

static void others_may_look_and_change_nothing(void **context) {
    struct fixture *fixture = *context;
    char path[128];
    struct listener listener;
    struct origin arrival;
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    assert_int_equal(chmod(fixture->directory, 0711), 0);
    assert_int_equal(connect_as_another(fixture->path), -EACCES);
    snprintf(path, sizeof path, "%s/all", fixture->directory);
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
static void nobody_may_be_anybody(void **context) {
    struct fixture *fixture = *context;
    struct listener listener;
    struct origin arrival;
    char path[128];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    for (mode_t mode = 0600; mode <= 0666; mode += 066) {
        snprintf(path, sizeof path, "%s/%o", fixture->directory, (unsigned)mode);
        assert_int_equal(chown(fixture->directory, 65534, 65534), 0);
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

#define STREAM_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STREAM_TEST(numbers_are_odd_and_new),
        STREAM_TEST(who_connected_is_told),
        STREAM_TEST(a_wrong_interface_is_turned_away),
        STREAM_TEST(what_may_have_passed_a_router_gets_nothing),
        STREAM_TEST(a_question_is_answered_after_a_half_close),
        STREAM_TEST(what_is_not_read_is_not_drained),
        STREAM_TEST(an_empty_write_is_drained_too),
        STREAM_TEST(who_goes_after_a_half_close_is_noticed),
        STREAM_TEST(urgent_data_does_not_keep_the_loop_busy),
        STREAM_TEST(who_is_gone_is_closed_without_a_signal),
        STREAM_TEST(a_write_without_memory_breaks_the_stream),
        STREAM_TEST(a_close_waits_for_what_was_written),
        STREAM_TEST(an_unread_question_does_not_harm_the_answer),
        STREAM_TEST(who_takes_nothing_is_not_waited_for),
        STREAM_TEST(a_close_without_a_word_is_at_once),
        STREAM_TEST(only_so_many_are_waited_for),
        STREAM_TEST(a_stream_may_be_closed_by_what_it_says),
        STREAM_TEST(the_table_may_end_by_what_is_said),
        STREAM_TEST(a_stream_is_opened_and_used),
        STREAM_TEST(a_refused_connection_is_closed),
        STREAM_TEST(a_connection_is_given_up_before_it_is_made),
        STREAM_TEST(an_absent_interface_is_refused),
        STREAM_TEST(without_descriptors_connections_wait),
        STREAM_TEST(a_descriptor_never_leaks),
        STREAM_TEST(datagrams_and_streams_have_one_port),
        STREAM_TEST(the_last_resort_is_one_port_too),
        STREAM_TEST(a_socket_file_has_its_mode_and_goes),
        STREAM_TEST(a_stale_socket_is_replaced),
        STREAM_TEST(a_socket_in_use_is_left_alone),
        STREAM_TEST(another_ones_socket_is_not_removed),
        STREAM_TEST(what_is_no_socket_is_kept),
        STREAM_TEST(a_path_may_be_long),
        STREAM_TEST(a_relative_path_outlives_a_change_of_directory),
        STREAM_TEST(others_may_look_and_change_nothing),
        STREAM_TEST(nobody_may_be_anybody),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
