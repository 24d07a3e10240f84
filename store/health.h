/*
 * Health and metrics, in plain HTTP on a loopback port of their own: GET /health, GET /metrics (OpenMetrics).
 *
 * It never listens anywhere else, says nothing about people or devices, and has a few connections only.
 */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include "store/http.h"
#include "store/service.h"

struct event_base;
struct health;

/* health_new() - listen on 127.0.0.1; PANNIER_E_BUSY where the port is in use */
int health_new(struct event_base *base, uint16_t port, struct service *service,
               const struct http_server *server, struct health **ret);
uint16_t health_port(const struct health *health);
struct health *health_free(struct health *health);
DEFINE_FREEP(health)

#endif
