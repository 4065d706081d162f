/* SPDX-License-Identifier: MIT */
/* Pins on the disk: the file keys/trusted of the state directory, a line "ID NAME" for each pin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <muster/muster.h>

#include "log.h"
#include "private_file.h"

#define FILE_NAME "trusted"
#define ID_DIGITS ((size_t)2 * MUSTER_ID_BYTES)
#define LINE_BYTES (ID_DIGITS + 1 + MUSTER_NAME_BYTES_MAX + 1)
#define FILE_BYTES (MUSTER_PINS_MAX * LINE_BYTES + 1)

bool muster_pin_is_name(const char *name) {
    char safe[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
    return name[0] != '\0' && strlen(name) <= MUSTER_NAME_BYTES_MAX &&
           strcmp(muster_text_safe(name, safe, sizeof safe), name) == 0;
}

static bool has_name(const struct muster_pin *pins, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pins[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Only what print() writes is taken. */
static bool parse_line(const char *line, struct muster_pin *pin) {
    size_t length;
    char digits[MUSTER_ID_TEXT_BYTES];
    bool is_pin = strlen(line) > ID_DIGITS + 1 && line[ID_DIGITS] == ' ' &&
                  muster_pin_is_name(line + ID_DIGITS + 1) &&
                  sodium_hex2bin(pin->id, sizeof pin->id, line, ID_DIGITS, NULL, &length, NULL) == 0 &&
                  length == sizeof pin->id;
    if (is_pin) {
        strcpy(pin->name, line + ID_DIGITS + 1);
        muster_id_text(pin->id, digits);
    }
    return is_pin && memcmp(digits, line, ID_DIGITS) == 0;
}

static bool parse(char *text, struct muster_pin *pins, size_t *count) {
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end == NULL || *count == MUSTER_PINS_MAX) {
            return false;
        }
        *end = '\0';
        if (!parse_line(line, &pins[*count]) || has_name(pins, *count, pins[*count].name)) {
            return false;
        }
        (*count)++;
        line = end + 1;
    }
    return true;
}

static int refuse_memory(const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, "pins: %s", muster_error_text(MUSTER_ENOMEM));
    return MUSTER_ENOMEM;
}

static int read_into(const char *state_dir, char *text, struct muster_pin **pins, size_t *count,
                     const struct log *log) {
    int found = private_file_read(state_dir, FILE_NAME, text, FILE_BYTES, log);
    if (found <= 0 || text[0] == '\0') {
        return found < 0 ? found : 0;
    }
    struct muster_pin *read = calloc(MUSTER_PINS_MAX, sizeof *read);
    if (read == NULL) {
        return refuse_memory(log);
    }
    if (!parse(text, read, count)) {
        free(read);
        *count = 0;
        return private_file_refuse(state_dir, FILE_NAME, log);
    }
    *pins = read;
    return 0;
}

int muster_pins_read(const char *state_dir, struct muster_pin **pins, size_t *count, muster_log_cb on_log,
                     void *context) {
    const struct log log = {.write = on_log, .context = context};
    char *text = malloc(FILE_BYTES);
    *pins = NULL;
    *count = 0;
    int error = text != NULL ? read_into(state_dir, text, pins, count, &log) : refuse_memory(&log);
    free(text);
    return error;
}

/* False for what could not be read again. */
static bool print(const struct muster_pin *pins, size_t count, char *text) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char digits[MUSTER_ID_TEXT_BYTES];
        if (i == MUSTER_PINS_MAX || !muster_pin_is_name(pins[i].name) || has_name(pins, i, pins[i].name)) {
            return false;
        }
        muster_id_text(pins[i].id, digits);
        length += (size_t)snprintf(text + length, FILE_BYTES - length, "%s %s\n", digits, pins[i].name);
    }
    return true;
}

struct pins_change {
    const char *state_dir;
    muster_pins_change_cb change;
    void *context;
    const struct log *log;
    struct muster_pin *pins; /* room for MUSTER_PINS_MAX */
};

static int change_text(char *text, void *context) {
    const struct pins_change *wanted = context;
    size_t count = 0;
    int error = parse(text, wanted->pins, &count)
                    ? 0
                    : private_file_refuse(wanted->state_dir, FILE_NAME, wanted->log);
    error = error != 0 ? error : wanted->change(wanted->pins, &count, wanted->context);
    return error == 0 && !print(wanted->pins, count, text) ? MUSTER_EINVAL : error;
}

int muster_pins_change(const char *state_dir, muster_pins_change_cb change, muster_log_cb on_log,
                       void *context) {
    const struct log log = {.write = on_log, .context = context};
    char *text = malloc(FILE_BYTES);
    struct pins_change wanted = {state_dir, change, context, &log,
                                 calloc(MUSTER_PINS_MAX, sizeof *wanted.pins)};
    int error = text != NULL && wanted.pins != NULL
                    ? private_file_change(state_dir, FILE_NAME, text, FILE_BYTES, change_text, &wanted, &log)
                    : refuse_memory(&log);
    free(wanted.pins);
    free(text);
    return error;
}
