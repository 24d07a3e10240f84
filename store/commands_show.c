/* pannier-store status, person. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/date.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "common/nhs_number.h"
#include "common/table.h"
#include "store/identity.h"
#include "store/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- values of fields, for people who look after the store ---- */

static json_t *code_json(const struct catalogue_field *field, int64_t number)
{
        const struct catalogue_option *option = catalogue_option_by_number(field, number);

        return option ? json_string(option->code) : json_sprintf("#%" PRId64, number);
}

static json_t *date_json(int64_t day)
{
        char text[DATE_TEXT_SIZE];

        date_format(day, text);
        return json_string(text);
}

/* NULL: a value of a kind that is not shown (sets, maps, pictures). */
static json_t *value_json(const struct catalogue_field *field, const struct value *value)
{
        if (value->form == VALUE_UUID)
                return command_json_uuid(&value->uuid);
        if (value->form == VALUE_BYTES && field->kind == KIND_TEXT)
                return json_text(value->bytes);
        if (value->form != VALUE_INTEGER)
                return NULL;
        switch (field->kind) {
        case KIND_CODE:
                return code_json(field, value->integer);
        case KIND_DATE:
                return date_json(value->integer);
        case KIND_INSTANT:
                return command_json_time(value->integer);
        case KIND_BOOL:
                return json_boolean(value->integer);
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_TEXT:
        case KIND_REF:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                break;
        }
        return json_integer((json_int_t)value->integer);
}

static json_t *fields_json(const struct record *record)
{
        json_t *fields = json_object();

        for (uint16_t i = 0; i < record->type->field_count; i++) {
                json_t *value = value_json(&record->type->fields[i], &record->values[i]);

                if (value)
                        (void)json_object_set_new(fields, record->type->fields[i].name, value);
        }
        return fields;
}

static struct bytes text_field(const struct record *record, const char *name)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));

        if (index < 0 || record->values[index].form != VALUE_BYTES)
                return BYTES_NONE;
        return record->values[index].bytes;
}

/* ---- status ---- */

struct status {
        struct storage *storage;
        struct table *table;
        json_t *array;
        struct storage_counts all;
};

static int take_name(void *context, const struct record *record, struct bytes stamps)
{
        struct buffer *name = context;

        (void)stamps;
        buffer_append(name, text_field(record, "name"));
        return 0;
}

static json_t *locality_json(const struct storage_locality *locality, struct bytes name,
                             const struct storage_counts *counts)
{
        return json_pack(
                "{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
                "s:I, "
                "s:I}",
                "locality", command_json_uuid(&locality->id), "name", json_text(name), "epoch",
                (json_int_t)locality->epoch, "position", (json_int_t)locality->position, "log",
                (json_int_t)locality->number, "people", (json_int_t)counts->people, "records",
                (json_int_t)counts->records, "devices", (json_int_t)counts->devices, "entries",
                (json_int_t)counts->entries, "applied",
                (json_int_t)counts->outcomes[OUTCOME_APPLIED], "merged",
                (json_int_t)counts->outcomes[OUTCOME_MERGED], "held",
                (json_int_t)counts->outcomes[OUTCOME_HELD], "late",
                (json_int_t)counts->outcomes[OUTCOME_LATE], "quarantined",
                (json_int_t)counts->quarantined, "parked", (json_int_t)counts->parked, "conflicts",
                (json_int_t)counts->conflicts, "backup_epoch", (json_int_t)locality->backup.epoch,
                "backup_position", (json_int_t)locality->backup.position);
}

static void locality_row(struct table *table, const struct storage_locality *locality,
                         struct bytes name, const struct storage_counts *counts)
{
        char id[UUID_TEXT_SIZE];

        uuid_format(&locality->id, id);
        table_cell(table, name.size ? name : bytes_text("(not loaded)"));
        table_cell_format(table, "%" PRIu64 ":%" PRIu64, locality->epoch, locality->position);
        table_cell_int(table, (int64_t)counts->people);
        table_cell_int(table, (int64_t)counts->records);
        table_cell_int(table, (int64_t)counts->entries);
        table_cell_int(table, (int64_t)counts->parked);
        table_cell_int(table, (int64_t)counts->quarantined);
        table_cell_int(table, (int64_t)counts->conflicts);
        table_cell_int(table, (int64_t)counts->devices);
        table_cell_text(table, id);
}

static int show_locality(void *context, const struct uuid *id)
{
        CLEANUP(buffer_deinit) struct buffer name = BUFFER_INIT;
        struct status *status = context;
        struct storage *storage = status->storage;
        const struct storage_locality *locality = storage->ops->locality(storage, id);
        struct storage_counts counts;
        int r;

        if (!locality)
                return FAIL(PANNIER_E_STORAGE, "a locality cannot be read");
        r = storage->ops->counts(storage, id, &counts);
        r = r < 0 ? r
                  : storage->ops->record_visit(storage, catalogue_place_type(), id, take_name,
                                               &name);
        if (r < 0)
                return r;
        if (status->array)
                (void)json_array_append_new(status->array,
                                            locality_json(locality, buffer_view(&name), &counts));
        else
                locality_row(status->table, locality, buffer_view(&name), &counts);
        return 0;
}

static bool is_served(const char *data)
{
        char path[LAYOUT_PATH_MAX];
        int lock;

        if (layout_path(data, LAYOUT_LOCK, path) < 0)
                return false;
        if (file_lock(path, &lock) < 0) {
                error_clear();
                return true;
        }
        file_unlock(lock);
        return false;
}

static int64_t database_size(const char *data)
{
        char path[LAYOUT_PATH_MAX];
        struct stat status;

        if (layout_path(data, LAYOUT_DATABASE, path) < 0 || stat(path, &status) < 0)
                return 0;
        return (int64_t)status.st_size;
}

static int print_status(const struct command_line *line, const struct store_settings *settings,
                        struct storage *storage, const struct table *table, json_t *localities)
{
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        struct certificate_facts authority;
        char server_until[32], authority_until[32];
        int64_t size = database_size(line->data);
        bool served = is_served(line->data);
        json_t *incidents = line->json ? json_array() : NULL;
        CLEANUP(json_freep) json_t *more = line->json ? json_object() : NULL;
        int r = identity_load(line->data, &identity);

        r = r < 0 ? r : crypto_certificate_read(ca_certificate(identity->ca), &authority);
        if (r >= 0 && line->json)
                r = command_show_incidents(storage, incidents);
        if (r >= 0 && line->json)
                r = command_show_decisions(storage, more);
        if (r < 0) {
                json_decref(localities);
                json_decref(incidents);
                return r;
        }
        if (line->json)
                return command_print_json(json_pack(
                        "{s:s, s:b, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:O}", "name",
                        settings->name, "serving", (int)served, "environment",
                        settings->environment == NHS_ENVIRONMENT_LIVE ? "live" : "test", "hosts",
                        settings->hosts, "database_bytes", (json_int_t)size,
                        "server_certificate_until", command_json_time(identity->server_until_ms),
                        "authority_until", command_json_time(authority.not_after_ms), "localities",
                        localities, "incidents", incidents, "decisions",
                        json_object_get(more, "decisions")));
        (void)printf("%s (%s), %s\nDatabase     %" PRId64
                     " MiB\nCertificate  until %s, authority until %s\n\n",
                     settings->name,
                     settings->environment == NHS_ENVIRONMENT_LIVE ? "live" : "test data only",
                     served ? "serving" : "not serving", (size + (1 << 20) - 1) >> 20,
                     command_time(identity->server_until_ms, server_until),
                     command_time(authority.not_after_ms, authority_until));
        r = table_print(table, stdout);
        r = r < 0 ? r : command_show_decisions(storage, NULL);
        return r < 0 ? r : command_show_incidents(storage, NULL);
}

int command_status(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Locality", false}, {"Position", true}, {"People", true},  {"Records", true},
                {"Entries", true},   {"Parked", true},   {"Refused", true}, {"Conflicts", true},
                {"Devices", true},   {"Id", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct store_settings settings;
        struct status status = {.array = array};
        int r = command_open(line, true, &settings, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        status.storage = storage;
        status.table = table;
        r = storage->ops->localities(storage, show_locality, &status);
        storage->ops->rollback(storage);
        return r < 0 ? r : print_status(line, &settings, storage, table, TAKE(array));
}

/* ---- person ---- */

struct knowledge { /* what is found out about one person */
        struct storage *storage;
        struct uuid person, locality;
        json_t *record, *scopes, *devices, *seen_by;
};

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        struct knowledge *known = context;

        (void)stamps;
        if (known->record)
                return 0; /* two with one number: the first; the conflict shows the other */
        known->person = record->id;
        known->locality = record->locality;
        known->record = fields_json(record);
        return known->record ? 0 : FAIL(PANNIER_E_MEMORY, "JSON");
}

static int take_member(void *context, const struct member_row *row)
{
        struct knowledge *known = context;
        char scope[SCOPE_TEXT_SIZE];

        scope_format(&row->scope, scope);
        return json_array_append_new(known->scopes,
                                     json_pack("{s:s, s:b, s:b, s:I}", "scope", scope, "in_feeds",
                                               (int)(row->joined != 0), "limited",
                                               (int)row->limited, "since",
                                               (json_int_t)row->joined)) < 0
                       ? FAIL(PANNIER_E_MEMORY, "JSON")
                       : 0;
}

static int take_custody(void *context, const struct custody_row *row)
{
        struct knowledge *known = context;
        struct device_row device = {.name = ""};
        int r = known->storage->ops->device_get(known->storage, &row->device, &device);

        if (r < 0)
                return r;
        return json_array_append_new(known->devices,
                                     json_pack("{s:o, s:s, s:o, s:o, s:I}", "device",
                                               command_json_uuid(&row->device), "name", device.name,
                                               "since", command_json_time(row->since_ms), "erased",
                                               command_json_time(row->erased_ms), "position",
                                               (json_int_t)row->position)) < 0
                       ? FAIL(PANNIER_E_MEMORY, "JSON")
                       : 0;
}

static int take_access(void *context, const struct record *record, struct bytes stamps)
{
        struct knowledge *known = context;
        CLEANUP(buffer_deinit) struct buffer name = BUFFER_INIT;
        json_t *event;
        int r = known->storage->ops->record_visit(known->storage, catalogue_staff_type(),
                                                  &record->author, take_name, &name);

        (void)stamps;
        if (r < 0)
                return r;
        event = json_pack("{s:o, s:o, s:o, s:o, s:o}", "at", command_json_time(record->recorded_ms),
                          "author", command_json_uuid(&record->author), "name",
                          json_text(buffer_view(&name)), "device",
                          command_json_uuid(&record->device), "event", fields_json(record));
        return json_array_append_new(known->seen_by, event) < 0 ? FAIL(PANNIER_E_MEMORY, "JSON")
                                                                : 0;
}

int command_person_find(struct storage *storage, const char *word, storage_record_visit *visit,
                        void *context)
{
        const struct catalogue_type *type = catalogue_person_type();
        int field = catalogue_field_index_by_name(type, bytes_text("nhs_number"));
        struct value value = {.form = VALUE_BYTES};
        char digits[NHS_NUMBER_SIZE] = "";
        size_t count = 0;
        struct uuid id;
        int r;

        if (uuid_parse(bytes_text(word), &id) == 0)
                return storage->ops->record_visit(storage, type, &id, visit, context);
        error_clear();
        for (const char *c = word; *c; c++) { /* 999 123 4567 and 999-123-4567 as well */
                if (*c == ' ' || *c == '-')
                        continue;
                if (*c < '0' || *c > '9' || count + 1 == sizeof(digits))
                        return FAIL(PANNIER_E_INVALID, "\"%s\" is neither an NHS number nor an id",
                                    word);
                digits[count++] = *c;
        }
        value.bytes = bytes_text(digits);
        r = storage->ops->record_find(storage, type, field, &value, visit, context);
        return r;
}

static int learn(struct knowledge *known, const char *word)
{
        struct storage *storage = known->storage;
        const struct catalogue_type *access = catalogue_access_event_type();
        int subject = catalogue_field_index_by_name(access, bytes_text("subject"));
        struct value value = {.form = VALUE_UUID};
        int r = command_person_find(storage, word, take_person, known);

        if (r < 0)
                return r;
        if (!known->record)
                return FAIL(PANNIER_E_NOT_FOUND, "nobody has this number or id");
        r = storage->ops->members_of(storage, &known->locality, &known->person, take_member, known);
        r = r < 0 ? r
                  : storage->ops->custody_of_person(storage, &known->person, take_custody, known);
        if (r < 0)
                return r;
        value.uuid = known->person;
        return subject < 0 ? storage->ops->record_each(storage, access, &known->person, NULL,
                                                       take_access, known)
                           : storage->ops->record_find(storage, access, subject, &value,
                                                       take_access, known);
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "-";
}

static void print_knowledge(const struct knowledge *known)
{
        char id[UUID_TEXT_SIZE];
        const char *name;
        json_t *value;
        size_t i;

        uuid_format(&known->person, id);
        (void)printf("Person   %s\n", id);
        json_object_foreach(known->record, name, value)
        {
                CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

                if (json_is_string(value))
                        buffer_append_text(&text, json_string_value(value));
                else
                        json_append(value, &text);
                (void)printf("  %-20s %.*s\n", name, (int)text.size, (const char *)text.data);
        }
        (void)printf("Scopes\n");
        json_array_foreach(known->scopes, i, value)(void)
                printf("  %s%s\n", text_of(value, "scope"),
                       json_is_true(json_object_get(value, "limited"))    ? " (kept out by a limit)"
                       : json_is_true(json_object_get(value, "in_feeds")) ? ""
                                                                          : " (left)");
        (void)printf("Devices that were sent this person\n");
        json_array_foreach(known->devices, i, value)(void) printf(
                "  %-24s since %s%s%s\n", text_of(value, "name"), text_of(value, "since"),
                json_is_null(json_object_get(value, "erased")) ? "" : ", erased ",
                json_is_null(json_object_get(value, "erased")) ? "" : text_of(value, "erased"));
        (void)printf("Who saw this person\n");
        json_array_foreach(known->seen_by, i, value)(void)
                printf("  %s  %s  %s\n", text_of(value, "at"), text_of(value, "name"),
                       text_of(json_object_get(value, "event"), "what"));
}

int command_person(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *all = json_object();
        struct knowledge known = {.record = NULL};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        known.storage = storage;
        known.scopes = json_array();
        known.devices = json_array();
        known.seen_by = json_array();
        r = learn(&known, line->operands[0]);
        storage->ops->rollback(storage);
        (void)json_object_set_new(all, "person", command_json_uuid(&known.person));
        (void)json_object_set_new(all, "locality", command_json_uuid(&known.locality));
        (void)json_object_set_new(all, "fields", known.record ? known.record : json_null());
        (void)json_object_set_new(all, "scopes", known.scopes);
        (void)json_object_set_new(all, "devices", known.devices);
        (void)json_object_set_new(all, "seen_by", known.seen_by);
        if (r < 0)
                return r;
        if (line->json)
                return command_print_json(TAKE(all));
        print_knowledge(&known);
        return 0;
}
