/*
 * One timer and two byte counters guard each connection, because evhttp's own time-out starts again with every byte.
 * A request, and an answer, may take a fixed time plus what its bytes take at the slowest rate that we bear.
 * The timer is lazy: it fires at what was the deadline when it was set, and looks again.
 */
#include "store/http_internal.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
        PIPELINE_MAX = HTTP_BODY_MAX + 2 * HTTP_HEADERS_MAX, /* bytes read ahead of evhttp */
        /* Whoever shows no device's certificate: enough for an enrolment, too little to fill the memory. */
        STRANGER_MAX = HTTP_STRANGER_BODY_MAX + 2 * HTTP_HEADERS_MAX,
        STRANGER_IDLE_MS = 5000,
};

int64_t http_now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_stranger(const struct connection *connection)
{
        return connection->peer.kind != TLS_PEER_DEVICE;
}

/* When the state must be over; INT64_MAX: never. */
static int64_t deadline(const struct connection *connection)
{
        const struct http_limits *limits = &connection->loop->server->limits;
        uint64_t moved = connection->moved;

        switch (connection->state) {
        case CONNECTION_READING: /* a byte too many earns no time: the body has its limit */
                if (moved > PIPELINE_MAX)
                        moved = PIPELINE_MAX;
                return connection->since_ms + limits->request_ms +
                       (int64_t)moved * 1000 / limits->rate_min;
        case CONNECTION_ANSWERING:
                return connection->since_ms + limits->request_ms +
                       (int64_t)moved * 1000 / limits->rate_min;
        case CONNECTION_WAITING:
                return connection->since_ms +
                       (is_stranger(connection) && limits->idle_ms > STRANGER_IDLE_MS
                                ? STRANGER_IDLE_MS
                                : limits->idle_ms);
        case CONNECTION_WORKING:
                return INT64_MAX;
        }
        return INT64_MAX;
}

static void arm(struct connection *connection, int64_t left_ms)
{
        const struct timeval after = {.tv_sec = (time_t)(left_ms / 1000),
                                      .tv_usec = (suseconds_t)(left_ms % 1000) * 1000};

        (void)event_add(connection->timer, &after);
}

/* Nobody reads it: the kernel shall not keep it for minutes after the close. */
static void forget_unsent(struct connection *connection)
{
        const struct linger now = {.l_onoff = 1, .l_linger = 0};

        (void)setsockopt(bufferevent_getfd(connection->bufferevent), SOL_SOCKET, SO_LINGER, &now,
                         sizeof(now));
}

/* false: there are too many of the key already */
static bool enter(struct connection *connection, struct crowd *crowd, unsigned max)
{
        if (!crowd_enter(crowd, &connection->key, max ? max : UINT_MAX)) {
                connection->loop->server->crowded++;
                return false;
        }
        connection->crowd = crowd;
        return true;
}

/* Who it comes from: known only after evhttp has given the socket to the bufferevent, and before a byte of it is read. */
static void count_address(struct connection *connection)
{
        struct http_server *server = connection->loop->server;
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } peer = {0};
        socklen_t size = sizeof(peer);
        char text[INET6_ADDRSTRLEN] = "";

        connection->looked_at = true;
        if (getpeername(bufferevent_getfd(connection->bufferevent), &peer.any, &size) == 0)
                (void)inet_ntop(peer.any.sa_family,
                                peer.any.sa_family == AF_INET6 ? (const void *)&peer.v6.sin6_addr
                                                               : (const void *)&peer.v4.sin_addr,
                                text, sizeof(text));
        connection->key = crowd_key_of_address(text);
        if (enter(connection, server->strangers, server->limits.stranger_max))
                return;
        connection_cut(connection);
}

static void leave_crowd(struct connection *connection)
{
        if (connection->crowd)
                crowd_leave(connection->crowd, &connection->key);
        connection->crowd = NULL;
}

/* A device is one of its own, wherever it comes from: a whole town may share an address. */
static void count_device(struct connection *connection)
{
        struct http_server *server = connection->loop->server;

        leave_crowd(connection);
        connection->looked_at = true;
        memcpy(connection->key.bytes, &connection->peer.device, sizeof(connection->key.bytes));
        if (enter(connection, server->devices, server->limits.device_max))
                return;
        connection->crowded = true;
}

static void look(evutil_socket_t fd, short what, void *context)
{
        struct connection *connection = context;
        int64_t until;

        (void)fd, (void)what;
        if (!connection->looked_at)
                count_address(connection);
        until = deadline(connection);
        if (until == INT64_MAX) {
                arm(connection, connection->loop->server->limits.request_ms);
                return;
        }
        until -= http_now_ms();
        if (until > 0) {
                arm(connection, until);
                return;
        }
        connection->loop->server->timed_out++;
        if (connection->state == CONNECTION_ANSWERING)
                forget_unsent(connection);
        connection_cut(connection);
        arm(connection, connection->loop->server->limits.request_ms);
}

void connection_cut(struct connection *connection)
{
        evutil_socket_t fd = bufferevent_getfd(connection->bufferevent);

        /* Not evhttp_connection_free(): before the first request nobody gives us the connection. */
        if (fd >= 0)
                (void)shutdown(fd, SHUT_RDWR);
}

void connection_enter(struct connection *connection, enum connection_state state)
{
        int64_t until;

        connection->state = state;
        connection->since_ms = http_now_ms();
        connection->moved = 0;
        until = deadline(connection);
        if (until != INT64_MAX)
                arm(connection, until - connection->since_ms);
}

void connection_know_peer(struct connection *connection)
{
        if (connection->peer_read)
                return;
        tls_peer_read(connection->bufferevent, &connection->peer);
        connection->peer_read = true;
        if (connection->peer.kind == TLS_PEER_DEVICE)
                count_device(connection);
}

static void input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info,
                          void *context)
{
        struct connection *connection = context;

        (void)buffer;
        if (!info->n_added)
                return;
        connection->loop->server->bytes_in += info->n_added;
        if (connection->state == CONNECTION_WAITING)
                connection_enter(connection, CONNECTION_READING);
        if (connection->state == CONNECTION_READING)
                connection->moved += info->n_added;
        connection_know_peer(connection); /* there are bytes, so there was a handshake */
        if (connection->moved > STRANGER_MAX && is_stranger(connection))
                connection_cut(connection);
}

static void output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info,
                           void *context)
{
        struct connection *connection = context;

        (void)buffer;
        if (connection->state == CONNECTION_ANSWERING)
                connection->moved += info->n_deleted;
        connection->loop->server->bytes_out += info->n_deleted;
}

/*
 * A loop takes one connection per turn: so the loop that has time takes the next, instead of one of
 * them the whole queue.
 */
static void pause_listening(struct http_loop *loop)
{
        loop->full = loop->connection_count >=
                     loop->server->limits.connection_max / loop->server->loop_count;
        (void)evconnlistener_disable(loop->listener);
        if (!loop->full)
                event_active(loop->resume, 0, 0);
}

static struct connection *connection_alloc(struct http_loop *loop)
{
        struct connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return NULL;
        connection->loop = loop;
        connection->timer = evtimer_new(loop->base, look, connection);
        if (!connection->timer) {
                free(connection);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&loop->connections, connection, link);
        loop->connection_count++;
        loop->server->accepted++;
        loop->server->open++;
        return connection;
}

struct bufferevent *connection_new(struct event_base *base, void *context)
{
        struct http_loop *loop = context;
        struct connection *connection = connection_alloc(loop);
        struct bufferevent *bufferevent;

        pause_listening(loop);
        if (!connection)
                return tls_refuse(base);
        bufferevent = tls_accept(loop->server->tls, base, connection);
        if (!bufferevent)
                return tls_refuse(base);
        connection->bufferevent = bufferevent;
        if (!evbuffer_add_cb(bufferevent_get_input(bufferevent), input_changed, connection) ||
            !evbuffer_add_cb(bufferevent_get_output(bufferevent), output_changed, connection)) {
                bufferevent_free(bufferevent); /* releases the connection */
                return tls_refuse(base);
        }
        /* evhttp goes on reading while it answers: what a client pipelines must end somewhere. */
        bufferevent_setwatermark(bufferevent, EV_READ, 0, PIPELINE_MAX);
        connection_enter(connection, CONNECTION_READING);
        event_active(connection->timer, EV_TIMEOUT, 0);
        return bufferevent;
}

void connection_released(void *context, bool handshake_done)
{
        struct connection *connection = context;
        struct http_loop *loop = connection->loop;

        TAILQ_REMOVE(&loop->connections, connection, link);
        leave_crowd(connection);
        event_free(connection->timer);
        if (!handshake_done)
                loop->server->handshakes_failed++;
        loop->server->open--;
        loop->connection_count--;
        if (loop->full && loop->listener) {
                loop->full = false;
                event_active(loop->resume, 0, 0);
        }
        free(connection);
}
