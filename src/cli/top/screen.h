/* SPDX-License-Identifier: MIT */
/* The terminal, by ncurses: what of a canvas changed is sent to it, and keys come from it. One at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "board.h"
#include "canvas.h"

struct screen {
    struct screen_curses *curses; /* NULL while it is closed */
    struct canvas shown;          /* what the terminal has */
    bool has_color;
};

/* Takes over the terminal of standard input and output, and keeps what comes to standard error. Returns 0, or
 * -1 when its type (TERM) is unknown or memory is out. */
int screen_open(struct screen *screen, bool has_color);

/* Gives it back as it was, and says what was kept. A zeroed screen, and one that is closed, is allowed. */
void screen_close(struct screen *screen);

/* The size of the terminal, after it changed, too. */
void screen_size(struct screen *screen, size_t *columns, size_t *rows);

/* Shows a canvas of that size. */
void screen_show(struct screen *screen, const struct canvas *canvas);

/* Forgets what the terminal has: all of it is sent again. */
void screen_forget(struct screen *screen);

/* A key that was pressed. */
struct screen_key {
    enum board_key key;
    char character[8]; /* of OTHER, UTF-8 */
};

/* The next key that was pressed; false when there is none now. */
bool screen_read(struct screen *screen, struct screen_key *key);
