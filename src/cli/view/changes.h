/* SPDX-License-Identifier: MIT */
/* What is different in what a peer says of itself, in words: "+http:8081", "-http:8080", "room=attic". */
#pragma once

#include <stddef.h>

#include <muster/core.h>

struct changes {
    char *text;         /* the words, each with its NUL; not made safe */
    const char **words; /* pointers into it */
    size_t count;
};

/* Compares the name, services, attributes and topics of two documents. -1 when memory is out. */
int changes_find(struct changes *changes, const struct muster_document *before,
                 const struct muster_document *after);

/* Joins the words by blanks, cut where the text ends. Returns text. */
char *changes_join(const struct changes *changes, char *text, size_t size);

/* Zeroed changes are allowed. */
void changes_deinit(struct changes *changes);
