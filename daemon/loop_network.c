#include "daemon/loop_network.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct network {
        int fd;
        struct event *readable;
        struct event *settled; /* changes come in swarms: one call for each */
        void (*changed)(void *context);
        void *context;
};

static void on_readable(evutil_socket_t fd, short what, void *context)
{
        static const struct timeval second = {.tv_sec = 1};
        struct network *network = context;
        char swarm[8192];

        (void)what;
        while (recv(fd, swarm, sizeof(swarm), MSG_DONTWAIT) > 0)
                ; /* that something changed is all we want to know */
        if (!evtimer_pending(network->settled, NULL))
                (void)event_add(network->settled, &second);
}

static void on_settled(evutil_socket_t fd, short what, void *context)
{
        struct network *network = context;

        (void)fd;
        (void)what;
        network->changed(network->context);
}

struct network *network_free(struct network *network)
{
        if (!network)
                return NULL;
        if (network->readable)
                event_free(network->readable);
        if (network->settled)
                event_free(network->settled);
        if (network->fd >= 0)
                (void)close(network->fd);
        free(network);
        return NULL;
}
DEFINE_FREEP(network)

int network_new(struct event_base *base, void (*changed)(void *context), void *context,
                struct network **ret)
{
        CLEANUP(network_freep) struct network *network = calloc(1, sizeof(*network));
        struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                      .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
                                                   RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                                   RTMGRP_IPV6_ROUTE};

        if (!network)
                return FAIL(PANNIER_E_MEMORY, "no memory to watch the network");
        network->changed = changed;
        network->context = context;
        network->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (network->fd < 0 ||
            bind(network->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return FAIL(PANNIER_E_SYSTEM, "cannot watch the network: %s", strerror(errno));
        network->readable =
                event_new(base, network->fd, EV_READ | EV_PERSIST, on_readable, network);
        network->settled = evtimer_new(base, on_settled, network);
        if (!network->readable || !network->settled || event_add(network->readable, NULL) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory to watch the network");
        *ret = TAKE(network);
        return 0;
}
