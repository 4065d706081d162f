/* SPDX-License-Identifier: MIT */
/* Bytes that are read as steps. Behind their end there are zeros. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t take(struct input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

/* Little endian. */
static inline unsigned take_2(struct input *input) {
    unsigned low = take(input);
    return low | (unsigned)take(input) << 8;
}

/* Two bytes of length, and so many bytes, or as many as there are. */
static inline size_t take_bytes(struct input *input, const uint8_t **bytes) {
    size_t length = take_2(input);
    length = length < input->left ? length : input->left;
    *bytes = input->at;
    input->at += length;
    input->left -= length;
    return length;
}
