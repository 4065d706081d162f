/* SPDX-License-Identifier: MIT */
/* muster top: who is here and what is published, on a screen that follows it. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "board.h"
#include "canvas.h"
#include "command.h"
#include "complain.h"
#include "details.h"
#include "draw.h"
#include "known.h"
#include "plot.h"
#include "screen.h"
#include "session.h"
#include "text.h"
#include "value.h"

/* What changed is drawn so often. */
#define FRAME_MS 250

/* What is subscribed to changes so often at most: each change asks publishers for their last values. */
#define FOLLOW_MS 1000

/* Where more samples than these come in a frame, the loop pauses so long before it waits for more: to wake up
 * for each of them costs more than to read them. The kernel has room for what comes meanwhile. */
#define SAMPLES_MANY 100
#define PAUSE_MS 25

/* The peer table is asked for so often, the larger it is the less: what it takes to read it stays below half
 * a percent of the time. */
#define TABLE_MS 1000
#define TABLE_MS_A_PEER 5

/* A peer that joined so long ago was here before muster top. */
#define NEW_MS 2000

struct top {
    struct session session;
    const struct settings *settings;
    struct board board;
    struct canvas canvas;
    struct screen screen;
    struct details details;
    bool is_showing; /* the details, not the board */
    size_t first_line;
    char title[sizeof(struct text_name) + 32];
    bool is_ascii;
    bool is_changed; /* since it was drawn */
    uint64_t drawn_s;
    struct text_line interfaces;

    uv_timer_t frame;
    uv_prepare_t pause;
    size_t samples; /* since the last frame */
    bool has_many;  /* in the last frame */
    uv_timer_t table_timer;
    int terminal; /* the descriptor by which keys are waited for; -1: none */
    uv_poll_t keys;
    uv_signal_t resized;
    muster_local_t *table; /* the running muster is asked for its table; NULL: not now */
    uint64_t asked_ms;

    muster_t
        *listener; /* that hears readings: the session's node, or one of its own beside the running muster */
    bool is_own_listener;
    muster_subscription_t *subscription;
    char patterns[MUSTER_PATTERNS_MAX][MUSTER_TOPIC_BYTES_MAX + 3]; /* that are subscribed to */
    size_t pattern_count;
    uint64_t followed_ms; /* when that changed last */

    struct known known; /* peers as they were before */
    unsigned closing;   /* that were opened beside the session */
    bool has_left;      /* the session */
};

static uint64_t now(const struct top *top) {
    return uv_now(top->session.loop);
}

/* ---- drawing ---- */

static void draw_details(struct top *top) {
    const bool is_silent = top->details.text == NULL || top->details.length == 0;
    draw_page(&top->canvas, top->title, is_silent ? "…" : top->details.text, top->first_line);
}

static void draw(struct top *top) {
    char time[16];
    snprintf(time, sizeof(time), "%.8s", text_now().text);
    const struct draw_style style = {
        .ascii = top->is_ascii, .time = time, .interfaces = top->interfaces.text};
    if (top->is_showing) {
        draw_details(top);
    } else {
        draw_board(&top->canvas, &top->board, &style, now(top));
    }
    screen_show(&top->screen, &top->canvas);
    top->is_changed = false;
    top->drawn_s = now(top) / 1000;
}

static void resort(struct top *top) {
    if (board_sort(&top->board) != 0) {
        session_fail(&top->session, MUSTER_ENOMEM);
    }
    top->is_changed = true;
}

static void resize(struct top *top) {
    size_t columns;
    size_t rows;
    screen_size(&top->screen, &columns, &rows);
    if (canvas_resize(&top->canvas, columns, rows) != 0) {
        session_fail(&top->session, MUSTER_ENOMEM);
        return;
    }
    screen_forget(&top->screen);
    draw(top);
}

static void on_resized(uv_signal_t *signal, int number) {
    struct top *top = signal->data;
    (void)number;
    if (!top->session.ended) {
        resize(top);
    }
}

/* ---- readings ---- */

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct top *top = context;
    (void)node;
    top->samples++;
    if (board_take_sample(&top->board, sample, now(top))) {
        top->is_changed = true;
    }
}

static void on_pause(uv_prepare_t *prepare) {
    const struct top *top = prepare->data;
    if (top->has_many) {
        uv_sleep(PAUSE_MS);
    }
}

/* The topics that are on the screen: no others are heard, so that muster top costs what it shows, and not
 * what is published. */
static size_t collect_patterns(struct top *top, char patterns[][MUSTER_TOPIC_BYTES_MAX + 3]) {
    const struct board_list *list = &top->board.lists[BOARD_READINGS];
    size_t first;
    size_t count = 0;
    const size_t seen = draw_seen_readings(&top->board, top->canvas.rows, &first);
    for (size_t i = first; i < first + seen && count < MUSTER_PATTERNS_MAX; i++) {
        const struct board_reading *reading = list->rows[i];
        char pattern[MUSTER_TOPIC_BYTES_MAX + 3];
        snprintf(pattern, sizeof(pattern), "%s/#", reading->topic);
        bool is_new = muster_pattern_fault(pattern) == NULL;
        for (size_t j = 0; j < count && is_new; j++) {
            is_new = strcmp(patterns[j], pattern) != 0;
        }
        if (is_new) {
            strcpy(patterns[count++], pattern);
        }
    }
    return count;
}

/* Subscribes to what is on the screen now. Where there is no network yet it is tried again. */
static void follow_screen(struct top *top) {
    char patterns[MUSTER_PATTERNS_MAX][MUSTER_TOPIC_BYTES_MAX + 3] = {{0}};
    const char *pointers[MUSTER_PATTERNS_MAX];
    if (top->listener == NULL || now(top) - top->followed_ms < FOLLOW_MS) {
        return;
    }
    const size_t count = collect_patterns(top, patterns);
    if (count == top->pattern_count && memcmp(patterns, top->patterns, sizeof(patterns)) == 0) {
        return;
    }
    top->followed_ms = now(top);
    for (size_t i = 0; i < count; i++) {
        pointers[i] = patterns[i];
    }
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted, .patterns = pointers, .pattern_count = count, .newest = true};
    muster_subscription_t *before = top->subscription;
    top->subscription = NULL;
    top->pattern_count = 0;
    if (count == 0 ||
        muster_subscribe(top->listener, &wanted, on_sample, NULL, top, &top->subscription) == 0) {
        memcpy(top->patterns, patterns, sizeof(patterns));
        top->pattern_count = count;
    }
    muster_subscription_end(before);
}

/* ---- the peer table ---- */

static void on_closed(void *context);
static void schedule_table(struct top *top);

static void end_table(struct top *top) {
    board_end_table(&top->board);
    resort(top);
    schedule_table(top);
}

static void close_table(struct top *top) {
    if (top->table != NULL) {
        top->closing++;
        muster_local_close(top->table, on_closed, top);
        top->table = NULL;
    }
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct top *top = context;
    (void)event;
    board_take_peer(&top->board, peer, now(top)); /* what there is no room for is counted */
}

static void on_self(const struct muster_self *self, void *context) {
    struct top *top = context;
    top->interfaces = text_interfaces(self->paths, self->path_count);
}

/* What failed is tried again by a connection of its own. */
static void on_table_end(int error, const char *text, void *context) {
    struct top *top = context;
    (void)text;
    if (error == 0) {
        end_table(top);
    } else {
        close_table(top);
        schedule_table(top);
    }
}

static int ask_running(struct top *top) {
    int error =
        top->table != NULL ? 0 : session_connect(top->session.loop, top->settings, NULL, 0, &top->table);
    if (error == 0) {
        board_begin_table(&top->board);
        error = muster_local_self(top->table, on_self, NULL, top);
    }
    return error != 0 ? error : muster_local_table(top->table, on_row, on_table_end, top);
}

static int look_at_node(struct top *top) {
    struct muster_peer_list list;
    size_t path_count;
    const struct muster_path *paths = muster_paths(top->session.node, &path_count);
    const int error = muster_peers(top->session.node, &list);
    if (error != 0) {
        return error;
    }
    top->interfaces = text_interfaces(paths, path_count);
    board_begin_table(&top->board);
    for (size_t i = 0; i < list.count; i++) {
        on_row(MUSTER_PEER_JOINED, &list.peers[i], top);
    }
    muster_peer_list_free(&list);
    end_table(top);
    return 0;
}

static void on_table_timer(uv_timer_t *timer) {
    struct top *top = timer->data;
    if (top->session.ended) {
        return;
    }
    top->asked_ms = now(top);
    const int error = top->session.local != NULL ? ask_running(top) : look_at_node(top);
    if (error != 0) {
        close_table(top);
        schedule_table(top);
    }
}

/* The next one is due so long after the last one began. */
static void schedule_table(struct top *top) {
    const uint64_t interval_ms = TABLE_MS + TABLE_MS_A_PEER * top->board.peer_count;
    const uint64_t due_ms = top->asked_ms + interval_ms;
    if (!top->session.ended) {
        uv_timer_start(&top->table_timer, on_table_timer, due_ms > now(top) ? due_ms - now(top) : 0, 0);
    }
}

/* ---- events ---- */

/* What was there before comes as joined, too. */
static bool is_news(enum muster_peer_event event, const struct muster_peer *peer) {
    return event != MUSTER_PEER_JOINED || (peer->since_ms < NEW_MS && !peer->self &&
                                           peer->state != MUSTER_LOST && peer->state != MUSTER_LEFT);
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct top *top = context;
    struct changes changes = {0};
    const bool is_listed = event != MUSTER_PEER_CONFLICT;
    if (is_listed && known_change(&top->known, peer, &changes) != 0) {
        session_fail(&top->session, MUSTER_ENOMEM);
    } else if (is_news(event, peer)) {
        board_take_event(&top->board, event, peer, &changes);
        if (is_listed) {
            board_take_peer(&top->board, peer, now(top));
        }
        resort(top);
    }
    changes_deinit(&changes);
}

/* The running muster ended: the session listens itself from now on. */
static void on_reset(void *context) {
    struct top *top = context;
    close_table(top);
    schedule_table(top);
}

/* ---- details ---- */

static void on_details(void *context) {
    struct top *top = context;
    top->is_changed = true;
}

/* Shows what there is to say of the selected peer, or of the publisher of the selected reading. */
static void show_details(struct top *top) {
    const struct board_peer *peer = board_selected_peer(&top->board);
    const struct board_reading *reading = board_selected_reading(&top->board);
    const bool is_peer = top->board.pane == BOARD_PEERS;
    const uint8_t *id = is_peer ? peer->id : reading->id;
    if (!details_is_closed(&top->details)) {
        return; /* the last one is still ending */
    }
    const int error = details_open(&top->details, top->session.loop, top->settings, id, on_details, top);
    if (error == 0) {
        snprintf(top->title, sizeof(top->title), " muster %s %s", DETAILS_COMMAND,
                 text_name(is_peer ? peer->name : reading->publisher).text);
        top->is_showing = true;
        top->first_line = 0;
    }
}

static void press_in_details(struct top *top, const struct screen_key *key) {
    const size_t page = top->canvas.rows > 3 ? top->canvas.rows - 3 : 1;
    const char letter = key->character[0];
    const size_t lines =
        top->details.text != NULL ? draw_page_lines(top->details.text, top->canvas.columns) : 0;
    const size_t last = lines > page ? lines - page : 0;
    size_t first = top->first_line;
    switch (key->key) {
    case BOARD_KEY_UP: first -= first > 0 ? 1 : 0; break;
    case BOARD_KEY_DOWN: first++; break;
    case BOARD_KEY_PAGE_UP: first -= first > page ? page : first; break;
    case BOARD_KEY_PAGE_DOWN: first += page; break;
    case BOARD_KEY_HOME: first = 0; break;
    case BOARD_KEY_END: first = last; break;
    case BOARD_KEY_ESCAPE:
    case BOARD_KEY_ENTER:
    case BOARD_KEY_BACKSPACE:
        details_close(&top->details);
        top->is_showing = false;
        break;
    default: first += letter == 'j' ? 1 : 0; first -= letter == 'k' && first > 0 ? 1 : 0;
    }
    top->first_line = first < last ? first : last;
    top->is_changed = true;
    if (letter == 'q') {
        session_end(&top->session, STATUS_OK);
    }
}

/* ---- keys ---- */

static void press(struct top *top, const struct screen_key *key) {
    if (top->is_showing) {
        press_in_details(top, key);
        return;
    }
    const struct draw_layout layout = draw_layout(&top->board, top->canvas.rows);
    const size_t rows = top->board.pane == BOARD_PEERS ? layout.peers : layout.readings;
    switch (board_press(&top->board, key->key, key->character, rows > 2 ? rows - 2 : 1)) {
    case BOARD_NOTHING: break;
    case BOARD_REDRAW: top->is_changed = true; break;
    case BOARD_RESORT: resort(top); break;
    case BOARD_SHOW:
        show_details(top);
        top->is_changed = true;
        break;
    case BOARD_QUIT: session_end(&top->session, STATUS_OK); break;
    }
}

/* A terminal that is gone is the end. */
static void on_keys(uv_poll_t *poll, int status, int events) {
    struct top *top = poll->data;
    struct screen_key key;
    size_t count = 0;
    (void)events;
    while (!top->session.ended && screen_read(&top->screen, &key)) {
        press(top, &key);
        count++;
    }
    if (status < 0 || count == 0) {
        char none;
        if (status < 0 || read(STDIN_FILENO, &none, 0) < 0) {
            session_end(&top->session, STATUS_OK);
        }
    }
    if (!top->session.ended && top->is_changed) {
        draw(top);
    }
}

/* Ages grow each second. */
static void on_frame(uv_timer_t *timer) {
    struct top *top = timer->data;
    if (top->session.ended) {
        return;
    }
    if (top->is_changed || now(top) / 1000 != top->drawn_s) {
        draw(top);
    }
    top->has_many = top->samples > SAMPLES_MANY;
    top->samples = 0;
    follow_screen(top);
}

/* ---- running ---- */

/* Ends the session when all that was opened beside it is closed, too. */
static void finish_when_closed(struct top *top) {
    if (top->has_left && top->closing == 0) {
        session_finish(&top->session);
    }
}

static void on_closed(void *context) {
    struct top *top = context;
    top->closing--;
    finish_when_closed(top);
}

/* The terminal is given back first of all: what follows may complain. */
static void on_ending(void *context) {
    struct top *top = context;
    screen_close(&top->screen);
    details_close(&top->details);
    close_table(top);
    if (top->is_own_listener) {
        top->closing++;
        top->is_own_listener = false;
        muster_close(top->listener, on_closed, top);
    }
    top->listener = NULL;
}

/* A session that can't go on leaves without an end. */
static void on_left(void *context) {
    struct top *top = context;
    on_ending(top);
    top->has_left = true;
    finish_when_closed(top);
}

static void open_listener(struct top *top) {
    top->listener = top->session.node;
    if (top->listener == NULL && session_open_observer(&top->session, &top->listener) == 0) {
        top->is_own_listener = true;
    }
}

/* Opens the terminal once more, to wait for keys. libuv makes what it waits for non-blocking, and the
 * descriptor of standard input is often also that of the output, and of the shell. Returns -1 when it can't
 * be opened. */
static int open_keys(void) {
    char path[64];
    return ttyname_r(STDIN_FILENO, path, sizeof(path)) == 0
               ? open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
               : -1;
}

static void start(struct top *top) {
    uv_loop_t *loop = top->session.loop;
    uv_timer_init(loop, &top->frame); /* cannot fail, like the next */
    uv_timer_init(loop, &top->table_timer);
    uv_prepare_init(loop, &top->pause);
    top->pause.data = top;
    uv_prepare_start(&top->pause, on_pause);
    top->frame.data = top->table_timer.data = top->keys.data = top->resized.data = top;
    top->terminal = open_keys();
    int error = top->terminal < 0 ? UV_ENOTTY : uv_poll_init(loop, &top->keys, top->terminal);
    error = error != 0 ? error : uv_signal_init(loop, &top->resized);
    error = error != 0 ? error : uv_signal_start(&top->resized, on_resized, SIGWINCH);
    if (error != 0) {
        complain(top->settings, "%s", uv_strerror(error));
        session_end(&top->session, STATUS_ERROR);
        return;
    }
    uv_poll_start(&top->keys, UV_READABLE, on_keys);
    uv_timer_start(&top->frame, on_frame, 0, FRAME_MS);
    uv_timer_start(&top->table_timer, on_table_timer, 0, 0);
}

static void on_open(void *context) {
    struct top *top = context;
    if (top->session.ended) {
        return;
    }
    open_listener(top);
    if (screen_open(&top->screen, settings_color(top->settings)) != 0) {
        const char *type = getenv("TERM");
        complain(top->settings, "TERM: no terminal of type '%s' is known here", type != NULL ? type : "");
        session_end(&top->session, STATUS_ERROR);
        return;
    }
    start(top);
    if (!top->session.ended) {
        resize(top);
    }
}

static const char *sort_word(size_t i) {
    return i < BOARD_PEER_ORDERS ? board_order_name(BOARD_PEERS, (unsigned)i) : NULL;
}

static int parse_sort(const char *value, void *place, struct reason *reason) {
    unsigned *order = place;
    size_t found;
    for (*order = 0; *order < BOARD_PEER_ORDERS; (*order)++) {
        if (strcasecmp(sort_word(*order), value) == 0) {
            return 0;
        }
    }
    return value_word(value, sort_word, &found, reason);
}

struct top_options {
    unsigned order; /* enum board_peer_order */
};

static const struct args_completion complete_sort = {.word = sort_word};

static const struct args_option options_table[] = {
    {"sort", 0, "COL", "sort peers by this column at first (NAME)", offsetof(struct top_options, order),
     parse_sort, &complete_sort},
    {0},
};

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct top *top = calloc(1, sizeof(*top));
    const struct top_options *chosen = options;
    (void)operands;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        free(top);
        complain(settings, "needs a terminal; muster peers lists who is here, muster watch follows it");
        return STATUS_ERROR;
    }
    if (top == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    const struct session_request request = {.may_ask = true,
                                            .until_signal = true,
                                            .is_confined = true,
                                            .starts_programs = true, /* muster why */
                                            .on_open = on_open,
                                            .on_event = on_event,
                                            .on_reset = on_reset,
                                            .on_ending = on_ending,
                                            .on_left = on_left,
                                            .context = top};
    top->settings = settings;
    top->terminal = -1;
    top->is_ascii = plot_style().ascii;
    board_sort_by(&top->board, BOARD_PEERS, chosen->order);
    const int status = session_hold(&top->session, settings, &request);
    screen_close(&top->screen);
    if (top->terminal >= 0) {
        close(top->terminal);
    }
    details_deinit(&top->details);
    known_deinit(&top->known);
    canvas_deinit(&top->canvas);
    board_deinit(&top->board);
    free(top);
    return status;
}

const struct command command_top = {
    .name = "top",
    .group = COMMAND_SEE,
    .summary = "follow peers and readings on the screen",
    .syntax = {.operands = ""},
    .description =
        "Show on the screen, until q or Ctrl-C, who is here, with state, age, loss and paths as in\n"
        "muster peers; what is published, with its last value and how it went; and what happened to\n"
        "peers, the latest first. A muster announce that runs here is asked, with its history; else\n"
        "the network is listened to. Readings are heard while they are on the screen; of who sends\n"
        "many a second, some are looked at.\n"
        "\n"
        "  Up Down PgUp PgDn Home End  select a row (also k j g G)\n"
        "  Tab     go from peers to readings and back\n"
        "  Enter   what muster why says of the selected peer; Esc goes back\n"
        "  s r     sort by the next column, and the other way; the heading has + or -\n"
        "  /       show rows with this text in their name, state, address or services\n"
        "  q       quit\n",
    .options = options_table,
    .options_bytes = sizeof(struct top_options),
    .examples = "  muster top\n"
                "  muster top --interface eth0 --direct\n",
    .statuses = "  0   ended by q or a signal\n"
                "  1   error, or no terminal\n"
                "  2   wrong usage\n",
    .environment = "  TERM              the type of the terminal\n",
    .run = run,
};
