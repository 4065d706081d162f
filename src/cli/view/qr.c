/* SPDX-License-Identifier: MIT */
#include "qr.h"

#include <stddef.h>
#include <string.h>

#include <qrencode.h>

#define MARGIN 4

/* All around it is light, too. */
static bool is_light(const QRcode *code, int x, int y) {
    const bool is_inside = x >= 0 && x < code->width && y >= 0 && y < code->width;
    return !is_inside || (code->data[y * code->width + x] & 1) == 0;
}

static void print_line(FILE *out, const QRcode *code, int y) {
    static const char *const halves[2][2] = {{" ", "▄"}, {"▀", "█"}};
    for (int x = -MARGIN; x < code->width + MARGIN; x++) {
        fputs(halves[is_light(code, x, y)][is_light(code, x, y + 1)], out);
    }
}

bool qr_print(FILE *out, const char *text, bool color) {
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (code == NULL) {
        return false;
    }
    for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
        fputs(color ? "\033[97;40m" : "", out);
        print_line(out, code, y);
        fputs(color ? "\033[0m\n" : "\n", out);
    }
    explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return true;
}
