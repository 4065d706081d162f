/* Lines that are announced as one change: kept until that is done, so that they can be taken one at a time
 * where all together are too many. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More lines than any announcement could carry. */
#define BATCH_LINES_MAX 256

struct batch_line {
    uint64_t number;
    char *text;
};

/* Owns its lines. A zeroed one is empty. */
struct batch {
    struct batch_line lines[BATCH_LINES_MAX];
    size_t count;
};

/* Adds a copy of a line; the batch must not be full. -1 when memory is out. */
int batch_add(struct batch *batch, const char *text, uint64_t number);

/* Takes the last line away again. */
void batch_drop_last(struct batch *batch);

bool batch_is_full(const struct batch *batch);

/* Empties the batch. */
void batch_deinit(struct batch *batch);

#endif
