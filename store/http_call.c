/*
 * A call's life: begun by evhttp with a whole request, kept or answered by a handler, over when the answer was sent or
 * the client left. evhttp forgets a request in three ways, and who frees it differs: after the answer evhttp does; where
 * the client leaves before the answer we do; where the server is closed evhttp does.
 */
#include "store/http_internal.h"

#include "common/error.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>

enum {
        CROWDED_RETRY_S = 10
}; /* connections that were forgotten somewhere have ended by then, or soon will */

static struct evhttp_connection *call_connection(const struct http_call *call)
{
        return call->request ? evhttp_request_get_connection(call->request) : NULL;
}

static void call_free(struct http_call *call)
{
        if (call->answer.finished)
                call->answer.finished(call->answer.finished_context, call->body_size);
        buffer_deinit(&call->answer.body);
        call->loop->server->busy--;
        free(call);
}

/* evhttp closes the connection under a call: the client left, or the server stops. */
static void call_gone(struct evhttp_connection *evhttp, void *context)
{
        struct http_call *call = context;

        (void)evhttp;
        /* Without a connection the request was handed to us when evhttp dropped it. */
        if (call->request && !evhttp_request_get_connection(call->request))
                evhttp_request_free(call->request);
        call->request = NULL;
        call->connection = NULL;
        if (call->answering)
                call_free(call);
        else if (call->gone)
                call->gone(call->gone_context, call);
}

static void call_sent(struct evhttp_request *request, void *context)
{
        struct http_call *call = context;
        struct connection *connection = call->connection;

        (void)request;
        evhttp_connection_set_closecb(call_connection(call), NULL, NULL);
        connection_enter(connection, CONNECTION_WAITING);
        if (evbuffer_get_length(bufferevent_get_input(connection->bufferevent)) > 0)
                connection_enter(connection, CONNECTION_READING); /* pipelined, next in turn */
        call_free(call);
}

/*
 * While evhttp writes or waits for us, any byte that reaches its read callback ends the process (2.1.12, "illegal
 * connection state"). Ours stops reading instead; what came stays in the buffer for the next request.
 * evhttp's deferred read calls it with another context, so it uses none.
 */
static void stop_reading(struct bufferevent *bufferevent, void *context)
{
        (void)context;
        (void)bufferevent_disable(bufferevent, EV_READ);
}

void http_call_keep(struct http_call *call, void (*gone)(void *context, struct http_call *call),
                    void *context)
{
        struct bufferevent *bufferevent = call->connection->bufferevent;

        call->gone = gone;
        call->gone_context = context;
        bufferevent_getcb(bufferevent, &call->read_callback, &call->write_callback,
                          &call->event_callback, &call->callback_context);
        bufferevent_setcb(bufferevent, stop_reading, call->write_callback, call->event_callback,
                          call->callback_context);
        (void)bufferevent_enable(bufferevent, EV_READ); /* to hear of the end */
}

static void restore_callbacks(struct http_call *call)
{
        struct bufferevent *bufferevent = call->connection->bufferevent;

        if (!call->event_callback)
                return; /* never kept */
        (void)bufferevent_disable(bufferevent, EV_READ);
        bufferevent_setcb(bufferevent, call->read_callback, call->write_callback,
                          call->event_callback, call->callback_context);
}

/* What stands for the route's star, "" where it has none; NULL where the path is another one. */
static const char *route_rest(const struct http_route *route, const char *path)
{
        size_t size = strlen(route->path);

        if (route->path[size - 1] == '*')
                return strncmp(path, route->path, size - 1) == 0 ? path + size - 1 : NULL;
        return strcmp(path, route->path) == 0 ? "" : NULL;
}

const char *http_call_rest(struct http_call *call)
{
        const struct evhttp_uri *uri =
                call->request ? evhttp_request_get_evhttp_uri(call->request) : NULL;
        const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

        return path ? route_rest(call->route, path) : "";
}

static const struct http_route *route_find(const struct http_server *server, const char *path,
                                           enum http_method method, bool *ret_path_known)
{
        *ret_path_known = false;
        for (size_t i = 0; i < server->route_count; i++) {
                if (!route_rest(&server->routes[i], path))
                        continue;
                if (server->routes[i].method == method)
                        return &server->routes[i];
                *ret_path_known = true;
        }
        return NULL;
}

static void refuse_crowded(struct http_call *call)
{
        struct http_answer answer = {.status = 429,
                                     .type = "text/plain; charset=utf-8",
                                     .retry_after_s = CROWDED_RETRY_S,
                                     .close = true};

        buffer_append_text(&answer.body, "too many connections of this device\n");
        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
}

static void dispatch(struct http_call *call)
{
        const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(call->request);
        const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
        enum evhttp_cmd_type command = evhttp_request_get_command(call->request);
        enum http_method method = command == EVHTTP_REQ_POST  ? HTTP_METHOD_POST
                                  : command == EVHTTP_REQ_PUT ? HTTP_METHOD_PUT
                                                              : HTTP_METHOD_GET;
        struct http_server *server = call->loop->server;
        bool path_known = false;

        if (!path) {
                http_call_text(call, 400, "bad request\n");
                return;
        }
        if (call->connection->crowded) {
                refuse_crowded(call);
                return;
        }
        call->route = route_find(server, path, method, &path_known);
        if (call->route)
                call->route->handle(server->context, call);
        else
                http_call_text(call, path_known ? 405 : 404,
                               path_known ? "method not allowed\n" : "not found\n");
}

void call_begin(struct evhttp_request *request, void *context)
{
        struct http_loop *loop = context;
        struct evhttp_connection *evhttp = evhttp_request_get_connection(request);
        struct connection *connection =
                tls_attachment(loop->server->tls, evhttp_connection_get_bufferevent(evhttp));
        struct http_call *call = connection ? calloc(1, sizeof(*call)) : NULL;
        char *address = NULL;
        uint16_t port;

        if (connection)
                connection_know_peer(connection);
        /* No TLS object, no answer: whatever brought a request here without one gets no byte. */
        if (!call || connection->peer.kind == TLS_PEER_UNSAFE) {
                free(call);
                evhttp_connection_free(evhttp);
                return;
        }
        call->loop = loop;
        call->connection = connection;
        call->request = request;
        evhttp_connection_get_peer(evhttp, &address, &port);
        (void)snprintf(call->address, sizeof(call->address), "%s", address ? address : "");
        loop->server->requests++;
        loop->server->busy++;
        evhttp_connection_set_closecb(evhttp, call_gone, call);
        evhttp_request_set_on_complete_cb(request, call_sent, call);
        connection_enter(connection, CONNECTION_WORKING);
        dispatch(call);
}

static void add_headers(struct http_call *call)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);
        const struct http_answer *answer = &call->answer;
        char number[16];

        if (answer->type)
                (void)evhttp_add_header(headers, "Content-Type", answer->type);
        if (answer->base64)
                (void)evhttp_add_header(headers, "Content-Transfer-Encoding", "base64");
        if (answer->authenticate)
                (void)evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"pannier\"");
        if (answer->close || call->loop->server->draining)
                (void)evhttp_add_header(headers, "Connection", "close");
        if (answer->retry_after_s) {
                (void)snprintf(number, sizeof(number), "%u", answer->retry_after_s);
                (void)evhttp_add_header(headers, "Retry-After", number);
        }
        (void)evhttp_add_header(headers, "Cache-Control", "no-store");
}

static void free_reference(const void *data, size_t size, void *context)
{
        (void)size, (void)context;
        free((void *)(uintptr_t)data);
}

static struct evbuffer *take_body(struct http_answer *answer)
{
        struct evbuffer *body = evbuffer_new();

        if (body && answer->body.size &&
            evbuffer_add_reference(body, answer->body.data, answer->body.size, free_reference,
                                   NULL) < 0) {
                evbuffer_free(body);
                return NULL;
        }
        if (body && answer->body.size)
                answer->body = BUFFER_INIT; /* the evbuffer owns the memory now */
        return body;
}

void call_send(struct http_call *call)
{
        struct evbuffer *body;

        if (!call->request) {
                call_free(call);
                return;
        }
        body = take_body(&call->answer);
        if (!body) {
                http_call_cut(call);
                return;
        }
        restore_callbacks(call);
        add_headers(call);
        call->answering = true;
        connection_enter(call->connection, CONNECTION_ANSWERING);
        /* The call may be over when this returns. */
        evhttp_send_reply(call->request, call->answer.status, NULL, body);
        evbuffer_free(body);
}

void http_call_answer(struct http_call *call, struct http_answer *answer)
{
        struct http_loop *loop = call->loop;

        call->answer = *answer;
        call->body_size = answer->body.size;
        answer->body = BUFFER_INIT;
        if (pthread_equal(pthread_self(), loop->thread)) {
                call_send(call);
                return;
        }
        (void)pthread_mutex_lock(&loop->lock);
        STAILQ_INSERT_TAIL(&loop->answered, call, link);
        (void)pthread_mutex_unlock(&loop->lock);
        event_active(loop->wake, 0, 0);
}

void http_call_text(struct http_call *call, int status, const char *text)
{
        struct http_answer answer = {.status = status, .type = "text/plain; charset=utf-8"};

        buffer_append_text(&answer.body, text);
        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
}

void http_call_cut(struct http_call *call)
{
        struct evhttp_connection *evhttp = call_connection(call);

        call->answering = true; /* call_gone() then frees it */
        if (evhttp)
                evhttp_connection_free(evhttp);
        else
                call_free(call);
}

struct bytes http_call_body(struct http_call *call)
{
        struct evbuffer *body =
                call->request ? evhttp_request_get_input_buffer(call->request) : NULL;
        size_t size = body ? evbuffer_get_length(body) : 0;

        return size ? BYTES(evbuffer_pullup(body, -1), size) : BYTES_NONE;
}

const char *http_call_header(struct http_call *call, const char *name)
{
        return call->request
                       ? evhttp_find_header(evhttp_request_get_input_headers(call->request), name)
                       : NULL;
}

int http_call_query(struct http_call *call, const char *name, char *ret, size_t size)
{
        const struct evhttp_uri *uri =
                call->request ? evhttp_request_get_evhttp_uri(call->request) : NULL;
        const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
        struct evkeyvalq values;
        const char *value;
        int r = 0;

        if (!query)
                return 0;
        if (evhttp_parse_query_str(query, &values) < 0)
                return FAIL(PANNIER_E_INVALID, "query cannot be read");
        value = evhttp_find_header(&values, name);
        if (value && strlen(value) >= size)
                r = FAIL(PANNIER_E_INVALID, "%s is too long", name);
        else if (value)
                r = snprintf(ret, size, "%s", value) >= 0;
        evhttp_clear_headers(&values);
        return r;
}

const struct tls_peer *http_call_peer(const struct http_call *call)
{
        return &call->connection->peer;
}

const char *http_call_address(const struct http_call *call)
{
        return call->address;
}

unsigned http_call_loop(const struct http_call *call)
{
        return call->loop->number;
}
