/*
 * The store at work: what each route does, one writer, some workers, and who waits for news.
 *
 *     loop thread    who is it, take the request apart        (one connection and one exchange a loop, read only)
 *     writer thread  group commit, custody, enrolment         (the one writing connection)
 *     worker thread  make the answer                          (one connection and one exchange a worker, read only)
 *     loop thread    send it
 *
 * So a long page holds no other, a slow client holds no writer, and nothing is answered before it is durable.
 *
 *     attachments' thread    bytes that travel apart              (one connection, read only)
 *
 * Routes: POST /v1/sync · GET /v1/wait?vector=HEX&parked=HEX[&seconds=N] (200: news; 204: none) · under /.well-known/est/
 * GET cacerts, POST simpleenroll, POST simplereenroll (RFC 7030).
 */
#ifndef STORE_SERVICE_H
#define STORE_SERVICE_H

#include "store/exchange.h"
#include "store/http.h"
#include "store/identity.h"
#include "store/settings.h"

struct service;

/**
 * service_new() - open the connections and start the threads
 * @data:     the store's folder
 * @settings, @identity: must outlive it
 * @loop_count: of the HTTP server that will call the routes
 */
int service_new(const char *data, const struct store_settings *settings,
                const struct store_identity *identity, unsigned loop_count, struct service **ret);

/* service_routes() - for the HTTP server; the context of their handlers is the service */
const struct http_route *service_routes(size_t *ret_count);

/* service_stopping() - from now on no call is kept waiting: those who wait are answered, new exchanges are sent away */
void service_stopping(struct service *service);

/* service_finish() - after http_server_stop(): finish what was taken, answer every call, end the threads */
void service_finish(struct service *service);

/* service_free() - after http_server_free(), which tells it of the last answers */
struct service *service_free(struct service *service);
DEFINE_FREEP(service)

/**
 * service_healthy() - does it do its work?
 * @ret_reason: one line, where it does not
 */
bool service_healthy(struct service *service, char *ret_reason, size_t size);

/* service_metrics() - append OpenMetrics text, without the end mark */
void service_metrics(struct service *service, struct buffer *out);

/* service_thread_count() - threads that a setting of 0 or more means */
unsigned service_thread_count(int64_t setting);

#endif
