#include "store/http_internal.h"

#include "common/error.h"

#include <errno.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        BACKLOG = 1024,
        INACTIVITY_S = 3600, /* evhttp's own time-out; our timers are the real ones */
};

static void answer_finished(struct http_loop *loop)
{
        struct calls calls = STAILQ_HEAD_INITIALIZER(calls);

        (void)pthread_mutex_lock(&loop->lock);
        STAILQ_CONCAT(&calls, &loop->answered);
        (void)pthread_mutex_unlock(&loop->lock);
        while (!STAILQ_EMPTY(&calls)) {
                struct http_call *call = STAILQ_FIRST(&calls);

                STAILQ_REMOVE_HEAD(&calls, link);
                call_send(call);
        }
}

static void drain(struct http_loop *loop)
{
        struct connection *connection;

        if (!loop->listener)
                return;
        loop->listener = NULL;
        evhttp_del_accept_socket(loop->http, loop->bound);
        TAILQ_FOREACH(connection, &loop->connections, link)
        if (connection->state == CONNECTION_WAITING)
                connection_cut(connection);
}

static void woken(evutil_socket_t fd, short what, void *context)
{
        struct http_loop *loop = context;

        (void)fd, (void)what;
        answer_finished(loop);
        if (loop->server->draining)
                drain(loop);
        if (loop->server->stopping)
                (void)event_base_loopbreak(loop->base);
}

static void resume(evutil_socket_t fd, short what, void *context)
{
        struct http_loop *loop = context;

        (void)fd, (void)what;
        if (loop->listener && !loop->full)
                (void)evconnlistener_enable(loop->listener);
}

/* Out of file descriptors or memory, most likely: silence until the next tick of `resume`, instead of a spin. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
        (void)context;
        (void)evconnlistener_disable(listener);
}

static void *loop_run(void *context)
{
        struct http_loop *loop = context;

        loop->thread = pthread_self(); /* pthread_create() may be late with it */
        (void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
        loop->listener = NULL; /* evhttp_free() frees it; no connection may want it back */
        evhttp_free(loop->http);
        loop->http = NULL;
        /* TLS objects are freed by deferred callbacks, and they tell their connections. */
        (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
        return NULL;
}

static int listen_here(struct http_loop *loop, evutil_socket_t shared)
{
        evutil_socket_t own = fcntl(shared, F_DUPFD_CLOEXEC, 0);

        if (own < 0)
                return FAIL(PANNIER_E_SYSTEM, "dup: %s", strerror(errno));
        loop->listener = evconnlistener_new(loop->base, NULL, NULL,
                                            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, own);
        if (!loop->listener) {
                (void)close(own);
                return FAIL(PANNIER_E_MEMORY, "listener");
        }
        loop->bound = evhttp_bind_listener(loop->http, loop->listener);
        if (!loop->bound) {
                evconnlistener_free(TAKE(loop->listener));
                return FAIL(PANNIER_E_MEMORY, "listener");
        }
        evconnlistener_set_error_cb(loop->listener, accept_failed);
        return 0;
}

static int loop_init(struct http_loop *loop, evutil_socket_t shared)
{
        const struct timeval tick = {.tv_sec = 1};

        loop->base = event_base_new();
        loop->http = loop->base ? evhttp_new(loop->base) : NULL;
        if (!loop->http)
                return FAIL(PANNIER_E_MEMORY, "event loop");
        evhttp_set_max_headers_size(loop->http, HTTP_HEADERS_MAX);
        evhttp_set_max_body_size(loop->http, HTTP_BODY_MAX);
        evhttp_set_allowed_methods(loop->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT);
        evhttp_set_default_content_type(loop->http, NULL);
        evhttp_set_timeout(loop->http, INACTIVITY_S);
        evhttp_set_bevcb(loop->http, connection_new, loop);
        evhttp_set_gencb(loop->http, call_begin, loop);
        loop->wake = event_new(loop->base, -1, 0, woken, loop);
        loop->resume = event_new(loop->base, -1, EV_PERSIST, resume, loop);
        if (!loop->wake || !loop->resume || event_add(loop->resume, &tick) < 0)
                return FAIL(PANNIER_E_MEMORY, "event loop");
        return listen_here(loop, shared);
}

static void loop_deinit(struct http_loop *loop)
{
        if (loop->http)
                evhttp_free(loop->http);
        if (loop->wake)
                event_free(loop->wake);
        if (loop->resume)
                event_free(loop->resume);
        if (loop->base)
                event_base_free(loop->base);
        (void)pthread_mutex_destroy(&loop->lock);
}

static int bind_one(const struct addrinfo *address, evutil_socket_t *ret)
{
        const int on = 1;
        int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        address->ai_protocol);

        if (fd < 0)
                return FAIL(PANNIER_E_SYSTEM, "socket: %s", strerror(errno));
        /* NODELAY is inherited by what is accepted. Never SO_REUSEPORT: a second daemon would share the port. */
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
            bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
                int error = errno;

                (void)close(fd);
                return FAIL(error == EADDRINUSE ? PANNIER_E_BUSY : PANNIER_E_SYSTEM, "listen: %s",
                            strerror(error));
        }
        *ret = fd;
        return 0;
}

static int bind_first(const char *host, uint16_t port, evutil_socket_t *ret)
{
        const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                       .ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
        struct addrinfo *addresses = NULL;
        char service[8];
        int r;

        (void)snprintf(service, sizeof(service), "%u", port);
        r = getaddrinfo(host, service, &hints, &addresses);
        if (r != 0)
                return FAIL(PANNIER_E_INVALID, "cannot listen on \"%s\": %s", host ? host : "*",
                            gai_strerror(r));
        r = FAIL(PANNIER_E_SYSTEM, "no address for \"%s\"", host ? host : "*");
        for (const struct addrinfo *at = addresses; at && r < 0; at = at->ai_next)
                r = bind_one(at, ret);
        freeaddrinfo(addresses);
        return r;
}

static uint16_t bound_port(evutil_socket_t fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } address = {0};
        socklen_t size = sizeof(address);

        if (getsockname(fd, &address.any, &size) < 0)
                return 0;
        return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
                                                       : address.v4.sin_port);
}

static int prepare(struct http_server *server, const struct http_settings *settings)
{
        evutil_socket_t shared;
        int r = tls_server_new(&settings->identity, connection_released, &server->tls);

        r = r < 0 ? r : bind_first(settings->address, settings->port, &shared);
        if (r < 0)
                return r;
        server->port = bound_port(shared);
        for (unsigned i = 0; i < server->loop_count && r >= 0; i++)
                r = loop_init(&server->loops[i], shared);
        (void)close(shared); /* each loop listens on a duplicate of its own */
        return r;
}

int http_server_new(const struct http_settings *settings, struct http_server **ret)
{
        CLEANUP(http_server_freep) struct http_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return FAIL(PANNIER_E_MEMORY, "server");
        if (!settings->loop_count || settings->loop_count > HTTP_LOOPS_MAX)
                return FAIL(PANNIER_E_INVALID, "1 to %d loops", HTTP_LOOPS_MAX);
        if (evthread_use_pthreads() < 0)
                return FAIL(PANNIER_E_SYSTEM, "libevent has no threads");
        server->limits = settings->limits;
        server->routes = settings->routes;
        server->route_count = settings->route_count;
        server->context = settings->context;
        server->loop_count = settings->loop_count;
        for (unsigned i = 0; i < server->loop_count; i++) {
                struct http_loop *loop = &server->loops[i];

                loop->server = server;
                loop->number = i;
                TAILQ_INIT(&loop->connections);
                STAILQ_INIT(&loop->answered);
                (void)pthread_mutex_init(&loop->lock, NULL);
        }
        r = crowd_new(settings->limits.connection_max, &server->strangers);
        r = r < 0 ? r : crowd_new(settings->limits.connection_max, &server->devices);
        r = r < 0 ? r : prepare(server, settings);
        if (r < 0)
                return r;
        *ret = TAKE(server);
        return 0;
}

int http_server_start(struct http_server *server)
{
        for (unsigned i = 0; i < server->loop_count; i++) {
                struct http_loop *loop = &server->loops[i];
                int r = pthread_create(&loop->thread, NULL, loop_run, loop);

                if (r != 0)
                        return FAIL(PANNIER_E_SYSTEM, "thread: %s", strerror(r));
                loop->started = true;
        }
        return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
        return server->port;
}

int http_server_replace(struct http_server *server, const struct tls_identity *identity)
{
        return tls_server_replace(server->tls, identity);
}

static void wake_all(struct http_server *server)
{
        for (unsigned i = 0; i < server->loop_count; i++)
                event_active(server->loops[i].wake, 0, 0);
}

void http_server_drain(struct http_server *server)
{
        server->draining = true;
        wake_all(server);
}

size_t http_server_busy(const struct http_server *server)
{
        return server->busy;
}

void http_server_stop(struct http_server *server)
{
        server->stopping = true;
        for (unsigned i = 0; i < server->loop_count; i++) {
                struct http_loop *loop = &server->loops[i];

                if (!loop->started)
                        continue;
                event_active(loop->wake, 0, 0);
                (void)pthread_join(loop->thread, NULL);
                loop->started = false;
        }
}

struct http_server *http_server_free(struct http_server *server)
{
        if (!server)
                return NULL;
        http_server_stop(server);
        for (unsigned i = 0; i < server->loop_count; i++) {
                answer_finished(&server->loops[i]);
                loop_deinit(&server->loops[i]);
        }
        (void)tls_server_free(server->tls);
        (void)crowd_free(server->strangers);
        (void)crowd_free(server->devices);
        free(server);
        return NULL;
}

void http_server_figures(const struct http_server *server, struct http_figures *ret)
{
        *ret = (struct http_figures){
                .accepted = server->accepted,
                .open = server->open,
                .handshakes_failed = server->handshakes_failed,
                .timed_out = server->timed_out,
                .crowded = server->crowded,
                .requests = server->requests,
                .bytes_in = server->bytes_in,
                .bytes_out = server->bytes_out,
        };
}
