/* Calls of the local API as functions: requests are put together here, answers are handed on as they are. */
/* file length: one short function for each call of the library, and what they share */
#include <pannier/pannier.h>

#include "client/call.h"
#include "common/error.h"
#include "common/id.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MESSAGE_SIZE = 600, FIELD_SIZE = 64 };

struct pannier {
        struct connection connection;
        char staff[PANNIER_ID_SIZE]; /* "": nobody */
        uint32_t timeout_ms;
        struct buffer request; /* head and body of the call in hand */
        char message[MESSAGE_SIZE];
        char field[FIELD_SIZE];
        int index;
};

struct pannier_events {
        struct connection connection;
        char name[32];
};

/* ---- life ---- */

static const char *socket_path(const char *path)
{
        if (!path)
                path = getenv("PANNIER_SOCKET");
        return path && *path ? path : PANNIER_SOCKET_DEFAULT;
}

static int fail_call(struct pannier *client, int error)
{
        (void)snprintf(client->message, sizeof(client->message), "%s", error_detail());
        return error;
}

int pannier_connect(const char *path, struct pannier **ret)
{
        struct pannier *client = calloc(1, sizeof(*client));
        int r;

        error_clear();
        if (!client)
                return FAIL(PANNIER_E_MEMORY, "no memory for a client");
        client->timeout_ms = PANNIER_TIMEOUT_MS;
        client->index = -1;
        r = connection_init(&client->connection, socket_path(path));
        if (r >= 0)
                r = connection_open(&client->connection);
        if (r < 0) {
                (void)pannier_free(client);
                return r;
        }
        *ret = client;
        return 0;
}

const char *pannier_connect_message(void)
{
        return error_detail();
}

struct pannier *pannier_free(struct pannier *client)
{
        if (!client)
                return NULL;
        connection_deinit(&client->connection);
        buffer_wipe(&client->request);
        free(client);
        return NULL;
}

int pannier_set_staff(struct pannier *client, const char *staff)
{
        struct uuid id;

        client->staff[0] = 0;
        if (!staff)
                return 0;
        if (uuid_parse(bytes_text(staff), &id) < 0)
                return fail_call(client, FAIL(PANNIER_E_INVALID,
                                              "a staff member is named by an id "
                                              "(UUID), not by %.60s",
                                              staff));
        uuid_format(&id, client->staff);
        return 0;
}

void pannier_set_timeout(struct pannier *client, uint32_t timeout_ms)
{
        client->timeout_ms = timeout_ms ? timeout_ms : 1;
}

const char *pannier_message(const struct pannier *client)
{
        return client->message;
}

const char *pannier_field(const struct pannier *client)
{
        return client->field;
}

int pannier_index(const struct pannier *client)
{
        return client->index;
}

void pannier_text_free(char *text)
{
        free(text);
}

void pannier_new_id(char ret[PANNIER_ID_SIZE])
{
        uint8_t random[10];
        struct timespec now;

        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                abort(); /* cannot fail for so few bytes once the system has started */
        (void)clock_gettime(CLOCK_REALTIME, &now);
        struct uuid id = uuid_v7((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, random);
        uuid_format(&id, ret);
}

/* ---- calls ---- */

static void begin_request(struct pannier *client, const char *method, const char *target,
                          const char *media_type, struct bytes body)
{
        buffer_reset(&client->request);
        buffer_append_format(&client->request, "%s %s HTTP/1.1\r\nHost: pannier\r\n", method,
                             target);
        if (*client->staff)
                buffer_append_format(&client->request, "Pannier-Staff: %s\r\n", client->staff);
        if (body.size)
                buffer_append_format(&client->request,
                                     "Content-Type: %s\r\nContent-Length: %zu\r\n", media_type,
                                     body.size);
        buffer_append_text(&client->request, "\r\n");
        buffer_append(&client->request, body);
}

static int error_from_code(const char *code)
{
        for (int error = PANNIER_E_INVALID; error >= PANNIER_E_INTERNAL; error--)
                if (strcmp(code, pannier_error_name(error)) == 0)
                        return error;
        return PANNIER_E_INTERNAL;
}

/* What the daemon says about a call that it did not do. */
static int read_error(struct pannier *client, const struct connection_answer *answer)
{
        CLEANUP(json_freep) json_t *json = NULL;
        const json_t *error, *field, *index;
        const char *code, *message;

        if (json_load(answer->body, &json) < 0)
                return fail_call(client,
                                 FAIL(PANNIER_E_LINK, "the daemon answered %d without words",
                                      answer->status));
        error = json_object_get(json, "error");
        code = json_string_value(json_object_get(error, "code"));
        message = json_string_value(json_object_get(error, "message"));
        field = json_object_get(error, "field");
        index = json_object_get(error, "index");
        (void)snprintf(client->message, sizeof(client->message), "%s", message ? message : "");
        if (json_is_string(field))
                (void)snprintf(client->field, sizeof(client->field), "%s",
                               json_string_value(field));
        if (json_is_integer(index))
                client->index = (int)json_integer_value(index);
        return code ? error_from_code(code) : PANNIER_E_INTERNAL;
}

static int take_text(struct bytes body, char **ret)
{
        char *text = malloc(body.size + 1);

        if (!text)
                return FAIL(PANNIER_E_MEMORY, "no memory for an answer");
        if (body.size)
                memcpy(text, body.data, body.size);
        text[body.size] = 0;
        *ret = text;
        return 0;
}

/* Send what begin_request() made; the answer stays in the connection. */
static int send_request(struct pannier *client, struct connection_answer *ret)
{
        int r = buffer_check(&client->request);

        if (r >= 0)
                r = connection_call(&client->connection, buffer_view(&client->request),
                                    client->timeout_ms, ret);
        if (r < 0)
                return fail_call(client, r);
        return ret->status >= 200 && ret->status <= 299 ? 0 : read_error(client, ret);
}

static void forget_failure(struct pannier *client)
{
        client->message[0] = 0;
        client->field[0] = 0;
        client->index = -1;
        error_clear();
}

int call_daemon(struct pannier *client, const char *method, const char *target, struct bytes body,
                struct connection_answer *ret)
{
        forget_failure(client);
        begin_request(client, method, target, "application/json", body);
        return send_request(client, ret);
}

int call_failed(struct pannier *client, int error)
{
        return fail_call(client, error);
}

static int call_bytes(struct pannier *client, const char *method, const char *target,
                      struct bytes body, char **ret)
{
        struct connection_answer answer;
        int r = call_daemon(client, method, target, body, &answer);

        if (r >= 0 && ret)
                r = take_text(answer.body, ret);
        return r;
}

static bool is_plain(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
                        return false;
        return true;
}

int pannier_call(struct pannier *client, const char *method, const char *target, const char *body,
                 char **ret)
{
        forget_failure(client);
        if (!is_plain(method) || !is_plain(target) || *target != '/')
                return fail_call(client,
                                 FAIL(PANNIER_E_INVALID, "a target begins with / and is escaped"));
        return call_bytes(client, method, target, body ? bytes_text(body) : BYTES_NONE, ret);
}

/* A path below /v1/ with one part and query parameters, each escaped; NULL values are left out. */
struct parameter {
        const char *name, *value;
};

/* A path below /v1/ with its parameters and a NUL. */
static int put_target(struct buffer *target, const char *path, const char *part,
                      const struct parameter *parameters, size_t count)
{
        char separator = '?';

        buffer_append_format(target, "/v1/%s", path);
        if (part) {
                buffer_append_byte(target, '/');
                http1_append_escaped(target, bytes_text(part));
        }
        for (size_t i = 0; i < count; i++) {
                if (!parameters[i].value || !*parameters[i].value)
                        continue;
                buffer_append_format(target, "%c%s=", separator, parameters[i].name);
                http1_append_escaped(target, bytes_text(parameters[i].value));
                separator = '&';
        }
        buffer_append_byte(target, 0);
        return buffer_check(target);
}

static int get(struct pannier *client, const char *path, const char *part,
               const struct parameter *parameters, size_t count, char **ret)
{
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        int r = put_target(&target, path, part, parameters, count);

        if (r < 0)
                return fail_call(client, r);
        return call_bytes(client, "GET", (const char *)target.data, BYTES_NONE, ret);
}

static const char *count_text(uint64_t count, char ret[24])
{
        (void)snprintf(ret, 24, "%llu", (unsigned long long)count);
        return count ? ret : NULL;
}

int pannier_attach(struct pannier *client, const char *request, const char *person,
                   const char *media_type, const char *fields, const void *data, size_t size,
                   char **ret)
{
        const struct parameter parameters[] = {
                {"request", request}, {"person", person}, {"fields", fields}};
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        struct connection_answer answer;
        int r;

        forget_failure(client);
        r = put_target(&target, "attachments", NULL, parameters, 3);
        if (r >= 0 && !is_plain(media_type))
                r = FAIL(PANNIER_E_INVALID, "a media type is like image/jpeg");
        if (r < 0)
                return fail_call(client, r);
        begin_request(client, "POST", (const char *)target.data, media_type, BYTES(data, size));
        r = send_request(client, &answer);
        return r < 0 ? r : take_text(answer.body, ret);
}

int pannier_attachment(struct pannier *client, const char *record, char **ret, size_t *ret_size)
{
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        struct connection_answer answer;
        int r;

        forget_failure(client);
        r = put_target(&target, "attachments", record, NULL, 0);
        if (r < 0)
                return fail_call(client, r);
        begin_request(client, "GET", (const char *)target.data, NULL, BYTES_NONE);
        r = send_request(client, &answer);
        r = r < 0 ? r : take_text(answer.body, ret);
        if (r >= 0)
                *ret_size = answer.body.size;
        return r;
}

int pannier_people(struct pannier *client, const char *query, unsigned limit, const char *after,
                   char **ret)
{
        char text[24];
        const struct parameter parameters[] = {
                {"q", query}, {"limit", count_text(limit, text)}, {"after", after}};

        return get(client, "people", NULL, parameters, 3, ret);
}

int pannier_person(struct pannier *client, const char *person, char **ret)
{
        return get(client, "people", person, NULL, 0, ret);
}

int pannier_records(struct pannier *client, const char *person, const char *type, unsigned limit,
                    const char *after, char **ret)
{
        char text[24];
        const struct parameter parameters[] = {{"person", person},
                                               {"type", type},
                                               {"limit", count_text(limit, text)},
                                               {"after", after}};

        return get(client, "records", NULL, parameters, 4, ret);
}

int pannier_record(struct pannier *client, const char *record, char **ret)
{
        return get(client, "records", record, NULL, 0, ret);
}

int pannier_conflicts(struct pannier *client, unsigned limit, const char *after, char **ret)
{
        char text[24];
        const struct parameter parameters[] = {{"limit", count_text(limit, text)},
                                               {"after", after}};

        return get(client, "conflicts", NULL, parameters, 2, ret);
}

int pannier_staff(struct pannier *client, char **ret)
{
        return get(client, "staff", NULL, NULL, 0, ret);
}

int pannier_catalogue(struct pannier *client, char **ret)
{
        return get(client, "catalogue", NULL, NULL, 0, ret);
}

int pannier_outbox(struct pannier *client, const char *states, unsigned limit, uint64_t after,
                   char **ret)
{
        char limit_text[24], after_text[24];
        const struct parameter parameters[] = {{"state", states},
                                               {"limit", count_text(limit, limit_text)},
                                               {"after", count_text(after, after_text)}};

        return get(client, "entries", NULL, parameters, 3, ret);
}

int pannier_entry(struct pannier *client, const char *entry, char **ret)
{
        return get(client, "entries", entry, NULL, 0, ret);
}

int pannier_entry_bytes(struct pannier *client, const char *entry, char **ret)
{
        const struct parameter parameters[] = {{"bytes", "true"}};

        return get(client, "entries", entry, parameters, 1, ret);
}

int pannier_quarantine(struct pannier *client, unsigned limit, uint64_t after, char **ret)
{
        char limit_text[24], after_text[24];
        const struct parameter parameters[] = {{"limit", count_text(limit, limit_text)},
                                               {"after", count_text(after, after_text)}};

        return get(client, "quarantine", NULL, parameters, 2, ret);
}

int pannier_status(struct pannier *client, char **ret)
{
        return get(client, "status", NULL, NULL, 0, ret);
}

int pannier_doctor(struct pannier *client, int deep, char **ret)
{
        const struct parameter parameters[] = {{"deep", deep ? "1" : NULL}};

        return get(client, "doctor", NULL, parameters, 1, ret);
}

int pannier_ready(struct pannier *client, const char *date, char **ret)
{
        const struct parameter parameters[] = {{"date", date}};

        return get(client, "ready", NULL, parameters, 1, ret);
}

int pannier_drafts(struct pannier *client, char **ret)
{
        return get(client, "drafts", NULL, NULL, 0, ret);
}

int pannier_draft(struct pannier *client, const char *draft, char **ret)
{
        return get(client, "drafts", draft, NULL, 0, ret);
}

/* ---- writing ---- */

/* The caller's JSON object, read once so that nothing but an object is put into ours. A new reference. */
static json_t *read_object(struct pannier *client, const char *name, const char *text)
{
        json_t *json = NULL;

        if (strlen(text) > PANNIER_ENTRY_MAX) {
                (void)fail_call(client, FAIL(PANNIER_E_LIMIT, "%s has more than %d bytes", name,
                                             PANNIER_ENTRY_MAX));
                return NULL;
        }
        if (json_load(bytes_text(text), &json) < 0 || !json_is_object(json)) {
                json_decref(json);
                (void)fail_call(client, FAIL(PANNIER_E_INVALID, "%s is not a JSON object", name));
                return NULL;
        }
        return json;
}

static int send_json(struct pannier *client, const char *method, const char *target, json_t *json,
                     struct connection_answer *ret)
{
        CLEANUP(json_freep) json_t *owned = json;
        CLEANUP(buffer_wipe) struct buffer body = BUFFER_INIT;

        if (json)
                json_append(json, &body);
        if (!json || buffer_check(&body) < 0)
                return fail_call(client, FAIL(PANNIER_E_MEMORY, "no memory for a request"));
        begin_request(client, method, target, "application/json", buffer_view(&body));
        return send_request(client, ret);
}

/* {"record": id} of an answer to one entry */
static int read_record_id(struct pannier *client, const struct connection_answer *answer,
                          char *ret_id)
{
        CLEANUP(json_freep) json_t *json = NULL;
        const char *id;

        if (!ret_id)
                return 0;
        id = json_load(answer->body, &json) < 0
                     ? NULL
                     : json_string_value(json_object_get(json, "record"));
        if (!id || strlen(id) != PANNIER_ID_SIZE - 1)
                return fail_call(client, FAIL(PANNIER_E_LINK, "the daemon's answer has no record"));
        memcpy(ret_id, id, PANNIER_ID_SIZE);
        return 0;
}

int pannier_put(struct pannier *client, const char *type, const char *request, const char *person,
                const char *fields, char *ret_id)
{
        struct connection_answer answer;
        json_t *object;
        int r;

        forget_failure(client);
        object = read_object(client, "fields", fields);
        if (!object)
                return strlen(fields) > PANNIER_ENTRY_MAX ? PANNIER_E_LIMIT : PANNIER_E_INVALID;
        r = send_json(client, "POST", "/v1/entries",
                      json_pack("{s:s, s:s, s:s, s:s*, s:o}", "request", request, "operation",
                                "create", "type", type, "person", person, "fields", object),
                      &answer);
        return r < 0 ? r : read_record_id(client, &answer, ret_id);
}

int pannier_edit(struct pannier *client, const char *record, const char *request,
                 const char *fields, const char *reason)
{
        struct connection_answer answer;
        json_t *object;

        forget_failure(client);
        object = read_object(client, "fields", fields);
        if (!object)
                return strlen(fields) > PANNIER_ENTRY_MAX ? PANNIER_E_LIMIT : PANNIER_E_INVALID;
        return send_json(client, "POST", "/v1/entries",
                         json_pack("{s:s, s:s, s:s, s:s*, s:o}", "request", request, "operation",
                                   "edit", "record", record, "reason", reason, "fields", object),
                         &answer);
}

int pannier_decide(struct pannier *client, const char *conflict, const char *request,
                   const char *chosen, const char *const *seen, size_t count, const char *reason)
{
        CLEANUP(json_freep) json_t *ids = json_array();
        struct connection_answer answer;

        forget_failure(client);
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(ids, json_string(seen[i]));
        return send_json(client, "POST", "/v1/entries",
                         json_pack("{s:s, s:s, s:s, s:s*, s:{s:{s:s, s:O}}}", "request", request,
                                   "operation", "decide", "record", conflict, "reason", reason,
                                   "fields", "decision", "chosen", chosen, "seen", ids),
                         &answer);
}

int pannier_fix(struct pannier *client, const char *entry, const char *request, const char *fields,
                const char *reason)
{
        struct connection_answer answer;
        json_t *object;

        forget_failure(client);
        object = read_object(client, "fields", fields);
        if (!object)
                return strlen(fields) > PANNIER_ENTRY_MAX ? PANNIER_E_LIMIT : PANNIER_E_INVALID;
        return send_json(client, "POST", "/v1/entries",
                         json_pack("{s:s, s:s, s:s*, s:o}", "request", request, "instead_of", entry,
                                   "reason", reason, "fields", object),
                         &answer);
}

int pannier_commit(struct pannier *client, const char *entries, char **ret)
{
        return call_bytes(client, "POST", "/v1/entries", bytes_text(entries), ret);
}

static int draft_target(struct pannier *client, const char *draft, struct buffer *out)
{
        buffer_append_text(out, "/v1/drafts/");
        http1_append_escaped(out, bytes_text(draft));
        buffer_append_byte(out, 0);
        int r = buffer_check(out);
        return r < 0 ? fail_call(client, r) : 0;
}

int pannier_draft_put(struct pannier *client, const char *draft, const char *type,
                      const char *person, const char *content)
{
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        struct connection_answer answer;
        json_t *object;
        int r;

        forget_failure(client);
        r = draft_target(client, draft, &target);
        if (r < 0)
                return r;
        object = read_object(client, "content", content);
        if (!object)
                return strlen(content) > PANNIER_ENTRY_MAX ? PANNIER_E_LIMIT : PANNIER_E_INVALID;
        return send_json(
                client, "PUT", (const char *)target.data,
                json_pack("{s:s, s:s*, s:o}", "type", type, "person", person, "content", object),
                &answer);
}

int pannier_draft_delete(struct pannier *client, const char *draft)
{
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        int r;

        forget_failure(client);
        r = draft_target(client, draft, &target);
        return r < 0 ? r
                     : call_bytes(client, "DELETE", (const char *)target.data, BYTES_NONE, NULL);
}

int pannier_sync(struct pannier *client)
{
        return call_bytes(client, "POST", "/v1/sync", BYTES_NONE, NULL);
}

int pannier_enrol(struct pannier *client, const char *link)
{
        struct connection_answer answer;

        forget_failure(client);
        return send_json(client, "POST", "/v1/enrol", json_pack("{s:s}", "link", link), &answer);
}

/* ---- events ---- */

struct pannier_events *pannier_events_free(struct pannier_events *events)
{
        if (!events)
                return NULL;
        connection_deinit(&events->connection);
        free(events);
        return NULL;
}

int pannier_events_open(const char *path, struct pannier_events **ret)
{
        static const char request[] = "GET /v1/events HTTP/1.1\r\nHost: pannier\r\n\r\n";
        struct pannier_events *events = calloc(1, sizeof(*events));
        int status = 0, r;

        error_clear();
        if (!events)
                return FAIL(PANNIER_E_MEMORY, "no memory for a listener");
        r = connection_init(&events->connection, socket_path(path));
        if (r >= 0)
                r = connection_stream(&events->connection, bytes_text(request), PANNIER_TIMEOUT_MS,
                                      &status);
        if (r >= 0 && status != 200)
                r = FAIL(PANNIER_E_LINK, "the daemon answered %d", status);
        if (r < 0) {
                (void)pannier_events_free(events);
                return r;
        }
        *ret = events;
        return 0;
}

int pannier_events_fd(const struct pannier_events *events)
{
        return events->connection.fd;
}

/* Value of "name: value" in an event's lines, BYTES_NONE where there is no such line. */
static struct bytes event_line(struct bytes event, const char *name)
{
        size_t name_size = strlen(name);

        while (event.size) {
                const uint8_t *end = memchr(event.data, '\n', event.size);
                size_t size = end ? (size_t)(end - event.data) : event.size;
                if (size > name_size + 1 && memcmp(event.data, name, name_size) == 0 &&
                    memcmp(event.data + name_size, ": ", 2) == 0)
                        return BYTES(event.data + name_size + 2, size - name_size - 2);
                event.data += size + (end ? 1 : 0);
                event.size -= size + (end ? 1 : 0);
        }
        return BYTES_NONE;
}

/* Take one event (it ends at an empty line) off the input; 1 it is one, 0 there is none yet. Comments are passed over. */
static int next_event(struct pannier_events *events, char **ret)
{
        struct buffer *input = &events->connection.input;

        for (;;) {
                const uint8_t *end =
                        input->size ? memmem(input->data, input->size, "\n\n", 2) : NULL;
                if (!end)
                        return 0;
                size_t size = (size_t)(end - input->data);
                struct bytes event = BYTES(input->data, size);
                struct bytes name = event_line(event, "event"), data = event_line(event, "data");
                int r = data.size ? take_text(data, ret) : 0;
                (void)snprintf(events->name, sizeof(events->name), "%.*s", (int)name.size,
                               name.size ? (const char *)name.data : "");
                memmove(input->data, input->data + size + 2, input->size - size - 2);
                input->size -= size + 2;
                if (r < 0 || data.size)
                        return r < 0 ? r : 1;
        }
}

int pannier_events_next(struct pannier_events *events, uint32_t timeout_ms, const char **ret_name,
                        char **ret)
{
        int64_t deadline_ms = connection_clock_ms() + timeout_ms;
        int r;

        for (;;) {
                r = next_event(events, ret);
                if (r != 0)
                        break;
                r = connection_receive(&events->connection, deadline_ms);
                if (r <= 0)
                        return r;
        }
        if (r > 0 && ret_name)
                *ret_name = events->name;
        return r;
}
