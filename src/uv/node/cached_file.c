/* SPDX-License-Identifier: MIT */
#include "cached_file.h"

#include <stdlib.h>

#include "deadline.h"

#define FILE_NAME "cached"

/* More than what may be kept, each value with its header. */
#define BYTES_MAX (16u << 20)

/* Values come all the time: so much of them a crash may take away. A large file is written less often, some
 * 20 kB a second, to spare the disk; and so is one that can't be written. What somebody asked to retain is
 * written soon. */
#define SAVE_MS 5000
#define SAVE_MS_MAX 60000
#define SAVE_BYTES_MS 20
#define SAVE_RETAINED_MS 500

/* ---- reading ---- */

static void set_aside(const struct cached_file *file) {
    char aside[SLOT_FILE_NAME_BYTES];
    if (slot_file_set_aside(file->slot, FILE_NAME, "damaged", part_wall_ms(), false, aside, file->log) == 0) {
        log_line(file->log, MUSTER_LOG_WARNING, "%s/%s was damaged, and is %s now: what it kept is lost",
                 file->slot->path, FILE_NAME, aside);
    }
}

void cached_file_load(struct cached_file *file) {
    uint8_t *bytes;
    size_t length;
    uint64_t wall_ms;
    file->is_used = true;
    if (slot_file_load(file->slot, FILE_NAME, BYTES_MAX, &bytes, &length, &wall_ms, file->log) != 1) {
        return;
    }
    const uint64_t now_ms = part_wall_ms();
    const int error =
        muster_core_cached_load(file->context->core, bytes, length, now_ms > wall_ms ? now_ms - wall_ms : 0);
    free(bytes);
    file->bytes = length;
    if (error == MUSTER_EINVAL) {
        set_aside(file);
    }
    file->saved = muster_core_cached_changes(file->context->core);
}

/* ---- writing ---- */

/* What could not be written is tried again; the slot said why. */
static void save(struct cached_file *file) {
    uint8_t *bytes;
    size_t length;
    const uint64_t changes = muster_core_cached_changes(file->context->core);
    const uint64_t retained = muster_core_retained_changes(file->context->core);
    file->due_ms = 0;
    file->has_failed = true;
    if (muster_core_cached_save(file->context->core, &bytes, &length) != 0) {
        return;
    }
    int error = slot_draft_write_bytes(file->slot, FILE_NAME, bytes, length, file->log);
    error = error == 0 ? slot_draft_publish(file->slot, FILE_NAME, file->log) : error;
    file->has_failed = error != 0;
    if (error == 0) {
        file->saved = changes;
        file->retained = retained;
        file->bytes = length;
    }
    free(bytes);
}

static bool has_retained(const struct cached_file *file) {
    return muster_core_retained_changes(file->context->core) != file->retained;
}

static bool is_changed(const struct cached_file *file) {
    return file->is_used &&
           (has_retained(file) || muster_core_cached_changes(file->context->core) != file->saved);
}

static uint64_t patience_ms(const struct cached_file *file) {
    const uint64_t bytes_ms = file->bytes / SAVE_BYTES_MS;
    if (!file->has_failed && has_retained(file)) {
        return SAVE_RETAINED_MS;
    }
    return file->has_failed || bytes_ms > SAVE_MS_MAX ? SAVE_MS_MAX : bytes_ms < SAVE_MS ? SAVE_MS : bytes_ms;
}

void cached_file_turn(struct cached_file *file) {
    const uint64_t now_ms = part_now_ms();
    if (!is_changed(file)) {
        return;
    }
    const uint64_t latest_ms = now_ms + patience_ms(file);
    if (file->due_ms == 0 || file->due_ms > latest_ms) {
        file->due_ms = latest_ms;
    } else if (file->due_ms <= now_ms) {
        save(file);
    }
}

void cached_file_close(struct cached_file *file) {
    if (is_changed(file)) {
        save(file);
    }
}

uint64_t cached_file_due_ms(const struct cached_file *file) {
    return file->due_ms == 0 ? DEADLINE_NEVER : file->due_ms;
}
