/* SPDX-License-Identifier: MIT */
/* Error codes of every muster function: 0 is success, each code is negative. */
#ifndef MUSTER_ERROR_H
#define MUSTER_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MUSTER_API __attribute__((visibility("default")))
#else
#define MUSTER_API
#endif

#define MUSTER_ERRORS(X)                                                     \
    X(EINVAL, -1, "invalid argument")                                        \
    X(ENOMEM, -2, "out of memory")                                           \
    X(ETOOBIG, -3, "the document is too big to announce (64 KiB at most)")   \
    X(EFULL, -4, "a bounded queue or table is full")                         \
    X(ENOINTERFACE, -5, "no usable network interface")                       \
    X(ENOPORT, -6, "no free unicast port")                                   \
    X(EPERM, -7, "permission denied")                                        \
    X(EBUSY, -8, "the instance or socket is in use by another muster")       \
    X(EDAMAGED, -9, "the state directory is damaged")                        \
    X(ESTATE, -10, "the state directory cannot be used")                     \
    X(ECRYPTO, -11, "the cryptographic library failed")                      \
    X(ESYSTEM, -12, "the operating system refused")                          \
    X(ECLOSING, -13, "the node is closing")                                  \
    X(ENOTFOUND, -14, "nothing of that kind is there")                       \
    X(EREFUSED, -15, "the running muster refused")                           \
    X(ELOST, -16, "the running muster could not be understood or went away") \
    X(EAGAIN, -17, "too much waits to be sent")

enum muster_error {
#define MUSTER_ERROR_ENUM(name, code, text) MUSTER_##name = (code),
    MUSTER_ERRORS(MUSTER_ERROR_ENUM)
#undef MUSTER_ERROR_ENUM
};

/* The text for people of a code, "success" for 0, "unknown error" for any other number. Static storage. */
MUSTER_API const char *muster_error_text(int code);

/* The code's name, "MUSTER_EINVAL", for logs; "MUSTER_UNKNOWN" for any other number, 0 too. Static storage.
 */
MUSTER_API const char *muster_error_name(int code);

#ifdef __cplusplus
}
#endif
#endif
