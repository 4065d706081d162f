/* SPDX-License-Identifier: MIT */
#include <muster/error.h>

const char *muster_error_text(int code) {
    switch (code) {
    case 0: return "success";
#define ERROR_TEXT(name, number, text) \
    case number: return text;
        MUSTER_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    default: return "unknown error";
    }
}

const char *muster_error_name(int code) {
    switch (code) {
#define ERROR_NAME(name, number, text) \
    case number: return "MUSTER_" #name;
        MUSTER_ERRORS(ERROR_NAME)
#undef ERROR_NAME
    default: return "MUSTER_UNKNOWN";
    }
}
