/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "files.h"

/* Only those are dropped that are there: a process without any need not be allowed to call capset(2). */
static void drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    const unsigned kept = 1u << CAP_DAC_OVERRIDE;
    if (syscall(SYS_capget, &header, data) != 0 || (data[0].permitted == 0 && data[1].permitted == 0)) {
        return;
    }
    data[0].effective = data[0].permitted &= kept;
    data[1].effective = data[1].permitted = 0;
    data[0].inheritable = data[1].inheritable = 0;
    syscall(SYS_capset, &header, data);
}

unsigned confine(const struct confinement *confinement) {
    unsigned parts = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return 0;
    }
    drop_capabilities();
    if (!confinement->writes_anywhere && files_confine(confinement)) {
        parts |= CONFINE_FILES;
    }
    if (calls_confine(confinement)) { /* the last one, for it refuses the calls of the others */
        parts |= CONFINE_CALLS;
    }
    return parts;
}

unsigned confine_possible(void) {
    return (calls_are_confinable() ? CONFINE_CALLS : 0u) | (files_are_confinable() ? CONFINE_FILES : 0u);
}
