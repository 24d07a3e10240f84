#include "store/health.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct health {
        struct evhttp *http;
        struct service *service;
        const struct http_server *server;
        uint16_t port;
};

enum { TIMEOUT_S = 10, HEADERS_MAX = 4096 };

static void reply(struct evhttp_request *request, int status, const char *type, struct bytes text)
{
        struct evbuffer *body = evbuffer_new();

        if (!body) {
                evhttp_send_error(request, 500, NULL);
                return;
        }
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
        (void)evbuffer_add(body, text.data, text.size);
        evhttp_send_reply(request, status, NULL, body);
        evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *context)
{
        struct health *health = context;
        char reason[128], text[160];
        bool healthy = service_healthy(health->service, reason, sizeof(reason));

        (void)snprintf(text, sizeof(text), "{\"healthy\":%s,\"reason\":\"%s\"}\n",
                       healthy ? "true" : "false", reason);
        reply(request, healthy ? 200 : 503, "application/json", bytes_text(text));
}

static void append(struct buffer *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
        buffer_append_format(out,
                             "# TYPE pannier_store_%s %s\n# HELP pannier_store_%s %s.\n"
                             "pannier_store_%s%s %" PRIu64 "\n",
                             name, type, name, help, name,
                             strcmp(type, "counter") == 0 ? "_total" : "", value);
}

static void on_metrics(struct evhttp_request *request, void *context)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        struct health *health = context;
        struct http_figures figures;

        http_server_figures(health->server, &figures);
        append(&text, "connections", "counter", "Connections accepted", figures.accepted);
        append(&text, "connections_open", "gauge", "Connections open now", figures.open);
        append(&text, "handshakes_failed", "counter", "Connections without a finished handshake",
               figures.handshakes_failed);
        append(&text, "timed_out", "counter", "Connections cut by a time limit", figures.timed_out);
        append(&text, "crowded", "counter",
               "Connections of a device or an address that had too many", figures.crowded);
        append(&text, "requests", "counter", "Requests", figures.requests);
        append(&text, "received_bytes", "counter", "Bytes received inside TLS", figures.bytes_in);
        append(&text, "sent_bytes", "counter", "Bytes sent inside TLS", figures.bytes_out);
        service_metrics(health->service, &text);
        buffer_append_text(&text, "# EOF\n");
        if (buffer_check(&text) < 0)
                evhttp_send_error(request, 500, NULL);
        else
                reply(request, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8",
                      buffer_view(&text));
}

static int listen_on_loopback(struct health *health, uint16_t port)
{
        struct evhttp_bound_socket *bound =
                evhttp_bind_socket_with_handle(health->http, "127.0.0.1", port);
        struct sockaddr_in address = {0};
        socklen_t size = sizeof(address);

        if (!bound)
                return FAIL(PANNIER_E_BUSY, "port %u of health and metrics is in use", port);
        if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size) < 0)
                return FAIL(PANNIER_E_SYSTEM, "getsockname");
        health->port = ntohs(address.sin_port);
        return 0;
}

int health_new(struct event_base *base, uint16_t port, struct service *service,
               const struct http_server *server, struct health **ret)
{
        CLEANUP(health_freep) struct health *health = calloc(1, sizeof(*health));
        int r;

        if (!health)
                return FAIL(PANNIER_E_MEMORY, "health");
        health->service = service;
        health->server = server;
        health->http = evhttp_new(base);
        if (!health->http)
                return FAIL(PANNIER_E_MEMORY, "health");
        evhttp_set_allowed_methods(health->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
        evhttp_set_max_headers_size(health->http, HEADERS_MAX);
        evhttp_set_max_body_size(health->http, 0);
        evhttp_set_timeout(health->http, TIMEOUT_S);
        if (evhttp_set_cb(health->http, "/health", on_health, health) < 0 ||
            evhttp_set_cb(health->http, "/metrics", on_metrics, health) < 0)
                return FAIL(PANNIER_E_MEMORY, "health");
        r = listen_on_loopback(health, port);
        if (r < 0)
                return r;
        *ret = TAKE(health);
        return 0;
}

uint16_t health_port(const struct health *health)
{
        return health->port;
}

struct health *health_free(struct health *health)
{
        if (!health)
                return NULL;
        if (health->http)
                evhttp_free(health->http);
        free(health);
        return NULL;
}
