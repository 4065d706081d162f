/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "utf8.h"

/* ---- services ---- */

static const struct muster_service *find_service(const struct muster_document *document,
                                                 const struct muster_service *wanted) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        if (muster_service_is_same(service, wanted)) {
            return service;
        }
    }
    return NULL;
}

static const char *find_text(const struct muster_text *texts, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            return texts[i].value;
        }
    }
    return NULL;
}

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    bool is_same = strcmp(a->name, b->name) == 0 && a->txt_count == b->txt_count;
    for (size_t i = 0; i < a->txt_count && is_same; i++) {
        const char *value = find_text(b->txt, b->txt_count, a->txt[i].name);
        is_same = value != NULL && strcmp(value, a->txt[i].value) == 0;
    }
    return is_same && a->address_count == b->address_count &&
           (a->address_count == 0 ||
            memcmp(a->addresses, b->addresses, a->address_count * sizeof(*a->addresses)) == 0);
}

/* Writes a sign and the service for each that the other document has not; "~" for one that differs in it. */
static size_t put_services(FILE *out, char sign, const struct muster_document *document,
                           const struct muster_document *other) {
    size_t count = 0;
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        const struct muster_service *found = find_service(other, service);
        const bool is_changed = found != NULL && sign == '+' && !is_same_service(service, found);
        if (found == NULL || is_changed) {
            fprintf(out, "%c%s%c", is_changed ? '~' : sign, text_service(service).text, '\0');
            count++;
        }
    }
    return count;
}

/* ---- attributes and topics ---- */

static size_t put_attrs(FILE *out, const struct muster_document *before,
                        const struct muster_document *after) {
    size_t count = 0;
    for (size_t i = 0; i < before->attr_count; i++) {
        if (find_text(after->attrs, after->attr_count, before->attrs[i].name) == NULL) {
            fprintf(out, "-%s=%c", before->attrs[i].name, '\0');
            count++;
        }
    }
    for (size_t i = 0; i < after->attr_count; i++) {
        const struct muster_text *attr = &after->attrs[i];
        const char *value = find_text(before->attrs, before->attr_count, attr->name);
        if (value == NULL || strcmp(value, attr->value) != 0) {
            fprintf(out, "%s=%s%c", attr->name, attr->value, '\0');
            count++;
        }
    }
    return count;
}

static size_t put_topics(FILE *out, const char *sign, const struct muster_document *document,
                         const struct muster_document *other) {
    size_t count = 0;
    for (size_t i = 0; i < document->topic_count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < other->topic_count && !is_known; j++) {
            is_known = strcmp(document->topics[i].name, other->topics[j].name) == 0;
        }
        if (!is_known) {
            fprintf(out, "%s%s%c", sign, document->topics[i].name, '\0');
            count++;
        }
    }
    return count;
}

/* ---- all of it ---- */

static size_t put_all(FILE *out, const struct muster_document *before, const struct muster_document *after) {
    size_t count = 0;
    if (strcmp(before->name, after->name) != 0) {
        fprintf(out, "name=%s%c", after->name, '\0');
        count++;
    }
    count += put_services(out, '-', before, after);
    count += put_services(out, '+', after, before);
    count += put_attrs(out, before, after);
    count += put_topics(out, "-topic ", before, after);
    count += put_topics(out, "+topic ", after, before);
    return count;
}

int changes_find(struct changes *changes, const struct muster_document *before,
                 const struct muster_document *after) {
    size_t bytes;
    *changes = (struct changes){0};
    FILE *out = open_memstream(&changes->text, &bytes);
    if (out == NULL) {
        return -1;
    }
    changes->count = put_all(out, before, after);
    if (fclose(out) == 0) {
        changes->words = calloc(changes->count + 1, sizeof(*changes->words));
    }
    if (changes->words == NULL) {
        changes_deinit(changes);
        return -1;
    }
    const char *word = changes->text;
    for (size_t i = 0; i < changes->count; i++) {
        changes->words[i] = word;
        word += strlen(word) + 1;
    }
    return 0;
}

char *changes_join(const struct changes *changes, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < changes->count && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? " " : "", changes->words[i]);
    }
    utf8_repair(text); /* it may be cut inside of a character */
    return text;
}

void changes_deinit(struct changes *changes) {
    free(changes->text);
    free(changes->words);
    *changes = (struct changes){0};
}
