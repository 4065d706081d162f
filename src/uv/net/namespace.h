/* Which network of this machine this process is in: a Unix socket can be reached from others too. */
#ifndef UV_NAMESPACE_H
#define UV_NAMESPACE_H

#include <muster/core.h>

/* The name of the network namespace, "net:[4026531840]" (namespaces(7)); "" where that can't be told. */
void namespace_name(char name[MUSTER_NETWORK_NAME_BYTES]);

#endif
