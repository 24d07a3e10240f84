/* What people see: people, records, conflicts, staff, the outbox. */
#include "common/entry_json.h"
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <string.h>

/* A list while the engine visits its rows. */
struct list {
        struct api_call *call;
        json_t *rows;
        struct uuid last;
        uint64_t last_place;
        bool guarded;
        struct arena arena;
};

static int append(struct list *list, json_t *row)
{
        if (json_array_append_new(list->rows, row) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for a list");
        return 0;
}

static int append_record(void *context, const struct engine_record *record)
{
        struct list *list = context;

        list->last = record->visible->id;
        return append(list, api_record_to_json(record, list->guarded));
}

/* What the next page begins with: null where this one was the last. */
static json_t *next_page(const struct list *list, bool more)
{
        return more && json_array_size(list->rows) ? api_uuid(&list->last) : json_null();
}

int api_get_people(struct api_call *call)
{
        CLEANUP(json_freep) json_t *rows = json_array();
        struct list list = {.call = call, .rows = rows};
        const struct bytes *words = http1_parameter(&call->request->target, "q");
        bool more = false, complete = false, has_after;
        struct uuid after;
        uint64_t limit;
        int r = api_query_id(call, "after", &after, &has_after);

        if (r >= 0)
                r = api_query_count(call, "limit", API_PAGE, ENGINE_PAGE_MAX, &limit);
        if (r >= 0 && words && words->size > ENGINE_QUERY_MAX) {
                call->field = "q";
                call->limit = ENGINE_QUERY_MAX;
                r = FAIL(PANNIER_E_INVALID, "q has at most %d bytes", ENGINE_QUERY_MAX);
        }
        if (r >= 0 && limit == 0) {
                call->field = "limit";
                r = FAIL(PANNIER_E_INVALID, "limit is at least 1");
        }
        if (r >= 0)
                r = engine_people(call->api->engine, &call->staff, &call->now,
                                  words ? *words : BYTES_NONE, has_after ? &after : NULL,
                                  (size_t)limit, append_record, &list, &more, &complete);
        if (r < 0)
                return r;
        return api_send(call, 200,
                        json_pack("{s:O, s:b, s:o}", "people", rows, "complete", (int)complete,
                                  "next", next_page(&list, more)));
}

struct one {
        json_t *json;
        const struct catalogue_type *type; /* wanted; NULL: any */
};

static int take_record(void *context, const struct engine_record *record)
{
        struct one *one = context;

        if (one->type && record->visible->type != one->type)
                return FAIL(PANNIER_E_NOT_FOUND, "there is no such person here");
        one->json = api_record_to_json(record, true);
        return one->json ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a record");
}

static int send_record(struct api_call *call, const struct catalogue_type *type)
{
        struct one one = {.type = type};
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = engine_record(call->api->engine, &call->staff, &call->now, &id, take_record,
                                  &one);
        return r < 0 ? r : api_send(call, 200, one.json);
}

int api_get_person(struct api_call *call)
{
        return send_record(call, catalogue_person_type());
}

int api_get_record(struct api_call *call)
{
        return send_record(call, NULL);
}

int api_get_records(struct api_call *call)
{
        CLEANUP(json_freep) json_t *rows = json_array();
        struct list list = {.call = call, .rows = rows};
        const struct catalogue_type *type;
        struct uuid person, after;
        bool has_person, has_after, more = false;
        uint64_t limit;
        int r = api_query_id(call, "person", &person, &has_person);

        if (r >= 0)
                r = api_query_type(call, "type", &type);
        if (r >= 0)
                r = api_query_id(call, "after", &after, &has_after);
        if (r >= 0)
                r = api_query_count(call, "limit", API_PAGE, ENGINE_PAGE_MAX, &limit);
        if (r < 0)
                return r;
        if ((!has_person && !type) || (has_after && !type) || limit == 0) {
                call->field = limit == 0 ? "limit" : "type";
                return FAIL(PANNIER_E_INVALID,
                            "say whose records (person), or of which type; after goes with a type; "
                            "limit is at least 1");
        }
        r = engine_records(call->api->engine, &call->staff, &call->now, &person, type,
                           has_after ? &after : NULL, (size_t)limit, append_record, &list, &more);
        if (r < 0)
                return r;
        return api_send(call, 200,
                        json_pack("{s:O, s:b, s:o}", "records", rows, "more", (int)more, "next",
                                  next_page(&list, more && type)));
}

static int append_conflict(void *context, const struct engine_record *conflict, bool may_decide)
{
        struct list *list = context;

        list->last = conflict->visible->id;
        arena_reset(&list->arena);
        return append(list, api_conflict_to_json(conflict, may_decide, &list->arena));
}

int api_get_conflicts(struct api_call *call)
{
        CLEANUP(json_freep) json_t *rows = json_array();
        struct list list = {.call = call, .rows = rows};
        bool has_after, more = false;
        struct uuid after;
        uint64_t limit;
        int r = api_query_id(call, "after", &after, &has_after);

        if (r >= 0)
                r = api_query_count(call, "limit", API_PAGE, ENGINE_PAGE_MAX, &limit);
        if (r >= 0)
                r = engine_conflicts(call->api->engine, &call->staff, &call->now,
                                     has_after ? &after : NULL, (size_t)(limit ? limit : 1),
                                     append_conflict, &list, &more);
        arena_deinit(&list.arena);
        if (r < 0)
                return r;
        return api_send(call, 200,
                        json_pack("{s:O, s:o}", "conflicts", rows, "next", next_page(&list, more)));
}

static int append_staff(void *context, const struct engine_staff *staff)
{
        struct list *list = context;
        const struct catalogue_type *type = catalogue_staff_type();
        const struct catalogue_bind *bind = catalogue_bind();
        const struct value *values = staff->staff->values;
        CLEANUP(json_freep) json_t *teams = json_array();

        for (size_t i = 0; i < staff->team_count; i++)
                if (json_array_append_new(teams, api_uuid(&staff->teams[i])) < 0)
                        return FAIL(PANNIER_E_MEMORY, "no memory for a list");
        return append(list, json_pack("{s:o, s:o, s:o, s:O, s:b}", "id",
                                      api_uuid(&staff->staff->id), "name",
                                      api_value_to_json(&type->fields[bind->staff.name],
                                                        &values[bind->staff.name], false),
                                      "role",
                                      api_value_to_json(&type->fields[bind->staff.role],
                                                        &values[bind->staff.role], false),
                                      "teams", teams, "here", (int)staff->here));
}

int api_get_staff(struct api_call *call)
{
        CLEANUP(json_freep) json_t *rows = json_array();
        struct list list = {.call = call, .rows = rows};
        int r = engine_staff(call->api->engine, &call->now, append_staff, &list);

        return r < 0 ? r : api_send(call, 200, json_pack("{s:O}", "staff", rows));
}

/* ---- outbox ---- */

static int append_entry(void *context, const struct engine_outbox_entry *entry)
{
        struct list *list = context;

        list->last_place = entry->place;
        return append(list, api_entry_to_json(entry));
}

static const struct uuid *staff_or_null(const struct api_call *call)
{
        return uuid_is_none(&call->staff) ? NULL : &call->staff;
}

static int send_entries(struct api_call *call, uint32_t states)
{
        CLEANUP(json_freep) json_t *rows = json_array();
        struct list list = {.call = call, .rows = rows};
        uint64_t after, limit;
        bool more = false;
        int r = api_query_count(call, "after", 0, INT64_MAX, &after);

        if (r >= 0)
                r = api_query_count(call, "limit", API_PAGE, ENGINE_PAGE_MAX, &limit);
        if (r >= 0)
                r = engine_outbox(call->api->engine, staff_or_null(call), &call->now, states, after,
                                  (size_t)(limit ? limit : 1), append_entry, &list, &more);
        if (r < 0)
                return r;
        return api_send(call, 200,
                        json_pack("{s:O, s:o}", "entries", rows, "next",
                                  more ? json_integer((json_int_t)list.last_place) : json_null()));
}

/* "waiting,parked": the states wanted, as a set of bits. */
static int read_states(struct api_call *call, uint32_t *ret)
{
        const struct bytes *text = http1_parameter(&call->request->target, "state");
        const uint8_t *place = text ? text->data : NULL;
        size_t left = text ? text->size : 0;

        *ret = 0;
        while (left) {
                const uint8_t *comma = memchr(place, ',', left);
                size_t size = comma ? (size_t)(comma - place) : left;
                enum entry_outcome state;
                if (!api_state_from_name(BYTES(place, size), &state)) {
                        call->field = "state";
                        return FAIL(PANNIER_E_INVALID,
                                    "state is one or more, with commas, of waiting, parked, "
                                    "applied, merged, held, late, quarantined");
                }
                *ret |= 1u << state;
                place += size + (comma ? 1 : 0);
                left -= size + (comma ? 1 : 0);
        }
        return 0;
}

int api_get_entries(struct api_call *call)
{
        uint32_t states;
        int r = read_states(call, &states);

        return r < 0 ? r : send_entries(call, states);
}

static bool is_asked(const struct api_call *call, const char *name)
{
        const struct bytes *text = http1_parameter(&call->request->target, name);

        return text && bytes_equal(*text, bytes_text("true"));
}

int api_get_quarantine(struct api_call *call)
{
        return send_entries(call, 1u << OUTCOME_QUARANTINED |
                                          (is_asked(call, "all") ? 0 : (uint32_t)ENGINE_OPEN_ONLY));
}

struct one_entry {
        json_t *json;
        bool bytes; /* with the very bytes */
};

static int take_entry(void *context, const struct engine_outbox_entry *entry)
{
        struct one_entry *one = context;
        json_t *bytes = NULL;
        int r;

        one->json = api_entry_to_json(entry);
        if (!one->json || !one->bytes || entry->header.size == 0)
                return 0;
        r = entry_bytes_json(entry->header, entry->packed, &bytes);
        if (r == 0 && json_object_set_new(one->json, "bytes", bytes) < 0)
                r = FAIL(PANNIER_E_MEMORY, "no memory for an entry");
        return r;
}

int api_get_entry(struct api_call *call)
{
        struct one_entry one = {.bytes = is_asked(call, "bytes")};
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = engine_outbox_entry(call->api->engine, staff_or_null(call), &call->now, &id,
                                        take_entry, &one);
        if (r >= 0)
                return api_send(call, 200, one.json);
        json_decref(one.json);
        return r;
}
