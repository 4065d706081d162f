/* SPDX-License-Identifier: MIT */
#include "sealed_streams.h"

#include <stdlib.h>

#include <utlist.h>

struct sealed_stream {
    uint64_t number;
    struct seal_stream seal;
    struct sealed_stream *prev;
    struct sealed_stream *next;
};

static struct sealed_stream *find(const struct sealed_streams *streams, uint64_t number) {
    struct sealed_stream *stream;
    DL_SEARCH_SCALAR(streams->items, stream, number, number);
    return stream;
}

void sealed_streams_deinit(struct sealed_streams *streams) {
    while (streams->items != NULL) {
        sealed_streams_remove(streams, streams->items->number);
    }
    buffer_deinit(&streams->opened);
    buffer_deinit(&streams->sealed);
}

int sealed_streams_add(struct sealed_streams *streams, const struct seal_keys *keys, uint64_t number,
                       bool has_opened, struct random *random) {
    struct sealed_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return MUSTER_ENOMEM;
    }
    stream->number = number;
    seal_stream_init(&stream->seal, keys, has_opened, random);
    DL_APPEND(streams->items, stream);
    return 0;
}

void sealed_streams_remove(struct sealed_streams *streams, uint64_t number) {
    struct sealed_stream *stream = find(streams, number);
    if (stream != NULL) {
        DL_DELETE(streams->items, stream);
        seal_stream_deinit(&stream->seal);
        free(stream);
    }
}

int sealed_streams_open(struct sealed_streams *streams, const struct seal_keys *keys,
                        struct muster_stream *stream) {
    struct sealed_stream *sealed = find(streams, stream->number);
    if (sealed == NULL) {
        return 0;
    }
    streams->opened.length = 0;
    int error = seal_stream_read(&sealed->seal, keys, stream->bytes, stream->length, &streams->opened);
    stream->bytes = streams->opened.bytes;
    stream->length = streams->opened.length;
    return error;
}

int sealed_streams_seal(struct sealed_streams *streams, struct muster_output *output) {
    struct sealed_stream *sealed = find(streams, output->stream);
    if (sealed == NULL) {
        return 0;
    }
    streams->sealed.length = 0;
    int error = seal_stream_write(&sealed->seal, output->bytes, output->length, &streams->sealed);
    output->bytes = streams->sealed.bytes;
    output->length = streams->sealed.length;
    return error;
}
