#include "senml_string.h"

#include <string.h>

#include "utf8.h"

const char *senml_refuse(struct muster_pack *pack, const char *at, const char *fault) {
    pack->next = at;
    pack->fault = fault;
    return NULL;
}

static int hex_digit(char byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits behind \u. False when there are none. */
static bool read_unit(const char *at, const char *end, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = at + i < end ? hex_digit(at[i]) : -1;
        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/* From the backslash on. */
static const char *check_unicode_escape(struct muster_pack *pack, const char *at) {
    uint32_t unit;
    if (!read_unit(at + 2, pack->end, &unit)) {
        return senml_refuse(pack, at, "\\u without four hexadecimal digits");
    }
    if (unit == 0) {
        return senml_refuse(pack, at, "the escape \\u0000");
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return at + 6;
    }
    uint32_t low;
    if (unit >= 0xDC00 || pack->end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
        !read_unit(at + 8, pack->end, &low) || low < 0xDC00 || low > 0xDFFF) {
        return senml_refuse(pack, at, "half a surrogate pair");
    }
    return at + 12;
}

static const char *check_escape(struct muster_pack *pack, const char *at) {
    if (pack->end - at < 2) {
        return senml_refuse(pack, pack->end, "it ends too early");
    }
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return at + 2;
    case 'u': return check_unicode_escape(pack, at);
    default: return senml_refuse(pack, at, "an escape that JSON does not have");
    }
}

static const char *check_sequence(struct muster_pack *pack, const char *at) {
    uint32_t code_point;
    const int bytes = utf8_decode(at, (size_t)(pack->end - at), &code_point);
    return bytes > 0 ? at + bytes : senml_refuse(pack, at, "bytes that are not UTF-8");
}

const char *senml_string_read(struct muster_pack *pack, const char *at, struct senml_string *string) {
    const char *end = pack->end;
    string->at = at;
    string->has_escapes = false;
    while (at != NULL && at < end) {
        const unsigned char byte = (unsigned char)*at;
        if (byte == '"') {
            string->length = (size_t)(at - string->at);
            return at + 1;
        }
        if (byte == '\\') {
            string->has_escapes = true;
            at = check_escape(pack, at);
        } else if (byte >= 0x80) {
            at = check_sequence(pack, at);
        } else if (byte < 0x20) {
            return senml_refuse(pack, at, "a control character in a string");
        } else {
            at++;
        }
    }
    return at == NULL ? NULL : senml_refuse(pack, at, "it ends too early");
}

static size_t encode(uint32_t code_point, char *out) {
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    const size_t bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)((0xF00 >> bytes & 0xF0) | code_point);
    return bytes;
}

size_t senml_string_next(const char **at, const char *end, char out[4]) {
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    const char letter = (*at)[1];
    *at += 2;
    if (letter != 'u') {
        static const char values[] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
        const char value = letter >= 'b' && letter <= 't' ? values[(unsigned char)letter] : 0;
        out[0] = value != 0 ? value : letter;
        return 1;
    }
    uint32_t code_point;
    read_unit(*at, end, &code_point);
    *at += 4;
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
        uint32_t low;
        read_unit(*at + 2, end, &low);
        *at += 6;
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
    }
    return encode(code_point, out);
}

bool senml_string_copy(const struct senml_string *string, char *out, size_t room, size_t *length) {
    if (!string->has_escapes) {
        if (string->length >= room) {
            return false;
        }
        memcpy(out, string->at, string->length);
        out[string->length] = '\0';
        *length = string->length;
        return true;
    }
    const char *end = string->at + string->length;
    size_t used = 0;
    for (const char *at = string->at; at < end;) {
        char bytes[4];
        const size_t count = senml_string_next(&at, end, bytes);
        if (used + count >= room) {
            return false;
        }
        memcpy(out + used, bytes, count);
        used += count;
    }
    out[used] = '\0';
    *length = used;
    return true;
}

bool senml_string_is_same(const struct senml_string *a, const struct senml_string *b) {
    if (!a->has_escapes && !b->has_escapes) {
        return a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
    }
    const char *at[2] = {a->at, b->at};
    const char *const end[2] = {a->at + a->length, b->at + b->length};
    char bytes[2][4];
    size_t count[2] = {0, 0};
    size_t used[2] = {0, 0};
    for (;;) {
        for (int i = 0; i < 2; i++) {
            if (used[i] == count[i]) {
                count[i] = at[i] < end[i] ? senml_string_next(&at[i], end[i], bytes[i]) : 0;
                used[i] = 0;
            }
        }
        if (count[0] == 0 || count[1] == 0) {
            return count[0] == count[1];
        }
        if (bytes[0][used[0]++] != bytes[1][used[1]++]) {
            return false;
        }
    }
}
