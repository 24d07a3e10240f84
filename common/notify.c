#include "common/notify.h"

#include "common/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATE_MAX = 512 };

int notify_send(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t size;
        ssize_t sent;
        int fd;

        if (!path)
                return 0;
        size = strlen(path);
        /* '/' a path, '@' the abstract namespace (a NUL in its place); systemd knows others, we do not. */
        if ((path[0] != '/' && path[0] != '@') || size < 2 || size >= sizeof(address.sun_path))
                return FAIL(PANNIER_E_INVALID, "NOTIFY_SOCKET is not a Unix socket");
        memcpy(address.sun_path, path, size);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return FAIL(PANNIER_E_SYSTEM, "socket: %s", strerror(errno));
        sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
        (void)close(fd);
        if (sent < 0)
                return FAIL(PANNIER_E_SYSTEM, "NOTIFY_SOCKET: %s", strerror(errno));
        return 1;
}

int notify_ready(const char *status)
{
        char state[STATE_MAX];

        (void)snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", status);
        return notify_send(state);
}

/* A decimal number of the environment; 0 where there is none. */
static int64_t number_of(const char *name)
{
        const char *text = getenv(name);
        char *end;
        long long value;

        if (!text || !*text)
                return 0;
        errno = 0;
        value = strtoll(text, &end, 10);
        return errno || *end || value < 0 ? 0 : value;
}

int64_t notify_watchdog_ms(void)
{
        int64_t of = number_of("WATCHDOG_PID"), half_ms = number_of("WATCHDOG_USEC") / 2000;

        if (!getenv("NOTIFY_SOCKET") || (of && of != getpid()))
                return 0;
        return half_ms > 0 || number_of("WATCHDOG_USEC") == 0 ? half_ms : 1;
}

int notify_stopping(void)
{
        return notify_send("STOPPING=1");
}
