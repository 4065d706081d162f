/* SPDX-License-Identifier: MIT */
/* SenML packs: a record that was read can be printed, and is read as the same one. */
#include <math.h>
#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "fuzz.h"
#include "value_ref.h"

#define NOW_S 1700000000.0
#define PRINTED_BYTES_MAX 16384 /* of a text each byte may need six */

static void check_record(const struct muster_record *record) {
    static char printed[PRINTED_BYTES_MAX];
    static struct muster_pack pack;
    struct muster_record again;
    int length = muster_record_print(record, NULL, printed, sizeof printed);
    REQUIRE(length > 0);
    muster_pack_open(&pack, printed, (size_t)length, NOW_S);
    REQUIRE(muster_pack_next(&pack, &again) == 1);
    REQUIRE(strcmp(record->name, again.name) == 0 && strcmp(record->unit, again.unit) == 0);
    REQUIRE(record->kind == again.kind);
    REQUIRE(record->kind != MUSTER_VALUE_NUMBER || record->number == again.number);
    REQUIRE(record->kind != MUSTER_VALUE_BOOLEAN || record->boolean == again.boolean);
    if (record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA) {
        REQUIRE(record->text_length == again.text_length);
        REQUIRE(memcmp(record->text, again.text, record->text_length) == 0);
    }
    REQUIRE(record->has_sum == again.has_sum && (!record->has_sum || record->sum == again.sum));
    REQUIRE(muster_pack_next(&pack, &again) == 0);
}

/* What refers to a value is no pack, and is written as it was read. */
static void check_reference(const char *bytes, size_t length, bool is_pack) {
    struct value_ref ref;
    struct value_ref again;
    char text[VALUE_REF_BYTES_MAX];
    if (!value_ref_read(bytes, length, &ref)) {
        return;
    }
    REQUIRE(value_ref_begins(bytes, length) && !is_pack);
    REQUIRE(value_ref_read(text, value_ref_write(&ref, text), &again));
    REQUIRE(ref.size == again.size && strcmp(ref.name, again.name) == 0);
    REQUIRE(memcmp(ref.hash, again.hash, sizeof ref.hash) == 0);
    REQUIRE(fabs(ref.time_s - again.time_s) < 2e-6);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static struct muster_pack pack;
    struct muster_record record;
    size_t offset = 0;
    int result;
    if (length > MUSTER_DATAGRAM_BYTES_MAX) {
        return 0;
    }
    muster_pack_open(&pack, (const char *)bytes, length, NOW_S);
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        check_record(&record);
    }
    REQUIRE(result == 0 || result == MUSTER_EINVAL);
    REQUIRE((muster_pack_fault(&pack, &offset) != NULL) == (result != 0));
    REQUIRE(offset <= length);
    check_reference((const char *)bytes, length, result == 0);
    return 0;
}
