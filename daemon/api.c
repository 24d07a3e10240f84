#include "daemon/api_call.h"

#include "common/error.h"
#include "common/log.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

/* ---- routes ---- */

enum need { NEED_NOTHING = 0, NEED_ENGINE = 1, NEED_STAFF = 2, NEED_BODY = 4 };

static const struct route {
        const char *method;
        const char *path; /* below /v1/; a * stands for one part, handed over as call->segment */
        api_handler *handler;
        unsigned needs;
} routes[] = {
        {"GET", "status", api_get_status, NEED_NOTHING},
        {"GET", "people", api_get_people, NEED_ENGINE | NEED_STAFF},
        {"GET", "people/*", api_get_person, NEED_ENGINE | NEED_STAFF},
        {"GET", "records", api_get_records, NEED_ENGINE | NEED_STAFF},
        {"GET", "records/*", api_get_record, NEED_ENGINE | NEED_STAFF},
        {"POST", "entries", api_post_entries, NEED_ENGINE | NEED_STAFF | NEED_BODY},
        {"GET", "entries", api_get_entries, NEED_ENGINE},
        {"GET", "entries/*", api_get_entry, NEED_ENGINE},
        {"GET", "drafts", api_get_drafts, NEED_ENGINE | NEED_STAFF},
        {"GET", "drafts/*", api_get_draft, NEED_ENGINE | NEED_STAFF},
        {"PUT", "drafts/*", api_put_draft, NEED_ENGINE | NEED_STAFF | NEED_BODY},
        {"DELETE", "drafts/*", api_delete_draft, NEED_ENGINE | NEED_STAFF},
        {"POST", "sync", api_post_sync, NEED_ENGINE},
        {"GET", "events", api_get_events, NEED_NOTHING},
        {"GET", "conflicts", api_get_conflicts, NEED_ENGINE | NEED_STAFF},
        {"GET", "quarantine", api_get_quarantine, NEED_ENGINE},
        {"POST", "enrol", api_post_enrol, NEED_BODY},
        {"GET", "doctor", api_get_doctor, NEED_NOTHING},
        {"GET", "ready", api_get_ready, NEED_ENGINE},
        {"GET", "catalogue", api_get_catalogue, NEED_NOTHING},
        {"GET", "staff", api_get_staff, NEED_ENGINE},
        {"GET", "bundles", api_get_bundles, NEED_ENGINE},
        {"POST", "bundles", api_post_bundles, NEED_ENGINE},
        {"PUT", "bundles/*", api_put_bundle, NEED_ENGINE | NEED_BODY},
        {"POST", "bundles/*/part", api_post_bundle_part, NEED_ENGINE},
        {"POST", "receipts", api_post_receipts, NEED_ENGINE},
        {"GET", "carried", api_get_carried, NEED_ENGINE},
        {"GET", "carried/*", api_get_carried_one, NEED_ENGINE},
        {"POST", "carried", api_post_carried, NEED_ENGINE},
        {"POST", "attachments", api_post_attachments, NEED_ENGINE | NEED_STAFF},
        {"GET", "attachments/*", api_get_attachment, NEED_ENGINE | NEED_STAFF},
};

static bool path_fits(const char *path, const struct http1_target *target, struct bytes *ret_part)
{
        size_t i = 1;

        *ret_part = BYTES_NONE;
        for (const char *part = path; part; i++) {
                const char *slash = strchr(part, '/');
                size_t size = slash ? (size_t)(slash - part) : strlen(part);
                if (i >= target->segment_count)
                        return false;
                if (*part == '*')
                        *ret_part = target->segments[i];
                else if (!bytes_equal(target->segments[i], BYTES(part, size)))
                        return false;
                part = slash ? slash + 1 : NULL;
        }
        return i == target->segment_count;
}

static const struct route *find_route(const struct api_request *request, struct bytes *ret_part,
                                      bool *ret_path_known)
{
        const struct http1_target *target = &request->target;

        *ret_path_known = false;
        if (target->segment_count < 2 || !bytes_equal(target->segments[0], bytes_text("v1")))
                return NULL;
        for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
                struct bytes part;
                if (!path_fits(routes[i].path, target, &part))
                        continue;
                *ret_path_known = true;
                *ret_part = part;
                if (bytes_equal(request->head->method, bytes_text(routes[i].method)))
                        return &routes[i];
        }
        return NULL;
}

/* ---- answers ---- */

static const struct {
        int error;
        int status;
} statuses[] = {
        {PANNIER_E_INVALID, 422}, {PANNIER_E_MALFORMED, 400}, {PANNIER_E_LIMIT, 413},
        {PANNIER_E_REFUSED, 403}, {PANNIER_E_NOT_FOUND, 404}, {PANNIER_E_TAKEN, 409},
        {PANNIER_E_STORAGE, 507}, {PANNIER_E_CORRUPT, 503},   {PANNIER_E_TOO_NEW, 500},
        {PANNIER_E_LINK, 502},    {PANNIER_E_CRYPTO, 502},    {PANNIER_E_MEMORY, 503},
        {PANNIER_E_SYSTEM, 500},  {PANNIER_E_BUSY, 503},      {PANNIER_E_INTERNAL, 500},
};

int api_status_of(int error)
{
        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
                if (statuses[i].error == error)
                        return statuses[i].status;
        return 500;
}

json_t *api_error_json(const char *code, const char *message)
{
        return json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
}

int api_send_text(struct api_call *call, int status, struct buffer *text)
{
        buffer_append_byte(text, '\n');
        if (buffer_check(text) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for the answer");
        api_answer(call->exchange, status, "application/json", buffer_view(text));
        call->answered = true;
        return 0;
}

int api_send(struct api_call *call, int status, json_t *json)
{
        CLEANUP(json_freep) json_t *owned = json;
        CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;

        if (!json)
                return FAIL(PANNIER_E_MEMORY, "no memory for the answer");
        json_append(json, &text);
        return api_send_text(call, status, &text);
}

static void send_error(struct api_call *call, int error)
{
        const char *message = *error_detail() ? error_detail() : pannier_error_name(error);
        json_t *json = api_error_json(pannier_error_name(error), message);
        json_t *object = json_object_get(json, "error");
        int status = api_status_of(error);

        if (call->field)
                (void)json_object_set_new(object, "field", json_string(call->field));
        if (call->limit)
                (void)json_object_set_new(object, "limit", json_integer(call->limit));
        if (call->index >= 0)
                (void)json_object_set_new(object, "index", json_integer(call->index));
        if (status >= 500 && error != PANNIER_E_BUSY)
                log_failure(LOG_LEVEL_WARNING, error, "a request of the local API failed");
        error_clear();
        if (api_send(call, status, json) < 0)
                api_answer(call->exchange, 503, NULL, BYTES_NONE);
        if ((error == PANNIER_E_CORRUPT || error == PANNIER_E_STORAGE) && call->api->engine)
                call->api->host.broken(call->api->host.context, error);
}

/* ---- parameters ---- */

static const struct bytes *query(struct api_call *call, const char *name)
{
        return http1_parameter(&call->request->target, name);
}

int api_query_id(struct api_call *call, const char *name, struct uuid *ret, bool *ret_there)
{
        const struct bytes *text = query(call, name);

        *ret = UUID_NONE;
        *ret_there = text != NULL;
        if (!text)
                return 0;
        if (uuid_parse(*text, ret) >= 0)
                return 0;
        call->field = name;
        return FAIL(PANNIER_E_INVALID, "%s is not an id (UUID)", name);
}

int api_query_count(struct api_call *call, const char *name, uint64_t fallback, uint64_t max,
                    uint64_t *ret)
{
        const struct bytes *text = query(call, name);
        uint64_t number = 0;

        *ret = fallback;
        if (!text)
                return 0;
        for (size_t i = 0; i < text->size && number <= max; i++) {
                if (text->data[i] < '0' || text->data[i] > '9') {
                        number = UINT64_MAX;
                        break;
                }
                number = number * 10 + (uint64_t)(text->data[i] - '0');
        }
        if (text->size > 0 && number <= max) {
                *ret = number;
                return 0;
        }
        call->field = name;
        call->limit = (int64_t)(max < INT64_MAX ? max : INT64_MAX);
        return FAIL(PANNIER_E_INVALID, "%s is a number up to %llu", name, (unsigned long long)max);
}

int api_query_type(struct api_call *call, const char *name, const struct catalogue_type **ret)
{
        const struct bytes *text = query(call, name);

        *ret = NULL;
        if (!text)
                return 0;
        *ret = catalogue_type_by_name(*text);
        if (*ret)
                return 0;
        call->field = name;
        return FAIL(PANNIER_E_INVALID, "the catalogue has no type of this name");
}

int api_path_id(struct api_call *call, struct uuid *ret)
{
        if (uuid_parse(call->segment, ret) >= 0)
                return 0;
        return FAIL(PANNIER_E_NOT_FOUND,
                    "there is no such thing: the path does not end with an id");
}

/* Only what a route reads may be asked: a misspelt filter must not look like a list that is whole. */
static int check_query(struct api_call *call, const struct route *route)
{
        static const struct {
                const char *path;
                const char *names[6];
        } known[] = {
                {"people", {"q", "limit", "after"}},
                {"records", {"person", "type", "limit", "after"}},
                {"entries", {"state", "limit", "after"}},
                {"entries/*", {"bytes"}},
                {"quarantine", {"limit", "after", "all"}},
                {"conflicts", {"limit", "after"}},
                {"attachments", {"request", "type", "person", "fields"}},
                {"events", {"kinds"}},
                {"doctor", {"deep"}},
                {"ready", {"date"}},
        };
        const struct http1_target *target = &call->request->target;
        const char *const *names = NULL;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(known[i].path, route->path) == 0)
                        names = known[i].names;
        for (size_t i = 0; i < target->parameter_count; i++) {
                bool found = false;
                for (size_t k = 0; names && names[k]; k++)
                        found = found ||
                                bytes_equal(target->parameters[i].name, bytes_text(names[k]));
                if (!found)
                        return FAIL(PANNIER_E_INVALID, "there is no query parameter %.40s here",
                                    (const char *)target->parameters[i].name.data);
        }
        return 0;
}

/* ---- calls ---- */

static int read_staff(struct api_call *call, bool needed)
{
        const struct bytes *text = http1_header(call->request->head, "Pannier-Staff");

        if (!text && !needed)
                return 0;
        call->field = "Pannier-Staff";
        if (!text)
                return FAIL(PANNIER_E_REFUSED,
                            "say who is asking: the header Pannier-Staff with the "
                            "id of a member of staff");
        if (uuid_parse(*text, &call->staff) < 0)
                return FAIL(PANNIER_E_INVALID, "the header Pannier-Staff is not an id (UUID)");
        call->field = NULL;
        return 0;
}

static int read_body(struct api_call *call)
{
        const struct bytes *type = http1_header(call->request->head, "Content-Type");
        int r;

        if (call->request->body.size == 0)
                return FAIL(PANNIER_E_MALFORMED, "the request has no body; it needs one in JSON");
        if (type && (type->size < 16 || memcmp(type->data, "application/json", 16) != 0))
                return FAIL(PANNIER_E_MALFORMED, "the body must be application/json");
        r = json_load(call->request->body, &call->body);
        if (r == PANNIER_E_LIMIT)
                call->limit = JSON_VALUE_MAX;
        return r;
}

static int no_engine(const struct api_call *call)
{
        struct api_host_status host = {0};

        call->api->host.status(call->api->host.context, &host);
        if (host.enrolled)
                return FAIL(PANNIER_E_BUSY,
                            "the device's databases cannot be opened now; it is tried "
                            "again by itself (is the disk full?)");
        return FAIL(PANNIER_E_BUSY,
                    "this device is not enrolled yet: ask IT for an enrolment link, "
                    "then pannier enrol LINK");
}

static int run(struct api_call *call, const struct route *route)
{
        int r = check_query(call, route);

        if (r >= 0)
                r = read_staff(call, route->needs & NEED_STAFF);
        if (r >= 0 && (route->needs & NEED_ENGINE) && !call->api->engine)
                r = no_engine(call);
        if (r >= 0 && (route->needs & NEED_BODY))
                r = read_body(call);
        return r < 0 ? r : route->handler(call);
}

static void on_request(void *context, struct api_exchange *exchange,
                       const struct api_request *request)
{
        struct api *api = context;
        struct api_call call = {.api = api,
                                .exchange = exchange,
                                .request = request,
                                .upload = request->sink,
                                .index = -1};
        const struct route *route;
        bool path_known;
        int r;

        error_clear();
        arena_reset(&api->arena);
        route = find_route(request, &call.segment, &path_known);
        if (!route) {
                (void)api_send(&call, path_known ? 405 : 404,
                               api_error_json(path_known ? "method" : "not found",
                                              path_known ? "this address has no such method"
                                                         : "there is no such address"));
                return;
        }
        api->host.now(api->host.context, &call.now);
        r = run(&call, route);
        if (r < 0)
                send_error(&call, r);
        json_decref(call.body);
        api->host.touched(api->host.context);
}

/* ---- bodies that come piece by piece ---- */

static int begin_sink(void *context, const struct api_request *request, void **ret)
{
        const struct http1_target *target = &request->target;
        struct api_upload *upload = NULL;
        int r;

        if (!bytes_equal(request->head->method, bytes_text("POST")) || target->segment_count != 2 ||
            !bytes_equal(target->segments[0], bytes_text("v1")) ||
            !bytes_equal(target->segments[1], bytes_text("attachments")))
                return 0;
        r = api_upload_begin(context, request, &upload);
        *ret = upload;
        return r < 0 ? r : 1;
}

static int add_to_sink(void *sink, struct bytes piece)
{
        return api_upload_piece(sink, piece);
}

static void free_sink(void *sink)
{
        api_upload_free(sink);
}

static const struct api_sinks sinks = {begin_sink, add_to_sink, free_sink};

int api_new(struct event_base *base, const struct api_options *options, struct api **ret)
{
        CLEANUP(api_freep) struct api *api = calloc(1, sizeof(*api));
        int r;

        if (!api)
                return FAIL(PANNIER_E_MEMORY, "no memory for the local API");
        api->base = base;
        api->host = options->host;
        LIST_INIT(&api->streams);
        r = api_http_new(base, &options->http, on_request, api, &api->http);
        if (r < 0)
                return r;
        api_http_sinks(api->http, &sinks);
        *ret = TAKE(api);
        return 0;
}

struct api *api_free(struct api *api)
{
        if (!api)
                return NULL;
        api_streams_end(api);
        (void)api_http_free(api->http);
        if (api->heartbeat)
                event_free(api->heartbeat);
        arena_deinit(&api->arena);
        free(api);
        return NULL;
}

void api_set_engine(struct api *api, struct engine *engine)
{
        api->engine = engine;
}

void api_set_porter(struct api *api, struct porter *porter)
{
        api->porter = porter;
}
