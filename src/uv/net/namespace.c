#include "namespace.h"

#include <unistd.h>

void namespace_name(char name[MUSTER_NETWORK_NAME_BYTES]) {
    ssize_t length = readlink("/proc/self/ns/net", name, MUSTER_NETWORK_NAME_BYTES - 1);
    name[length > 0 ? length : 0] = '\0';
}
