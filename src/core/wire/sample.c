#include <muster/telemetry.h>

static const char *const kind_names[] = {"live", "repaired", "last", "stream"};
static const char *const reason_names[] = {"wire", "gone", "kernel", "program"};

const char *muster_sample_kind_name(enum muster_sample_kind kind) {
    return (size_t)kind < sizeof kind_names / sizeof *kind_names ? kind_names[kind] : "unknown";
}

const char *muster_loss_reason_name(enum muster_loss_reason reason) {
    return (size_t)reason < sizeof reason_names / sizeof *reason_names ? reason_names[reason] : "unknown";
}
