/* SPDX-License-Identifier: MIT */
#include "octets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

void octets_deinit(struct octets *octets) {
    free(octets->text);
    *octets = (struct octets){0};
}

/* Reads on to the end, or until there is no room. -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size) {
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(fd, bytes + length, size - length);
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        length += count > 0 ? (size_t)count : 0;
    }
    return (ssize_t)length;
}

/* Those of one file, with room for a NUL behind them. */
static int read_file(const char *path, char *bytes, size_t *length, struct reason *reason) {
    const bool is_input = strcmp(path, "-") == 0;
    const int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t count = fd < 0 ? -1 : read_all(fd, bytes, MUSTER_LARGE_BYTES_MAX + 1);
    const int number = errno;
    if (fd >= 0 && !is_input) {
        close(fd);
    }
    if (count < 0) {
        return reason_set(reason, "'%.128s': %s", path, strerror(number));
    }
    if (count > MUSTER_LARGE_BYTES_MAX) {
        return reason_set(reason, "'%.128s': more than %d bytes, which a value may have", path,
                          MUSTER_LARGE_BYTES_MAX);
    }
    *length = (size_t)count;
    return 0;
}

static int encode(char **text, size_t *length, struct reason *reason) {
    const size_t size = sodium_base64_encoded_len(*length, BASE64);
    char *encoded = malloc(size);
    if (encoded == NULL) {
        return reason_set(reason, "out of memory");
    }
    sodium_bin2base64(encoded, size, (const unsigned char *)*text, *length, BASE64);
    free(*text);
    *text = encoded;
    *length = size - 1;
    return 0;
}

int octets_read(struct octets *octets, const char *path, bool is_text, struct muster_record *record,
                struct reason *reason) {
    size_t length = 0;
    octets->text = malloc(MUSTER_LARGE_BYTES_MAX + 2);
    if (octets->text == NULL) {
        return reason_set(reason, "out of memory");
    }
    if (read_file(path, octets->text, &length, reason) != 0 ||
        (!is_text && encode(&octets->text, &length, reason) != 0)) {
        return -1;
    }
    octets->text[length] = '\0';
    *record = (struct muster_record){.name = "",
                                     .kind = is_text ? MUSTER_VALUE_TEXT : MUSTER_VALUE_DATA,
                                     .text = octets->text,
                                     .text_length = length};
    const char *fault = muster_record_fault(record);
    return fault == NULL ? 0 : reason_set(reason, "'%.128s': %s", path, fault);
}

bool octets_are_in(const struct muster_record *record) {
    return record->kind == MUSTER_VALUE_DATA || record->kind == MUSTER_VALUE_TEXT;
}

int octets_write(FILE *out, const struct muster_record *record) {
    size_t length = 0;
    if (record->kind == MUSTER_VALUE_TEXT) {
        fwrite(record->text, 1, record->text_length, out);
        return 0;
    }
    unsigned char *bytes = malloc(record->text_length + 1);
    /* What came is base64 (muster_pack_next()). */
    const int error = bytes == NULL ? -1
                                    : sodium_base642bin(bytes, record->text_length + 1, record->text,
                                                        record->text_length, NULL, &length, NULL, BASE64);
    fwrite(bytes, 1, error == 0 ? length : 0, out);
    free(bytes);
    return error;
}
