/*
 * Copyright (C) oof authors
 *
 * To be loaded before other libraries (LD_PRELOAD): names that begin with
 * "hanging" are looked up as by name servers that do not answer.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    int  (*real)(const char *, const char *, const struct addrinfo *,
                 struct addrinfo **);

    if (node && strncmp(node, "hanging", 7) == 0) {
        sleep(40);
        return EAI_AGAIN;
    }

    real = dlsym(RTLD_NEXT, "getaddrinfo");

    return real(node, service, hints, res);
}
