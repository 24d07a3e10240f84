/*
 * The local API: routes, staff, limits and the translation between JSON and the engine. docs/openapi.yaml describes it and a
 * test holds the two against each other.
 *
 * It works without an engine, too: a device that is not enrolled answers status, doctor, catalogue and enrol.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "daemon/api_http.h"
#include "daemon/carry.h"
#include "daemon/enrol.h"
#include "daemon/loop_porter.h"

struct api;

/* What the host knows and the engine does not. */
struct api_host_status {
        bool enrolled;
        const char *store;              /* address, "" where there is none */
        int64_t certificate_expires_ms; /* 0: none */
        const char *problem;            /* words for the last link-level problem, "" for none */
        bool waiting;                   /* the long poll is open: news come by themselves */
        const char *library;            /* link_library() */
        struct carry_counts carried;    /* for other devices */
        int64_t disk_free_bytes;        /* where the databases are; -1: unknown */
};

/* What the API asks of its host; all are called from the loop. */
struct api_host {
        void *context;
        void (*now)(void *context, struct engine_now *ret);
        /* something was written or asked: the engine's deadline may have moved */
        void (*touched)(void *context);
        /* the engine failed with PANNIER_E_CORRUPT (its replica is damaged) or PANNIER_E_STORAGE: open it again soon */
        void (*broken)(void *context, int error);
        void (*status)(void *context, struct api_host_status *ret);
        struct carry *carry; /* what is carried for other devices; NULL: that cannot be done here */
        int (*enrol)(void *context, const struct enrol_link *link, enrol_done done,
                     void *done_context);
};

struct api_options {
        struct api_http_options http;
        struct api_host host;
};

/* api_new() - listen and answer; returns as api_http_new() */
int api_new(struct event_base *base, const struct api_options *options, struct api **ret);
struct api *api_free(struct api *api);
DEFINE_FREEP(api)

/* api_set_engine() - from now on answer from @engine (borrowed); NULL: there is none */
void api_set_engine(struct api *api, struct engine *engine);

/* api_set_porter() - who has attachments' bytes (borrowed); NULL: nobody */
void api_set_porter(struct api *api, struct porter *porter);

/* api_event() - pass an event of the engine on to whoever listens; does not call the engine */
void api_event(struct api *api, const struct engine_event *event);

#endif
