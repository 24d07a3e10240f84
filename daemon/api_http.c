/*
 * A connection is in one of these states; connection_move() is the only way from one to the next:
 *
 *     IDLE ──▶ HEAD ──▶ BODY ──▶ HANDLING ──▶ IDLE        (kept open)
 *       │        │        │         ├───────▶ STREAMING ──▶ CLOSING
 *       │        └────────┴─────────┴───────▶ CLOSING ──▶ LINGERING
 *       └── (end of file, time out) ──▶ freed; as from every other state
 *
 * CLOSING still writes; LINGERING has told the client that no more comes and throws away what it still sends,
 * since closing a socket with unread bytes in it would destroy the answer on its way.
 *
 * A connection is freed only from an event callback of its own, never under a handler's feet.
 */
#include "daemon/api_http.h"

#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum connection_state {
        CONNECTION_IDLE,
        CONNECTION_HEAD,
        CONNECTION_BODY,
        CONNECTION_HANDLING,
        CONNECTION_STREAMING,
        CONNECTION_CLOSING,
        CONNECTION_LINGERING,
};

#define TO(state) (1u << CONNECTION_##state)

static const unsigned allowed_moves[] = {
        [CONNECTION_IDLE] = TO(HEAD) | TO(CLOSING),
        [CONNECTION_HEAD] = TO(BODY) | TO(HANDLING) | TO(CLOSING),
        [CONNECTION_BODY] = TO(HANDLING) | TO(CLOSING),
        [CONNECTION_HANDLING] = TO(IDLE) | TO(STREAMING) | TO(CLOSING),
        [CONNECTION_STREAMING] = TO(CLOSING),
        [CONNECTION_CLOSING] = TO(LINGERING),
        [CONNECTION_LINGERING] = 0,
};

enum { LINGER_MS = 2000, LISTEN_BACKLOG = 64 };

/* The exchange is the connection seen by a handler: there is one at a time. */
struct api_exchange {
        struct api_http *http;
        LIST_ENTRY(api_exchange) link;
        struct bufferevent *bev;
        struct event *deadline; /* of the state it is in */
        struct event *resume;   /* a turn of the loop later, when pipelined input waits */
        enum connection_state state;
        struct http1_head head; /* borrows from `input` */
        struct buffer input;    /* head and body of the request being handled */
        struct arena arena;     /* decoded target */
        void *sink;             /* takes the body, NULL: it is collected */
        uint64_t body_left;     /* of what the sink takes */
        void (*gone)(void *context);
        void (*drained)(void *context); /* of a stream */
        void *gone_context;
};

struct api_http {
        struct event_base *base;
        struct api_http_options options;
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
        int lock;
        bool bound;
        struct evconnlistener *listener;
        api_handle handle;
        void *context;
        const struct api_sinks *sinks;
        unsigned connection_count;
        LIST_HEAD(, api_exchange) connections;
};

static uint32_t state_ms(const struct api_http *http, enum connection_state state)
{
        switch (state) {
        case CONNECTION_IDLE:
                return http->options.idle_ms;
        case CONNECTION_HEAD:
                return http->options.head_ms;
        case CONNECTION_BODY:
                return http->options.body_ms;
        case CONNECTION_HANDLING:
        case CONNECTION_STREAMING:
                return 0; /* the handler's time, or as long as the client listens */
        case CONNECTION_CLOSING:
                return http->options.write_ms;
        case CONNECTION_LINGERING:
                return LINGER_MS;
        }
        return 0;
}

static void connection_move(struct api_exchange *connection, enum connection_state state)
{
        uint32_t ms = state_ms(connection->http, state);
        struct timeval timeout = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

        if (!(allowed_moves[connection->state] & 1u << state))
                abort(); /* our own bug: nothing that a client sends chooses a move that is not listed */
        connection->state = state;
        if (ms)
                (void)event_add(connection->deadline, &timeout);
        else
                (void)event_del(connection->deadline);
}

static struct api_exchange *connection_free(struct api_exchange *connection)
{
        if (!connection)
                return NULL;
        if (connection->gone)
                connection->gone(connection->gone_context);
        if (connection->sink)
                connection->http->sinks->free(connection->sink);
        if (connection->bev)
                bufferevent_free(connection->bev);
        if (connection->deadline)
                event_free(connection->deadline);
        if (connection->resume)
                event_free(connection->resume);
        buffer_wipe(&connection->input);
        arena_deinit(&connection->arena);
        LIST_REMOVE(connection, link);
        connection->http->connection_count--;
        free(connection);
        return NULL;
}

static struct evbuffer *connection_output(struct api_exchange *connection)
{
        return bufferevent_get_output(connection->bev);
}

static void connection_linger(struct api_exchange *connection)
{
        connection_move(connection, CONNECTION_LINGERING);
        (void)shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
}

static void write_answer(struct api_exchange *connection, int status, const char *media_type,
                         struct bytes body, bool close)
{
        struct evbuffer *output = connection_output(connection);

        (void)evbuffer_add_printf(output, "HTTP/1.1 %d %s\r\n", status, http1_reason(status));
        if (media_type)
                (void)evbuffer_add_printf(output, "Content-Type: %s\r\n", media_type);
        if (status != 204)
                (void)evbuffer_add_printf(output, "Content-Length: %zu\r\n", body.size);
        (void)evbuffer_add_printf(output, "Cache-Control: no-store\r\n%s\r\n",
                                  close ? "Connection: close\r\n" : "");
        if (body.size)
                (void)evbuffer_add(output, body.data, body.size);
}

/* A request that is not even one: say so and close. @message needs no escaping: it is ours. */
static void connection_refuse(struct api_exchange *connection, int status, const char *code,
                              const char *message)
{
        char body[256];
        int size =
                snprintf(body, sizeof(body),
                         "{\"error\": {\"code\": \"%s\", \"message\": \"%s\"}}\n", code, message);

        write_answer(connection, status, "application/json", BYTES(body, (size_t)size), true);
        connection_move(connection, CONNECTION_CLOSING);
}

static void connection_handle(struct api_exchange *connection)
{
        struct api_request request = {.head = &connection->head};
        int r;

        connection_move(connection, CONNECTION_HANDLING);
        request.body = BYTES(connection->input.data + connection->head.size,
                             connection->input.size - connection->head.size);
        arena_reset(&connection->arena);
        r = http1_parse_target(connection->head.target, &connection->arena, &request.target);
        if (r < 0) {
                connection_refuse(connection, r == PANNIER_E_MEMORY ? 503 : 400, "malformed",
                                  "the path or query is not well-formed");
                return;
        }
        request.sink = connection->sink;
        connection->http->handle(connection->http->context, connection, &request);
        if (request.sink)
                connection->http->sinks->free(request.sink);
        connection->sink = NULL;
}

/* Move head and body out of the socket's buffer, so that they lie in one piece while they are handled. */
static bool take_bytes(struct api_exchange *connection, size_t size)
{
        struct evbuffer *input = bufferevent_get_input(connection->bev);
        uint8_t *data;

        buffer_reset(&connection->input);
        data = buffer_reserve(&connection->input, size);
        if (!data) {
                connection_refuse(connection, 503, "memory", "no memory for this request");
                return false;
        }
        (void)evbuffer_remove(input, data, size);
        connection->input.size = size;
        /* Again, over our own copy: the head borrowed from bytes that have moved. */
        if (http1_parse_request(buffer_view(&connection->input), &connection->head) <= 0)
                abort();
        return true;
}

/* 1 a sink takes the body; 0 it is collected; -1 it was refused */
static int begin_sink(struct api_exchange *connection)
{
        struct api_http *http = connection->http;
        struct api_request request = {.head = &connection->head};
        int r;

        if (!http->sinks || !connection->head.length)
                return 0;
        arena_reset(&connection->arena);
        if (http1_parse_target(connection->head.target, &connection->arena, &request.target) < 0)
                return 0; /* refused when it is handled */
        r = http->sinks->begin(http->context, &request, &connection->sink);
        if (r == 0)
                return 0;
        if (r < 0) {
                connection_refuse(connection, 503, "memory", "no memory for this request");
                return -1;
        }
        connection->body_left = connection->head.length;
        return take_bytes(connection, connection->head.size) ? 1 : -1;
}

static void feed_sink(struct api_exchange *connection)
{
        struct evbuffer *input = bufferevent_get_input(connection->bev);
        struct evbuffer_iovec piece;
        int r = 0;

        while (r >= 0 && connection->body_left > 0 &&
               evbuffer_peek(input, 1, NULL, &piece, 1) > 0) {
                size_t size = piece.iov_len < connection->body_left ? piece.iov_len
                                                                    : (size_t)connection->body_left;

                r = connection->http->sinks->piece(connection->sink, BYTES(piece.iov_base, size));
                (void)evbuffer_drain(input, size);
                connection->body_left -= size;
        }
        if (r < 0 && connection->body_left > 0)
                connection->head.close = true; /* what still comes is not looked at */
        if (r < 0 || connection->body_left == 0)
                connection_handle(connection);
}

static void refuse_head(struct api_exchange *connection, int error)
{
        if (error == PANNIER_E_LIMIT)
                connection_refuse(connection, 431, "limit", "the head of the request is too large");
        else
                connection_refuse(connection, 400, "malformed", error_detail());
}

static bool output_waits(const struct api_exchange *connection)
{
        return evbuffer_get_length(bufferevent_get_output(connection->bev)) > 0;
}

/* One step with what has arrived: at most one request is begun. */
static void connection_step(struct api_exchange *connection)
{
        struct evbuffer *input = bufferevent_get_input(connection->bev);
        size_t size = evbuffer_get_length(input);
        size_t head_size = size < HTTP1_HEAD_MAX ? size : HTTP1_HEAD_MAX;
        int r;

        if (size == 0)
                return;
        /* Who sends requests and reads no answers gets no more of them. */
        if (connection->state == CONNECTION_IDLE && output_waits(connection))
                return;
        if (connection->state == CONNECTION_IDLE)
                connection_move(connection, CONNECTION_HEAD);
        if (connection->state == CONNECTION_HEAD) {
                const uint8_t *data = evbuffer_pullup(input, (ev_ssize_t)head_size);
                r = data ? http1_parse_request(BYTES(data, head_size), &connection->head)
                         : PANNIER_E_LIMIT;
                if (r == 0)
                        return;
                if (r < 0) {
                        refuse_head(connection, r);
                        return;
                }
                if (connection->head.codings) {
                        connection_refuse(connection, 411, "malformed",
                                          "send the body with Content-Length");
                        return;
                }
                r = begin_sink(connection);
                if (r < 0)
                        return;
                if (!connection->sink && connection->head.length > API_BODY_MAX) {
                        connection_refuse(connection, 413, "limit",
                                          "the body is larger than 1 MiB");
                        return;
                }
                if (connection->head.expects_100 && connection->head.length)
                        (void)evbuffer_add_printf(connection_output(connection),
                                                  "HTTP/1.1 100 Continue\r\n\r\n");
                connection_move(connection, CONNECTION_BODY);
        }
        if (connection->state == CONNECTION_BODY && connection->sink)
                feed_sink(connection);
        else if (connection->state == CONNECTION_BODY &&
                 size >= connection->head.size + connection->head.length &&
                 take_bytes(connection, connection->head.size + (size_t)connection->head.length))
                connection_handle(connection);
}

static void on_read(struct bufferevent *bev, void *context)
{
        struct api_exchange *connection = context;
        struct evbuffer *input = bufferevent_get_input(bev);

        switch (connection->state) {
        case CONNECTION_IDLE:
        case CONNECTION_HEAD:
        case CONNECTION_BODY:
                connection_step(connection);
                break;
        case CONNECTION_HANDLING:
                break; /* the next request waits; the watermark bounds how much of it */
        case CONNECTION_STREAMING:
        case CONNECTION_CLOSING:
        case CONNECTION_LINGERING:
                (void)evbuffer_drain(input, evbuffer_get_length(input));
                break;
        }
}

static void on_write(struct bufferevent *bev, void *context)
{
        struct api_exchange *connection = context;

        if (evbuffer_get_length(bufferevent_get_output(bev)))
                return;
        if (connection->state == CONNECTION_CLOSING)
                connection_linger(connection);
        else if (connection->state == CONNECTION_STREAMING && connection->drained)
                connection->drained(connection->gone_context);
        else if (connection->state == CONNECTION_IDLE)
                connection_step(connection); /* a request that came while this answer was read */
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
        struct api_exchange *connection = context;

        (void)bev;
        /* A client that only closed its sending side still gets what is being written. */
        if ((what & BEV_EVENT_EOF) && output_waits(connection)) {
                if (connection->state == CONNECTION_IDLE)
                        connection_move(connection, CONNECTION_CLOSING);
                if (connection->state == CONNECTION_CLOSING)
                        return;
        }
        (void)connection_free(connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
        struct api_exchange *connection = context;
        bool slow = connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY;

        (void)fd;
        (void)what;
        if (slow)
                connection_refuse(connection, 408, "limit", "the request did not arrive in time");
        else
                (void)connection_free(connection);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        struct api_exchange *connection = context;
        if (connection->state == CONNECTION_IDLE)
                connection_step(connection);
}

/* An answer to a connection that gets no further: small enough for any socket's buffer, so it cannot block. */
static void turn_away(evutil_socket_t fd)
{
        static const char body[] = "{\"error\": {\"code\": \"busy\", \"message\": \"too many "
                                   "connections; close some first\"}}\n";
        char answer[512];
        int size = snprintf(answer, sizeof(answer),
                            "HTTP/1.1 503 %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                            http1_reason(503), sizeof(body) - 1, body);

        (void)send(fd, answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)evutil_closesocket(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int address_size, void *context)
{
        struct api_http *http = context;
        struct api_exchange *connection = NULL;

        (void)listener;
        (void)address;
        (void)address_size;
        if (http->connection_count < http->options.connections_max)
                connection = calloc(1, sizeof(*connection));
        if (!connection) {
                turn_away(fd);
                return;
        }
        connection->http = http;
        connection->input.limit = HTTP1_HEAD_MAX + API_BODY_MAX;
        LIST_INSERT_HEAD(&http->connections, connection, link);
        http->connection_count++;
        connection->bev = bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE);
        connection->deadline = evtimer_new(http->base, on_deadline, connection);
        connection->resume = evtimer_new(http->base, on_resume, connection);
        if (!connection->bev)
                (void)evutil_closesocket(fd);
        if (!connection->bev || !connection->deadline || !connection->resume) {
                (void)connection_free(connection);
                return;
        }
        struct timeval write_timeout = {.tv_sec = http->options.write_ms / 1000,
                                        .tv_usec = (suseconds_t)(http->options.write_ms % 1000) *
                                                   1000};
        struct timeval idle = {.tv_sec = http->options.idle_ms / 1000,
                               .tv_usec = (suseconds_t)(http->options.idle_ms % 1000) * 1000};
        bufferevent_setcb(connection->bev, on_read, on_write, on_event, connection);
        (void)bufferevent_set_timeouts(connection->bev, NULL, &write_timeout);
        bufferevent_setwatermark(connection->bev, EV_READ, 0, HTTP1_HEAD_MAX + API_BODY_MAX);
        (void)event_add(connection->deadline, &idle);
        (void)bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
}

/* The lock says whether the daemon that made the socket lives; the socket itself cannot. */
static int take_lock(struct api_http *http)
{
        char path[sizeof(http->path) + 8];
        int r;

        (void)snprintf(path, sizeof(path), "%s.lock", http->path);
        r = file_lock(path, &http->lock);
        if (r == PANNIER_E_BUSY)
                return FAIL(r, "another pannierd listens on %s", http->path);
        return r;
}

static int set_group(const char *path, const char *group)
{
        const struct group *entry = group ? getgrnam(group) : NULL;

        if (!group)
                return 0;
        if (!entry)
                return FAIL(PANNIER_E_INVALID, "there is no group named %s", group);
        if (chown(path, (uid_t)-1, entry->gr_gid) < 0)
                return FAIL(PANNIER_E_SYSTEM, "cannot give %s to group %s: %s", path, group,
                            strerror(errno));
        return 0;
}

static int open_socket(struct api_http *http, int *ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return FAIL(PANNIER_E_SYSTEM, "cannot make a socket: %s", strerror(errno));
        (void)memcpy(address.sun_path, http->path, sizeof(address.sun_path));
        (void)unlink(http->path);  /* under the lock: whoever made it is dead */
        mode_t mask = umask(0117); /* there is no moment at which the socket is open to everybody */
        int r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
        int error = errno;
        (void)umask(mask);
        if (r < 0) {
                (void)close(fd);
                return FAIL(PANNIER_E_SYSTEM, "cannot listen on %s: %s", http->path,
                            strerror(error));
        }
        http->bound = true;
        *ret = fd;
        return set_group(http->path, http->options.group);
}

static void set_defaults(struct api_http_options *options)
{
        if (!options->connections_max)
                options->connections_max = API_CONNECTION_MAX;
        if (!options->head_ms)
                options->head_ms = 10000;
        if (!options->body_ms)
                options->body_ms = 30000;
        if (!options->idle_ms)
                options->idle_ms = 600000;
        if (!options->write_ms)
                options->write_ms = 30000;
}

int api_http_new(struct event_base *base, const struct api_http_options *options, api_handle handle,
                 void *context, struct api_http **ret)
{
        CLEANUP(api_http_freep) struct api_http *http = calloc(1, sizeof(*http));
        int fd = -1;
        int r;

        if (!http)
                return FAIL(PANNIER_E_MEMORY, "no memory for the local API");
        http->base = base;
        http->options = *options;
        http->handle = handle;
        http->context = context;
        http->lock = -1;
        LIST_INIT(&http->connections);
        set_defaults(&http->options);
        if (strlen(options->path) >= sizeof(http->path) || !*options->path)
                return FAIL(PANNIER_E_INVALID, "the socket's path must have 1 to %zu bytes: %s",
                            sizeof(http->path) - 1, options->path);
        (void)memcpy(http->path, options->path, strlen(options->path));
        r = take_lock(http);
        if (r >= 0)
                r = open_socket(http, &fd);
        if (r < 0) {
                if (fd >= 0)
                        (void)close(fd);
                return r;
        }
        http->listener = evconnlistener_new(base, on_accept, http, LEV_OPT_CLOSE_ON_FREE,
                                            LISTEN_BACKLOG, fd);
        if (!http->listener) {
                (void)close(fd);
                return FAIL(PANNIER_E_SYSTEM, "cannot listen on %s", http->path);
        }
        *ret = TAKE(http);
        return 0;
}

struct api_http *api_http_free(struct api_http *http)
{
        if (!http)
                return NULL;
        if (http->listener)
                evconnlistener_free(http->listener);
        while (!LIST_EMPTY(&http->connections))
                (void)connection_free(LIST_FIRST(&http->connections));
        if (http->bound)
                (void)unlink(http->path);
        if (http->lock >= 0)
                (void)close(
                        http->lock); /* the lock file stays: removing it would race with the next daemon */
        free(http);
        return NULL;
}

void api_answer(struct api_exchange *exchange, int status, const char *media_type,
                struct bytes body)
{
        bool close = exchange->head.close;

        exchange->gone = NULL;
        write_answer(exchange, status, media_type, body, close);
        buffer_wipe(&exchange->input);
        exchange->input.limit = HTTP1_HEAD_MAX + API_BODY_MAX;
        connection_move(exchange, close ? CONNECTION_CLOSING : CONNECTION_IDLE);
        if (!close && evbuffer_get_length(bufferevent_get_input(exchange->bev)))
                (void)event_add(exchange->resume, &(struct timeval){0});
}

void api_on_gone(struct api_exchange *exchange, void (*gone)(void *context), void *context)
{
        exchange->gone = gone;
        exchange->gone_context = context;
}

void api_http_sinks(struct api_http *http, const struct api_sinks *sinks)
{
        http->sinks = sinks;
}

void api_stream_begin_sized(struct api_exchange *exchange, const char *media_type, uint64_t size)
{
        connection_move(exchange, CONNECTION_STREAMING);
        (void)evbuffer_add_printf(connection_output(exchange),
                                  "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %" PRIu64
                                  "\r\nX-Content-Type-Options: nosniff\r\n"
                                  "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                                  media_type, size);
}

void api_stream_end(struct api_exchange *exchange)
{
        connection_move(exchange, CONNECTION_CLOSING);
        if (!output_waits(exchange))
                connection_linger(exchange);
}

void api_stream_begin(struct api_exchange *exchange, const char *media_type)
{
        connection_move(exchange, CONNECTION_STREAMING);
        (void)evbuffer_add_printf(connection_output(exchange),
                                  "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                                  "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                                  media_type);
}

int api_stream_send(struct api_exchange *exchange, struct bytes piece)
{
        struct evbuffer *output = connection_output(exchange);

        if (evbuffer_get_length(output) + piece.size > API_STREAM_QUEUE_MAX)
                return API_STREAM_FULL;
        (void)evbuffer_add(output, piece.data, piece.size);
        return 0;
}

void api_stream_on_drained(struct api_exchange *exchange, void (*drained)(void *context))
{
        exchange->drained = drained;
}

unsigned api_connection_count(const struct api_http *http)
{
        return http->connection_count;
}
