/* How the device stands: status, doctor, sync, enrolment, the catalogue. */
#include "common/crypto.h"
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <string.h>

static const char *scope_kind_name(enum scope_kind kind)
{
        switch (kind) {
        case SCOPE_LOCALITY:
                return "locality";
        case SCOPE_TEAM:
                return "team";
        case SCOPE_HOME:
                return "home";
        case SCOPE_PROVISIONAL:
                return "provisional";
        }
        return "unknown"; /* a newer store's */
}

static int append_scope(void *context, const struct engine_scope *scope)
{
        json_t *json = json_pack(
                "{s:s, s:o, s:o, s:b, s:b, s:I, s:I}", "kind", scope_kind_name(scope->kind), "id",
                api_uuid(&scope->id), "locality", api_uuid(&scope->locality), "complete",
                (int)scope->complete, "proven", (int)scope->proven, "position",
                (json_int_t)scope->position.position, "people", (json_int_t)scope->people);

        if (json_array_append_new(context, json) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for a scope");
        return 0;
}

static json_t *outbox_to_json(const struct engine_status *status)
{
        CLEANUP(json_freep)
        json_t *json = json_pack(
                "{s:I, s:I, s:I, s:I, s:o}", "recorded", (json_int_t)status->recorded,
                "access_events", (json_int_t)status->access_events, "access_events_waiting",
                (json_int_t)status->access_waiting, "damaged", (json_int_t)status->damaged,
                "oldest_waiting", api_instant(status->oldest_waiting_ms));

        for (int i = OUTCOME_NONE; i <= OUTCOME_PARKED; i++)
                if (json_object_set_new(json, api_state_name((enum entry_outcome)i),
                                        json_integer((json_int_t)status->counts[i])) < 0)
                        return NULL;
        return TAKE(json);
}

/* What the store has no room for, and whose it is to make some; null: it takes everything. */
static json_t *stopped_to_json(const struct engine_status *status)
{
        enum wire_stop stopped = WIRE_STOP_NONE;

        for (size_t lane = 0; lane < LANE_COUNT; lane++)
                stopped = status->stopped[lane] > stopped ? status->stopped[lane] : stopped;
        if (stopped == WIRE_STOP_NONE)
                return json_null();
        return json_pack(
                "{s:s, s:s}", "reason",
                stopped == WIRE_STOP_PARKED ? "parked full" : "quarantine full", "message",
                stopped == WIRE_STOP_PARKED
                        ? "Too many entries of this device wait at the store for something "
                          "that has not arrived. Newer ones wait here; tell IT."
                        : "Too many entries of this device were refused, and nobody has "
                          "dealt with them. Newer ones wait here: fix what was refused, or "
                          "tell IT.");
}

static json_t *exchange_to_json(const struct engine_status *status,
                                const struct api_host_status *host,
                                const struct engine_link_status *link)
{
        return json_pack(
                "{s:b, s:b, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                "running", (int)status->exchanging, "listening", (int)host->waiting,
                "last_complete", api_instant(status->last_complete_ms), "last_attempt",
                api_instant(status->last_attempt_ms), "next", api_instant(status->next_ms),
                "patience", api_instant(link->patience_ms), "progress",
                progress_state_name(link->progress), "problem",
                exchange_failure_name(status->failure), "detail", host->problem, "count",
                (json_int_t)status->exchanges, "bytes_sent", (json_int_t)status->bytes_sent,
                "bytes_received", (json_int_t)status->bytes_received, "last_bytes_sent",
                (json_int_t)status->last_bytes_sent, "last_bytes_received",
                (json_int_t)status->last_bytes_received, "last_round_trips",
                (json_int_t)status->last_round_trips, "last_duration_ms",
                (json_int_t)status->last_duration_ms);
}

/* What the link is, what it may still carry today, and whether it gets anything done. */
static json_t *link_to_json(const struct engine_link_status *link)
{
        return json_pack("{s:s, s:b, s:I, s:I, s:s, s:o, s:b}", "kind",
                         link_kind_name(link->link.kind), "metered", (int)link->link.metered,
                         "budget_bytes", (json_int_t)link->limit_bytes, "spent_bytes",
                         (json_int_t)link->spent_bytes, "lets_through",
                         budget_level_name(link->level), "resumes", api_instant(link->resume_ms),
                         "news_waits", (int)link->news_waits);
}

/* What is here for other devices. */
static json_t *carried_to_json(const struct api_host_status *host)
{
        const struct carry_counts *carried = &host->carried;

        return json_pack("{s:I, s:I, s:I, s:I}", "parts", (json_int_t)carried->count[CARRY_UP],
                         "bytes", (json_int_t)carried->bytes[CARRY_UP], "receipts",
                         (json_int_t)carried->count[CARRY_BACK], "refused",
                         (json_int_t)carried->count[CARRY_REFUSED]);
}

/* The part that only an enrolled device has. */
static int set_engine_status(struct api_call *call, const struct api_host_status *host,
                             json_t *json)
{
        CLEANUP(json_freep) json_t *scopes = json_array();
        struct engine_link_status link;
        struct engine_status status = {0};
        int r = engine_status(call->api->engine, &call->now, &status);
        int failed = 0;

        if (r >= 0)
                r = engine_scopes(call->api->engine, append_scope, scopes);
        if (r < 0)
                return r;
        engine_link_status(call->api->engine, &call->now, &link);
        failed |= json_object_set_new(json, "device", api_uuid(&status.device));
        failed |= json_object_set_new(json, "incarnation", api_uuid(&status.incarnation));
        failed |= json_object_set_new(json, "locality", api_uuid(&status.locality));
        failed |= json_object_set_new(json, "complete", json_boolean(status.complete));
        failed |= json_object_set_new(json, "proven", json_boolean(status.proven));
        failed |= json_object_set_new(json, "repairs",
                                      json_pack("{s:I, s:I, s:I, s:o, s:b}", "made",
                                                (json_int_t)status.repaired, "erased",
                                                (json_int_t)status.repair_erased, "faults",
                                                (json_int_t)status.repair_faults, "newest",
                                                api_instant(status.repaired_ms), "contradiction",
                                                (int)status.contradiction));
        failed |= json_object_set_new(json, "upgrade_needed", json_boolean(status.upgrade_needed));
        failed |= json_object_set_new(json, "people", json_integer((json_int_t)status.people));
        failed |= json_object_set_new(json, "conflicts_open",
                                      json_integer((json_int_t)status.conflicts_open));
        failed |= json_object_set_new(json, "quarantine_open",
                                      json_integer((json_int_t)status.refused_open));
        failed |= json_object_set_new(json, "stopped", stopped_to_json(&status));
        failed |= json_object_set_new(json, "drafts",
                                      json_pack("{s:I, s:I}", "count", (json_int_t)status.drafts,
                                                "old", (json_int_t)status.drafts_old));
        failed |= json_object_set_new(json, "outbox", outbox_to_json(&status));
        failed |= json_object_set_new(json, "attachments", api_attachments_json(call->api));
        failed |= json_object_set_new(json, "exchange", exchange_to_json(&status, host, &link));
        failed |= json_object_set_new(json, "link", link_to_json(&link));
        failed |= json_object_set_new(json, "bundles", api_bundles_json(call->api->engine));
        failed |= json_object_set_new(json, "carried", carried_to_json(host));
        failed |= json_object_set(json, "scopes", scopes);
        failed |= json_object_set_new(json, "flushes",
                                      json_pack("{s:I, s:I}", "outbox",
                                                (json_int_t)status.flushes_outbox, "replica",
                                                (json_int_t)status.flushes_replica));
        return failed < 0 ? FAIL(PANNIER_E_MEMORY, "no memory for the status") : 0;
}

int api_get_status(struct api_call *call)
{
        struct api_host_status host = {.store = "", .problem = "", .library = ""};
        CLEANUP(json_freep) json_t *json = NULL;
        int r = 0;

        call->api->host.status(call->api->host.context, &host);
        json = json_pack("{s:s, s:b, s:s, s:o, s:o, s:I, s:s, s:s}", "version", PANNIER_VERSION,
                         "enrolled", (int)host.enrolled, "store", host.store, "certificate_expires",
                         api_instant(host.certificate_expires_ms), "now",
                         api_instant(call->now.wall_ms), "connections",
                         (json_int_t)api_connection_count(call->api->http), "tls", host.library,
                         "crypto", crypto_library());
        if (json && call->api->engine)
                r = set_engine_status(call, &host, json);
        return r < 0 ? r : api_send(call, 200, TAKE(json));
}

static void append_finding(void *context, bool good, const char *text)
{
        (void)json_array_append_new(context,
                                    json_pack("{s:b, s:s}", "good", (int)good, "text", text));
}

static bool all_good(const json_t *findings)
{
        for (size_t i = 0; i < json_array_size(findings); i++)
                if (!json_is_true(json_object_get(json_array_get(findings, i), "good")))
                        return false;
        return true;
}

int api_get_doctor(struct api_call *call)
{
        const struct bytes *deep = http1_parameter(&call->request->target, "deep");
        CLEANUP(json_freep) json_t *findings = json_array();
        int r = 0;

        if (deep && !bytes_equal(*deep, bytes_text("1")) && !bytes_equal(*deep, bytes_text("0"))) {
                call->field = "deep";
                return FAIL(PANNIER_E_INVALID, "deep is 0 or 1");
        }
        if (call->api->engine)
                r = engine_doctor(call->api->engine, deep && bytes_equal(*deep, bytes_text("1")),
                                  append_finding, findings);
        else
                append_finding(findings, false,
                               "this device is not enrolled: it has no store and holds nobody");
        if (r < 0)
                return r;
        return api_send(
                call, 200,
                json_pack("{s:b, s:O}", "good", (int)all_good(findings), "findings", findings));
}

int api_post_sync(struct api_call *call)
{
        engine_sync_now(call->api->engine, &call->now);
        return api_send(call, 202, json_pack("{s:b}", "asked", 1));
}

int api_get_catalogue(struct api_call *call)
{
        api_answer(call->exchange, 200, "application/schema+json",
                   bytes_text(catalogue_get()->json_schema));
        return 0;
}

/* ---- enrolment: answered when the store has answered ---- */

struct enrolling {
        struct api *api;
        struct api_exchange *exchange; /* NULL: the client went away; enrolment goes on */
};

static void enrolling_gone(void *context)
{
        struct enrolling *enrolling = context;

        enrolling->exchange = NULL;
}

static void enrolling_done(void *context, const struct enrol_result *result)
{
        struct enrolling *enrolling = context;
        struct api_call call = {.api = enrolling->api, .exchange = enrolling->exchange};
        json_t *json;

        if (enrolling->exchange) {
                json = result->error == 0
                               ? json_pack("{s:b}", "enrolled", 1)
                               : api_error_json(pannier_error_name(result->error), result->detail);
                if (result->error == PANNIER_E_LINK)
                        (void)json_object_set_new(
                                json_object_get(json, "error"), "problem",
                                json_string(exchange_failure_name(result->failure)));
                if (api_send(&call, result->error == 0 ? 200 : api_status_of(result->error), json) <
                    0)
                        api_answer(enrolling->exchange, 503, NULL, BYTES_NONE);
        }
        free(enrolling);
}

int api_post_enrol(struct api_call *call)
{
        static const char *const keys[] = {"link", NULL};
        CLEANUP(free_pointerp) struct enrolling *enrolling = NULL;
        struct enrol_link link;
        int r = json_only_keys(call->body, keys);

        call->field = "link";
        if (r >= 0)
                r = enrol_link_parse(json_view(json_object_get(call->body, "link")), &link);
        if (r < 0)
                return r;
        call->field = NULL;
        enrolling = calloc(1, sizeof(*enrolling));
        if (!enrolling)
                return FAIL(PANNIER_E_MEMORY, "no memory for an enrolment");
        enrolling->api = call->api;
        enrolling->exchange = call->exchange;
        r = call->api->host.enrol(call->api->host.context, &link, enrolling_done, enrolling);
        crypto_wipe(&link, sizeof(link));
        if (r < 0)
                return r;
        api_on_gone(call->exchange, enrolling_gone, enrolling);
        (void)TAKE(enrolling);
        return 0;
}
