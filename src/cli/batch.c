#include "batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int batch_add(struct batch *batch, const char *text, uint64_t number) {
    assert(!batch_is_full(batch));
    char *copy = strdup(text);
    if (copy == NULL) {
        return -1;
    }
    batch->lines[batch->count++] = (struct batch_line){.number = number, .text = copy};
    return 0;
}

void batch_drop_last(struct batch *batch) {
    free(batch->lines[--batch->count].text);
}

bool batch_is_full(const struct batch *batch) {
    return batch->count == BATCH_LINES_MAX;
}

void batch_deinit(struct batch *batch) {
    while (batch->count > 0) {
        batch_drop_last(batch);
    }
}
