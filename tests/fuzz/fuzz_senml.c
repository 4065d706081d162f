/* SPDX-License-Identifier: MIT */
/* SenML packs: a record that was read can be printed, and is read as the same one. */
#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "fuzz.h"

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
    return 0;
}
