/*
 * One call of the local API, as its handlers see it. Used by api*.c only.
 */
#ifndef DAEMON_API_CALL_H
#define DAEMON_API_CALL_H

#include "common/json.h"
#include "daemon/api.h"

#include <sys/queue.h>

enum { API_PAGE = 50 };

struct api_stream;

struct api {
        struct event_base *base;
        struct api_host host;
        struct api_http *http;
        struct engine *engine; /* NULL: not enrolled */
        struct porter *porter; /* NULL as the engine */
        struct event *heartbeat;
        LIST_HEAD(, api_stream) streams;
        struct arena arena; /* of the call in hand */
};

struct api_call {
        struct api *api;
        struct api_exchange *exchange;
        const struct api_request *request;
        struct engine_now now;
        struct uuid staff;    /* UUID_NONE: nobody was named */
        struct bytes segment; /* the variable part of the path; empty where the route has none */
        json_t *body;         /* parsed; NULL where there is none */
        struct api_upload *upload; /* bytes that came instead of JSON; NULL: none */
        /* What was wrong, besides error_detail(). */
        const char *field; /* name of the field it is about, NULL: none */
        int64_t limit;     /* the limit that was passed, 0: none */
        int64_t index;     /* of the entry in the array, -1: none */
        bool answered;     /* or kept for later */
};

/*
 * A handler returns 0 after it answered (or kept the exchange), or a negative error with its detail, which
 * is then answered for it.
 */
typedef int api_handler(struct api_call *call);

api_handler api_get_status, api_get_people, api_get_person, api_get_records, api_get_record,
        api_post_entries, api_get_entries, api_get_entry, api_get_drafts, api_get_draft,
        api_put_draft, api_delete_draft, api_post_sync, api_get_events, api_get_conflicts,
        api_get_quarantine, api_post_enrol, api_get_doctor, api_get_ready, api_get_catalogue,
        api_get_staff, api_get_bundles, api_post_bundles, api_post_bundle_part, api_put_bundle,
        api_post_receipts, api_post_carried, api_get_carried, api_get_carried_one,
        api_post_attachments, api_get_attachment;

/* api_bundles_json() - bundles that somebody has and that still have entries waiting; NULL: see error_detail() */
json_t *api_bundles_json(struct engine *engine);

/* api_send() - answer with JSON; takes the reference. Return: 0, or PANNIER_E_MEMORY where @json is NULL */
int api_send(struct api_call *call, int status, json_t *json);

/* api_send_text() - answer with JSON that was written as text; a line's end is added */
int api_send_text(struct api_call *call, int status, struct buffer *text);

/* api_error_json() - the error object for an answer; a new reference */
json_t *api_error_json(const char *code, const char *message);

/* api_status_of() - HTTP status that goes with an error */
int api_status_of(int error);

/* Query parameters. All return 0 or PANNIER_E_INVALID and name the parameter as the field. */
int api_query_id(struct api_call *call, const char *name, struct uuid *ret, bool *ret_there);
int api_query_count(struct api_call *call, const char *name, uint64_t fallback, uint64_t max,
                    uint64_t *ret);
int api_query_type(struct api_call *call, const char *name, const struct catalogue_type **ret);
int api_path_id(struct api_call *call, struct uuid *ret);

/* api_record_to_json() - one record as a screen shows it; @guarded: with fields that are shown on tap only */
json_t *api_record_to_json(const struct engine_record *record, bool guarded);

/* api_conflict_to_json() - a conflict with its values taken apart */
json_t *api_conflict_to_json(const struct engine_record *record, bool may_decide,
                             struct arena *arena);

/* api_entry_to_json() - an entry of the outbox */
json_t *api_entry_to_json(const struct engine_outbox_entry *entry);

/* api_state_name() - "waiting", "applied", … */
const char *api_state_name(enum entry_outcome state);
/* api_state_from_name() - false: there is no such state */
bool api_state_from_name(struct bytes name, enum entry_outcome *ret);

/* A body of POST /v1/attachments while it comes: struct api_sinks (api_attachments.c) */
struct api_upload;
int api_upload_begin(struct api *api, const struct api_request *request, struct api_upload **ret);
int api_upload_piece(struct api_upload *upload, struct bytes piece);
void api_upload_free(struct api_upload *upload);

/* api_attachments_json() - what waits, for status */
json_t *api_attachments_json(const struct api *api);

/* api_streams_end() - close every stream */
void api_streams_end(struct api *api);

#endif
