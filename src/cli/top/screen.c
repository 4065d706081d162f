/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <curses.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wchar.h>

/* How long an escape may be the beginning of a key. */
#define ESCAPE_MS 25

struct screen_curses {
    SCREEN *terminal;
    int kept_stderr; /* what is complained of is kept meanwhile; -1: it is not */
};

/* ---- what is complained of ---- */

/* Standard error becomes a file in memory: lines on the screen would destroy it. */
static void hide_stderr(struct screen_curses *curses) {
    const int file = memfd_create("stderr", MFD_CLOEXEC);
    curses->kept_stderr = file >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (curses->kept_stderr >= 0 && dup2(file, STDERR_FILENO) < 0) {
        close(curses->kept_stderr);
        curses->kept_stderr = -1;
    }
    if (file >= 0) {
        close(file);
    }
}

/* Says all of it at the end. */
static void show_stderr(struct screen_curses *curses) {
    char bytes[4096];
    ssize_t length;
    if (curses->kept_stderr < 0) {
        return;
    }
    const int file = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(curses->kept_stderr, STDERR_FILENO);
    close(curses->kept_stderr);
    curses->kept_stderr = -1;
    lseek(file, 0, SEEK_SET);
    while ((length = read(file, bytes, sizeof(bytes))) > 0) {
        fwrite(bytes, 1, (size_t)length, stderr);
    }
    close(file);
}

/* ---- opening and closing ---- */

static void start_colors(void) {
    static const short foregrounds[] = {[CANVAS_GOOD] = COLOR_GREEN,
                                        [CANVAS_WARNING] = COLOR_YELLOW,
                                        [CANVAS_BAD] = COLOR_RED,
                                        [CANVAS_HEADING] = COLOR_CYAN};
    start_color();
    use_default_colors();
    for (short i = 0; i < (short)(sizeof(foregrounds) / sizeof(foregrounds[0])); i++) {
        if (foregrounds[i] != 0) {
            init_pair(i, foregrounds[i], -1);
        }
    }
}

int screen_open(struct screen *screen, bool has_color) {
    *screen = (struct screen){.curses = calloc(1, sizeof(*screen->curses))};
    if (screen->curses == NULL) {
        return -1;
    }
    screen->curses->terminal = newterm(NULL, stdout, stdin);
    if (screen->curses->terminal == NULL) {
        free(screen->curses);
        screen->curses = NULL;
        return -1;
    }
    screen->has_color = has_color && has_colors();
    if (screen->has_color) {
        start_colors();
    }
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    set_escdelay(ESCAPE_MS);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    hide_stderr(screen->curses);
    return 0;
}

void screen_close(struct screen *screen) {
    if (screen->curses != NULL) {
        endwin();
        delscreen(screen->curses->terminal);
        show_stderr(screen->curses);
        free(screen->curses);
        screen->curses = NULL;
    }
    canvas_deinit(&screen->shown);
}

/* ---- showing ---- */

void screen_size(struct screen *screen, size_t *columns, size_t *rows) {
    struct winsize size;
    int height;
    int width;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        resizeterm(size.ws_row, size.ws_col);
    }
    getmaxyx(stdscr, height, width);
    *columns = width > 0 ? (size_t)width : 1;
    *rows = height > 0 ? (size_t)height : 1;
    (void)screen;
}

void screen_forget(struct screen *screen) {
    canvas_deinit(&screen->shown);
    clearok(curscr, TRUE);
}

static attr_t attributes_of(const struct screen *screen, const struct canvas_cell *cell) {
    attr_t attributes = cell->is_selected || cell->style == CANVAS_BAR ? A_REVERSE : A_NORMAL;
    const bool is_colored = screen->has_color && !cell->is_selected;
    switch ((enum canvas_style)cell->style) {
    case CANVAS_HEADING: attributes |= is_colored ? (attr_t)COLOR_PAIR(CANVAS_HEADING) : A_BOLD; break;
    case CANVAS_DIM: attributes |= A_DIM; break;
    case CANVAS_GOOD:
    case CANVAS_WARNING:
    case CANVAS_BAD:
        attributes |= is_colored                   ? (attr_t)COLOR_PAIR(cell->style)
                      : cell->style != CANVAS_GOOD ? A_BOLD
                                                   : A_NORMAL;
        break;
    case CANVAS_PLAIN:
    case CANVAS_BAR: break;
    }
    return attributes;
}

/* A character of two columns goes with its second one, in which it has no text. */
static void show_row(const struct screen *screen, const struct canvas *canvas, size_t row) {
    move((int)row, 0);
    for (size_t i = 0; i < canvas->columns; i++) {
        const struct canvas_cell *cell = canvas_at(canvas, row, i);
        if (cell->text[0] != '\0') {
            attrset((int)attributes_of(screen, cell));
            addstr(cell->text);
        }
    }
}

void screen_show(struct screen *screen, const struct canvas *canvas) {
    struct canvas *shown = &screen->shown;
    const bool is_same_size = shown->columns == canvas->columns && shown->rows == canvas->rows;
    const size_t row_bytes = canvas->columns * sizeof(*canvas->cells);
    for (size_t row = 0; row < canvas->rows; row++) {
        if (!is_same_size || memcmp(canvas_at(shown, row, 0), canvas_at(canvas, row, 0), row_bytes) != 0) {
            show_row(screen, canvas, row);
        }
    }
    if (is_same_size || canvas_resize(shown, canvas->columns, canvas->rows) == 0) {
        memcpy(shown->cells, canvas->cells, canvas->rows * row_bytes);
    }
    refresh();
}

/* ---- keys ---- */

static enum board_key key_of(wint_t code) {
    switch (code) {
    case KEY_UP: return BOARD_KEY_UP;
    case KEY_DOWN: return BOARD_KEY_DOWN;
    case KEY_PPAGE: return BOARD_KEY_PAGE_UP;
    case KEY_NPAGE: return BOARD_KEY_PAGE_DOWN;
    case KEY_HOME: return BOARD_KEY_HOME;
    case KEY_END: return BOARD_KEY_END;
    case KEY_BTAB: return BOARD_KEY_TAB;
    case KEY_ENTER: return BOARD_KEY_ENTER;
    case KEY_BACKSPACE: return BOARD_KEY_BACKSPACE;
    default: return BOARD_KEY_OTHER;
    }
}

static enum board_key key_of_character(wint_t character) {
    switch (character) {
    case '\t': return BOARD_KEY_TAB;
    case '\r':
    case '\n': return BOARD_KEY_ENTER;
    case '\033': return BOARD_KEY_ESCAPE;
    case '\b':
    case 0x7F: return BOARD_KEY_BACKSPACE;
    default: return BOARD_KEY_OTHER;
    }
}

bool screen_read(struct screen *screen, struct screen_key *key) {
    wint_t code;
    const int kind = get_wch(&code);
    (void)screen;
    *key = (struct screen_key){.key = BOARD_KEY_OTHER};
    if (kind == ERR) {
        return false;
    }
    if (kind == KEY_CODE_YES) {
        key->key = key_of(code);
        return true;
    }
    char bytes[MB_LEN_MAX];
    mbstate_t state = {0};
    const size_t length = wcrtomb(bytes, (wchar_t)code, &state);
    key->key = key_of_character(code);
    if (key->key == BOARD_KEY_OTHER && length < sizeof(key->character)) {
        memcpy(key->character, bytes, length);
    }
    return true;
}
