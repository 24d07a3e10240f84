/* POST /v1/entries, and drafts: JSON in, entries of the engine out. */
#include "common/conflict.h"
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <inttypes.h>
#include <string.h>

static const struct {
        const char *name;
        enum entry_operation operation;
} operations[] = {{"create", ENTRY_CREATE}, {"edit", ENTRY_EDIT}, {"decide", ENTRY_DECIDE}};

/* One entry while it is read. */
struct draft_entry {
        struct api_call *call;
        const json_t *json;
        struct engine_entry entry;
        struct entry_change *changes;
};

static int read_id(struct draft_entry *draft, const char *key, bool needed, struct uuid *ret)
{
        const json_t *json = json_object_get(draft->json, key);

        *ret = UUID_NONE;
        if (!json || json_is_null(json)) {
                draft->call->field = needed ? key : draft->call->field;
                return needed ? FAIL(PANNIER_E_INVALID, "%s is missing", key) : 0;
        }
        if (uuid_parse(json_view(json), ret) >= 0)
                return 0;
        draft->call->field = key;
        return FAIL(PANNIER_E_INVALID, "%s is not an id (UUID)", key);
}

static int read_operation(struct draft_entry *draft)
{
        const json_t *json = json_object_get(draft->json, "operation");
        struct bytes text = json ? json_view(json) : bytes_text("create");

        for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
                if (!bytes_equal(text, bytes_text(operations[i].name)))
                        continue;
                draft->entry.operation = operations[i].operation;
                return 0;
        }
        draft->call->field = "operation";
        return FAIL(PANNIER_E_INVALID, "operation is one of create, edit, decide");
}

/* The record's type, where the caller left it out. */
static int look_up(void *context, const struct engine_record *record)
{
        struct draft_entry *draft = context;

        draft->entry.type = record->visible->type;
        return 0;
}

static int read_type(struct draft_entry *draft)
{
        const json_t *json = json_object_get(draft->json, "type");
        bool edit = draft->entry.operation == ENTRY_EDIT;
        struct api_call *call = draft->call;

        if (draft->entry.operation == ENTRY_DECIDE) {
                draft->entry.type = catalogue_conflict_type();
                return 0;
        }
        if (json) {
                draft->entry.type = catalogue_type_by_name(json_view(json));
                call->field = draft->entry.type ? NULL : "type";
                if (!draft->entry.type)
                        return FAIL(PANNIER_E_INVALID, "the catalogue has no type of this name");
        }
        if (edit && !json) {
                int r = engine_record(call->api->engine, &call->staff, &call->now,
                                      &draft->entry.record, look_up, draft);
                if (r < 0)
                        return r;
        }
        if (draft->entry.type)
                return 0;
        call->field = "type";
        return FAIL(PANNIER_E_INVALID, "type is missing: which kind of record is it?");
}

/* {"chosen": id, "seen": [id …]}: which value shall stand, and which were looked at. */
static int read_decision(struct draft_entry *draft, const json_t *json, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer blob = BUFFER_INIT;
        const json_t *seen = json_object_get(json, "seen");
        struct conflict_decision decision = {.seen_count = json_array_size(seen)};
        struct arena *arena = &draft->call->api->arena;
        int r = uuid_parse(json_view(json_object_get(json, "chosen")), &decision.chosen);

        decision.seen = arena_alloc(arena, (decision.seen_count + 1) * sizeof(*decision.seen));
        if (!decision.seen)
                return FAIL(PANNIER_E_MEMORY, "no memory for a decision");
        for (size_t i = 0; i < decision.seen_count && r >= 0; i++)
                r = uuid_parse(json_view(json_array_get(seen, i)), &decision.seen[i]);
        if (r < 0 || decision.seen_count == 0)
                return FAIL(PANNIER_E_INVALID,
                            "a decision is {\"chosen\": id, \"seen\": [id, …]}: which value "
                            "shall stand, and which were looked at");
        conflict_decision_write(&decision, &blob);
        r = buffer_check(&blob);
        ret->form = VALUE_BYTES;
        ret->bytes = arena_copy(arena, buffer_view(&blob));
        return r < 0 ? r : ret->bytes.data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a decision");
}

static int read_field(struct draft_entry *draft, uint16_t index, const json_t *json)
{
        const struct catalogue_field *field = &draft->entry.type->fields[index];
        struct entry_change *change = &draft->changes[draft->entry.change_count++];
        bool decision = draft->entry.type->is_conflict &&
                        (int)index == catalogue_bind()->conflict.decision && json_is_object(json);

        change->number = field->number;
        draft->call->field = field->name;
        /* A set that is given whole goes on whole: the engine takes it against what it shows, and the same
         * request asked again is still the same. */
        bool edit = draft->entry.operation == ENTRY_EDIT && !json_is_array(json);
        int r = decision ? read_decision(draft, json, &change->value)
                         : api_value_from_json(field, edit, NULL, json, &draft->call->api->arena,
                                               &change->value);
        if (r >= 0)
                draft->call->field = NULL;
        return r;
}

/* In the catalogue's order, so that the changes ascend by number. */
static int read_fields(struct draft_entry *draft)
{
        const json_t *fields = json_object_get(draft->json, "fields");
        const struct catalogue_type *type = draft->entry.type;
        const char *name;
        json_t *value;

        if (fields && !json_is_object(fields)) {
                draft->call->field = "fields";
                return FAIL(PANNIER_E_INVALID, "fields is an object: name and value of each");
        }
        json_object_foreach((json_t *)(uintptr_t)fields, name, value)
        {
                if (catalogue_field_index_by_name(type, bytes_text(name)) >= 0)
                        continue;
                draft->call->field = name;
                return FAIL(PANNIER_E_INVALID, "%s has no field of this name", type->name);
        }
        draft->changes = arena_alloc(&draft->call->api->arena,
                                     (json_object_size(fields) + 1) * sizeof(*draft->changes));
        if (!draft->changes)
                return FAIL(PANNIER_E_MEMORY, "no memory for an entry");
        for (uint16_t i = 0; i < type->field_count; i++) {
                value = json_object_get(fields, type->fields[i].name);
                int r = value ? read_field(draft, i, value) : 0;
                if (r < 0)
                        return r;
        }
        draft->entry.changes = draft->changes;
        return 0;
}

static int read_reason(struct draft_entry *draft)
{
        const json_t *reason = json_object_get(draft->json, "reason");

        if (!reason || json_is_null(reason))
                return 0;
        draft->call->field = "reason";
        if (!json_is_string(reason) || json_string_length(reason) > ENTRY_REASON_MAX) {
                draft->call->limit = ENTRY_REASON_MAX;
                return FAIL(PANNIER_E_INVALID, "reason is a text of at most %d bytes",
                            ENTRY_REASON_MAX);
        }
        draft->call->field = NULL;
        draft->entry.reason = json_view(reason);
        return 0;
}

/* ---- a quarantined entry that is written anew ---- */

static int look_up_refused(void *context, const struct engine_outbox_entry *entry)
{
        struct draft_entry *draft = context;

        if (!entry->readable || !entry->type)
                return FAIL(PANNIER_E_NOT_FOUND, "no such entry, or not one that you may read");
        draft->entry.type = entry->type;
        draft->entry.operation = entry->body->operation;
        return 0;
}

/* Kind, record and person are those of the old entry: whoever names them may be thinking of another one. */
static int read_fix(struct draft_entry *draft)
{
        static const char *const keys[] = {"request", "instead_of", "fields", "reason", NULL};
        struct api_call *call = draft->call;
        int r = json_only_keys(draft->json, keys);

        if (r >= 0)
                r = read_id(draft, "request", true, &draft->entry.request);
        if (r >= 0)
                r = engine_outbox_entry(call->api->engine, &call->staff, &call->now,
                                        &draft->entry.instead, look_up_refused, draft);
        if (r >= 0)
                r = read_fields(draft);
        return r < 0 ? r : read_reason(draft);
}

static int read_entry(struct draft_entry *draft)
{
        static const char *const keys[] = {"request", "operation", "type",       "record", "person",
                                           "fields",  "reason",    "instead_of", NULL};
        int r;

        if (!json_is_object(draft->json))
                return FAIL(PANNIER_E_INVALID, "an entry is an object");
        r = json_only_keys(draft->json, keys);
        if (r >= 0)
                r = read_id(draft, "instead_of", false, &draft->entry.instead);
        if (r >= 0 && !uuid_is_none(&draft->entry.instead))
                return read_fix(draft);
        if (r >= 0)
                r = read_operation(draft);
        if (r >= 0)
                r = read_id(draft, "request", true, &draft->entry.request);
        if (r >= 0)
                r = read_id(draft, "record", draft->entry.operation != ENTRY_CREATE,
                            &draft->entry.record);
        if (r >= 0)
                r = read_id(draft, "person", false, &draft->entry.person);
        if (r >= 0)
                r = read_type(draft);
        if (r >= 0)
                r = read_fields(draft);
        return r < 0 ? r : read_reason(draft);
}

static void put_id(struct buffer *out, const char *name, const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        if (uuid_is_none(id)) {
                buffer_append_format(out, "\"%s\":null,", name);
                return;
        }
        uuid_format(id, text);
        buffer_append_format(out, "\"%s\":\"%s\",", name, text);
}

/* As text: a write is waited for, and nothing in its answer needs escaping. */
static void put_written(struct buffer *out, const struct engine_written *written)
{
        buffer_append_byte(out, '{');
        put_id(out, "id", &written->entry);
        put_id(out, "record", &written->record);
        put_id(out, "person", &written->person);
        buffer_append_format(out,
                             "\"state\":\"%s\",\"lane\":%u,\"seq\":%" PRIu64 ",\"repeated\":%s}",
                             api_state_name(written->state), (unsigned)written->lane, written->seq,
                             written->repeated ? "true" : "false");
}

static int send_written(struct api_call *call, const struct engine_written *written, size_t count,
                        bool array)
{
        CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;
        bool all_repeated = true;

        if (array)
                buffer_append_text(&text, "{\"entries\":[");
        for (size_t i = 0; i < count; i++) {
                all_repeated = all_repeated && written[i].repeated;
                if (i > 0)
                        buffer_append_byte(&text, ',');
                put_written(&text, &written[i]);
        }
        if (array)
                buffer_append_text(&text, "]}");
        return api_send_text(call, all_repeated ? 200 : 201, &text);
}

int api_post_entries(struct api_call *call)
{
        bool array = json_is_array(call->body);
        size_t count = array ? json_array_size(call->body) : 1;
        struct engine_fault fault = {0};
        struct engine_entry *entries;
        struct engine_written *written;
        int r = 0;

        if (count == 0 || count > ENGINE_WRITE_MAX) {
                call->limit = ENGINE_WRITE_MAX;
                return FAIL(count ? PANNIER_E_LIMIT : PANNIER_E_INVALID,
                            "send 1 to %d entries together", ENGINE_WRITE_MAX);
        }
        entries = arena_alloc(&call->api->arena, count * sizeof(*entries));
        written = arena_alloc(&call->api->arena, count * sizeof(*written));
        if (!entries || !written)
                return FAIL(PANNIER_E_MEMORY, "no memory for entries");
        for (size_t i = 0; i < count && r >= 0; i++) {
                struct draft_entry draft = {.call = call};
                draft.json = array ? json_array_get(call->body, i) : call->body;
                r = read_entry(&draft);
                if (r < 0 && array)
                        call->index = (int64_t)i;
                entries[i] = draft.entry;
        }
        if (r < 0)
                return r;
        r = engine_write(call->api->engine, &call->staff, &call->now, entries, count, written,
                         &fault);
        if (r < 0) {
                call->field = fault.field ? fault.field->name : NULL;
                call->index = array ? (int64_t)fault.index : -1;
                return r;
        }
        return send_written(call, written, count, array);
}

/* ---- drafts ---- */

static json_t *draft_to_json(const struct engine_draft *draft, bool with_content)
{
        CLEANUP(json_freep)
        json_t *json = json_pack("{s:o, s:o, s:s, s:o, s:b}", "id", api_uuid(&draft->id), "person",
                                 api_uuid(&draft->person), "type",
                                 draft->type ? draft->type->name : "unknown", "saved",
                                 api_instant(draft->saved_ms), "old", (int)draft->old);
        json_t *content = NULL;

        if (!json || !with_content)
                return TAKE(json);
        if (json_load(draft->content, &content) < 0 ||
            json_object_set_new(json, "content", content) < 0)
                return NULL;
        return TAKE(json);
}

static int append_draft(void *context, const struct engine_draft *draft)
{
        if (json_array_append_new(context, draft_to_json(draft, false)) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for a draft");
        return 0;
}

int api_get_drafts(struct api_call *call)
{
        CLEANUP(json_freep) json_t *list = json_array();
        int r = engine_draft_list(call->api->engine, &call->staff, &call->now, append_draft, list);

        return r < 0 ? r : api_send(call, 200, json_pack("{s:O}", "drafts", list));
}

static int take_draft(void *context, const struct engine_draft *draft)
{
        *(json_t **)context = draft_to_json(draft, true);
        return 0;
}

int api_get_draft(struct api_call *call)
{
        json_t *json = NULL;
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = engine_draft_get(call->api->engine, &call->staff, &call->now, &id, take_draft,
                                     &json);
        return r < 0 ? r : api_send(call, 200, json);
}

/* The content is JSON of the caller's own form; it is kept as it is, and no part of it is an entry yet. */
int api_put_draft(struct api_call *call)
{
        static const char *const keys[] = {"person", "type", "content", NULL};
        CLEANUP(buffer_wipe) struct buffer content = BUFFER_INIT;
        const json_t *type_name = json_object_get(call->body, "type");
        const json_t *person_id = json_object_get(call->body, "person");
        const json_t *json = json_object_get(call->body, "content");
        const struct catalogue_type *type = catalogue_type_by_name(json_view(type_name));
        struct uuid id, person = UUID_NONE;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = json_only_keys(call->body, keys);
        if (r < 0)
                return r;
        call->field = "type";
        if (!type)
                return FAIL(PANNIER_E_INVALID, "type is missing or not in the catalogue");
        call->field = "person";
        if (person_id && !json_is_null(person_id) && uuid_parse(json_view(person_id), &person) < 0)
                return FAIL(PANNIER_E_INVALID, "person is not an id (UUID)");
        call->field = "content";
        if (!json_is_object(json))
                return FAIL(PANNIER_E_INVALID, "content is an object");
        json_append(json, &content);
        r = buffer_check(&content);
        if (r >= 0 && content.size > ENGINE_DRAFT_MAX) {
                call->limit = ENGINE_DRAFT_MAX;
                return FAIL(PANNIER_E_LIMIT, "a draft has at most %d bytes", ENGINE_DRAFT_MAX);
        }
        call->field = NULL;
        if (r >= 0)
                r = engine_draft_put(call->api->engine, &call->staff, &call->now, &id, &person,
                                     type, buffer_view(&content));
        return r < 0 ? r : api_send(call, 200, json_pack("{s:o}", "id", api_uuid(&id)));
}

int api_delete_draft(struct api_call *call)
{
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = engine_draft_delete(call->api->engine, &call->staff, &id);
        if (r < 0)
                return r;
        api_answer(call->exchange, 204, NULL, BYTES_NONE);
        return 0;
}
