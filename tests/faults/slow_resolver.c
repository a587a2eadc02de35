/* Preloaded: the lookup of one name begins, and does not end before it may. Two files tell and are told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    if (node != NULL && strcmp(node, "slow.pool.test") == 0) {
        int asked = open(getenv("RESOLVER_ASKED"), O_CREAT | O_WRONLY, 0600);
        if (asked >= 0)
            close(asked);
        while (access(getenv("RESOLVER_GO_ON"), F_OK) != 0)
            usleep(10000);
        return EAI_AGAIN;
    }
    return ((lookup *)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, found);
}
