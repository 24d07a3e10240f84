/*
 * pannier-store quarantine, parked: entries that took no effect, or not yet. Ids, times and states; what is in an entry is shown only to
 * whoever asks for it by name, and that somebody looked is logged.
 */
#include "store/commands.h"

#include "common/clock.h"
#include "common/entry_json.h"
#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/table.h"
#include "store/judge.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOCALITIES_MAX = 64 };

struct chosen {
        struct uuid ids[LOCALITIES_MAX];
        size_t count;
};

static int choose(void *context, const struct uuid *id)
{
        struct chosen *chosen = context;

        if (chosen->count == LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", LOCALITIES_MAX);
        chosen->ids[chosen->count++] = *id;
        return 0;
}

struct worklist {
        const struct command_line *line;
        struct storage *storage;
        struct table *table;
        json_t *array;
        int64_t now_ms;
        struct uuid device; /* of this one only; UUID_NONE: of all */
};

static int begin_list(const struct command_line *line, struct worklist *list)
{
        const char *word = command_value(line, "device");
        struct device_row device;
        int r;

        list->line = line;
        list->now_ms = clock_now_ms();
        if (!word)
                return 0;
        r = command_device(list->storage, word, &device);
        list->device = device.id;
        return r;
}

static bool is_listed(const struct worklist *list, const struct uuid *device)
{
        return uuid_is_none(&list->device) || uuid_equal(&list->device, device);
}

/* Name of a device, or its id where it has none. */
static void device_text(struct storage *storage, const struct uuid *id, char *ret, size_t size)
{
        struct device_row row = {.name = ""};
        char text[UUID_TEXT_SIZE];

        uuid_format(id, text);
        if (storage->ops->device_get(storage, id, &row) < 0)
                error_clear();
        (void)snprintf(ret, size, "%s", row.name[0] ? row.name : text);
}

static int64_t age_hours(int64_t now_ms, int64_t since_ms)
{
        return since_ms < now_ms ? (now_ms - since_ms) / 3600000 : 0;
}

static const char *how_name(enum closing_how how)
{
        switch (how) {
        case CLOSING_NONE:
                break;
        case CLOSING_FIXED:
                return "fixed";
        case CLOSING_RELEASED:
                return "released";
        case CLOSING_DISMISSED:
                return "dismissed";
        }
        return "open";
}

static int append(json_t *array, json_t *row)
{
        return json_array_append_new(array, row) < 0 ? FAIL(PANNIER_E_MEMORY, "JSON") : 0;
}

static int print_list(struct worklist *list, json_t *array)
{
        if (list->line->json)
                return command_print_json(array);
        if (!table_rows(list->table))
                (void)printf("Nothing.\n");
        return table_rows(list->table) ? table_print(list->table, stdout) : 0;
}

/* ---- quarantine: the list ---- */

static json_t *refused_json(const struct worklist *list, const struct quarantine_row *row)
{
        char name[128];

        device_text(list->storage, &row->device, name, sizeof(name));
        return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:o, s:I, s:s, s:o, s:o, s:o}",
                         "entry", command_json_uuid(&row->id), "device",
                         command_json_uuid(&row->device), "device_name", name, "reason",
                         reason_name(row->reason), "message", reason_sentence(row->reason),
                         "locality", command_json_uuid(&row->locality), "log_row",
                         (json_int_t)row->number, "age_hours",
                         (json_int_t)age_hours(list->now_ms, row->since_ms), "since",
                         command_json_time(row->since_ms), "bytes", (json_int_t)row->size, "state",
                         how_name(row->how), "closed_by", command_json_uuid(&row->closed_by),
                         "closed", command_json_time(row->closed_ms), "note",
                         row->note.size ? json_text(row->note) : json_null());
}

static int list_quarantined(void *context, const struct quarantine_row *row)
{
        struct worklist *list = context;
        char id[UUID_TEXT_SIZE], by[UUID_TEXT_SIZE] = "", device[128];

        if (!is_listed(list, &row->device))
                return 0;
        if (list->array)
                return append(list->array, refused_json(list, row));
        uuid_format(&row->id, id);
        if (row->how != CLOSING_NONE)
                uuid_format(&row->closed_by, by);
        device_text(list->storage, &row->device, device, sizeof(device));
        table_cell_text(list->table, id);
        table_cell_text(list->table, reason_name(row->reason));
        table_cell_text(list->table, device);
        table_cell_int(list->table, age_hours(list->now_ms, row->since_ms));
        table_cell_format(list->table, "%s%s%s", how_name(row->how), by[0] ? ", by " : "", by);
        return 0;
}

struct export
{
        struct uuid entry;
        const char *path;
        bool done;
};

static int write_entry(void *context, const struct log_row *row)
{
        struct export *export = context;
        int fd, r = 0;

        if (!uuid_equal(&row->id, &export->entry) || row->outcome != OUTCOME_QUARANTINED)
                return 0;
        fd = open(export->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return FAIL(PANNIER_E_INVALID, "%s cannot be made, or is there already",
                            export->path);
        if (write(fd, row->header.data, row->header.size) != (ssize_t)row->header.size ||
            write(fd, row->body.data, row->body.size) != (ssize_t)row->body.size || fsync(fd) < 0)
                r = FAIL(PANNIER_E_STORAGE, "%s cannot be written", export->path);
        (void)close(fd);
        export->done = true;
        return r < 0 ? r : 1;
}

static int export_bytes(const struct command_line *line, struct storage *storage,
                        const struct chosen *chosen)
{
        const char *entry = command_value(line, "entry");
        struct export export = {.path = command_value(line, "bytes")};
        int r;

        if (!entry)
                return FAIL(PANNIER_E_INVALID, "--bytes needs --entry ID");
        r = uuid_parse(bytes_text(entry), &export.entry);
        for (size_t i = 0; i < chosen->count && r >= 0 && !export.done; i++)
                r = storage->ops->log_each(storage, &chosen->ids[i], 1, write_entry, &export);
        if (r < 0)
                return r;
        if (!export.done)
                return FAIL(PANNIER_E_NOT_FOUND, "no quarantined entry has this id");
        /* Somebody looked at clinical content outside of the programs made for it. */
        log_warning("the bytes of quarantined entry %s were written to a file", entry);
        return 0;
}

int command_quarantine(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Entry", false},     {"Reason", false}, {"Device", false},
                {"Age, hours", true}, {"State", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct worklist list = {.array = array};
        struct chosen chosen = {.count = 0};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        r = r < 0 ? r : storage->ops->localities(storage, choose, &chosen);
        if (r < 0)
                return r;
        if (command_value(line, "bytes"))
                return export_bytes(line, storage, &chosen);
        list.storage = storage;
        list.table = table;
        r = begin_list(line, &list);
        for (size_t i = 0; i < chosen.count && r >= 0; i++)
                r = storage->ops->quarantine_each(storage, &chosen.ids[i],
                                                  command_value(line, "all") != NULL,
                                                  list_quarantined, &list);
        return r < 0 ? r : print_list(&list, TAKE(array));
}

/* ---- quarantine: one ---- */

struct finding {
        const struct worklist *list;
        struct arena arena;
        struct quarantine_row row;
        size_t count;
};

static void finding_deinit(struct finding *finding)
{
        arena_deinit(&finding->arena);
}

/* Of several with one id an open one is meant; of several of these the device has to be said. */
static int take_refused(void *context, const struct quarantine_row *row)
{
        struct finding *finding = context;
        bool better = row->how == CLOSING_NONE && finding->row.how != CLOSING_NONE;

        if (!is_listed(finding->list, &row->device))
                return 0;
        if (finding->count > 0 && !better) {
                finding->count += (row->how == CLOSING_NONE) == (finding->row.how == CLOSING_NONE);
                return 0;
        }
        finding->count = 1;
        finding->row = *row;
        finding->row.note = arena_copy(&finding->arena, row->note);
        return 0;
}

static int find_refused(struct worklist *list, struct finding *finding)
{
        struct uuid id;
        int r = uuid_parse(bytes_text(list->line->operands[0]), &id);

        if (r < 0)
                return FAIL(PANNIER_E_INVALID, "\"%s\" is not the id of an entry",
                            list->line->operands[0]);
        finding->list = list;
        r = list->storage->ops->quarantine_named(list->storage, &id, take_refused, finding);
        if (r < 0)
                return r;
        if (finding->count == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no entry with this id was refused");
        if (finding->count > 1)
                return FAIL(PANNIER_E_INVALID,
                            "%zu entries with this id were refused: say whose, with --device",
                            finding->count);
        return 0;
}

static void note_look(const struct uuid *entry)
{
        char text[UUID_TEXT_SIZE];

        uuid_format(entry, text);
        /* Somebody looked at clinical content outside of the programs made for it. */
        log_warning("the content of entry %s was looked at", text);
}

/* The content is one JSON value in both forms: it is for whoever repairs an entry. */
static int add_content(json_t *json, const struct uuid *entry, struct bytes header,
                       struct bytes body)
{
        json_t *bytes = NULL;
        int r = entry_bytes_json(header, body, &bytes);

        if (r == 0 && json_object_set_new(json, "content", bytes) < 0)
                r = FAIL(PANNIER_E_MEMORY, "JSON");
        if (r == 0)
                note_look(entry);
        return r;
}

static void print_value(const char *name, const json_t *value, int indent)
{
        const char *key;
        json_t *part;

        if (json_is_object(value)) {
                (void)printf("%*s%s\n", indent, "", name);
                json_object_foreach((json_t *)(uintptr_t)value, key, part)
                        print_value(key, part, indent + 2);
                return;
        }
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        if (json_is_string(value))
                buffer_append_text(&text, json_string_value(value));
        else
                json_append(value, &text);
        (void)printf("%*s%-14s %.*s\n", indent, "", name, (int)text.size, (const char *)text.data);
}

static int print_object(const struct command_line *line, json_t *json)
{
        CLEANUP(json_freep) json_t *owned = json;
        const char *key;
        json_t *value;

        if (line->json)
                return command_print_json(TAKE(owned));
        json_object_foreach(json, key, value) if (!json_is_null(value)) print_value(key, value, 0);
        return 0;
}

int command_quarantine_show(struct command_line *line)
{
        CLEANUP(finding_deinit) struct finding finding = {.arena = ARENA_INIT};
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *json = NULL;
        struct worklist list = {0};
        struct log_row row;
        char hash[2 * HASH_SIZE + 1];
        int r = command_open(line, true, NULL, &storage);

        list.storage = storage;
        r = r < 0 ? r : begin_list(line, &list);
        r = r < 0 ? r : find_refused(&list, &finding);
        r = r < 0 ? r
                  : storage->ops->log_get(storage, &finding.row.locality, finding.row.number,
                                          &finding.arena, &row);
        if (r < 0)
                return r;
        json = refused_json(&list, &finding.row);
        if (!json || r == 0)
                return FAIL(json ? PANNIER_E_CORRUPT : PANNIER_E_MEMORY, "a quarantined entry");
        bytes_hex(BYTES(row.body_hash, HASH_SIZE), hash);
        (void)json_object_set_new(json, "incarnation", command_json_uuid(&row.incarnation));
        (void)json_object_set_new(json, "lane", json_integer(row.lane));
        (void)json_object_set_new(json, "seq", json_integer((json_int_t)row.seq));
        (void)json_object_set_new(json, "received", command_json_time(row.received_ms));
        (void)json_object_set_new(json, "record", command_json_uuid(&row.record));
        (void)json_object_set_new(json, "person", command_json_uuid(&row.person));
        (void)json_object_set_new(json, "body_hash", json_string(hash));
        if (command_value(line, "content"))
                r = add_content(json, &row.id, row.header, row.body);
        return r < 0 ? r : print_object(line, TAKE(json));
}

/* ---- an operator's answer ---- */

static const char *operator_of(const struct command_line *line)
{
        const char *name = command_value(line, "operator");

        if (!name)
                name = getenv("SUDO_USER");
        if (!name || !*name)
                name = getenv("LOGNAME");
        return name && *name ? name : getenv("USER");
}

static int record_answer(struct storage *storage, const struct store_settings *settings,
                         const struct judge_answer *answer, struct judge_answered *ret)
{
        CLEANUP(judge_freep) struct judge *judge = NULL;
        int r = judge_new(storage, &judge);

        if (r < 0)
                return r;
        judge_environment(judge, (enum nhs_environment)settings->environment);
        r = storage->ops->begin(storage, answer->locality, 1);
        if (r < 0)
                return r;
        judge_begin(judge, clock_now_ms());
        r = judge_answer(judge, answer, ret);
        if (r == 0)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

static const char *outcome_name(enum entry_outcome outcome)
{
        switch (outcome) {
        case OUTCOME_MERGED:
                return "merged: a newer edit stands, this one is in the history";
        case OUTCOME_HELD:
                return "held: a person decides on a device";
        case OUTCOME_NONE:
        case OUTCOME_APPLIED:
        case OUTCOME_LATE:
        case OUTCOME_QUARANTINED:
        case OUTCOME_PARKED:
                break;
        }
        return "applied";
}

static int print_answer(const struct command_line *line, const struct judge_answer *answer,
                        const struct judge_answered *answered)
{
        char id[UUID_TEXT_SIZE];

        if (line->json)
                return command_print_json(json_pack("{s:s, s:o, s:s}", "how", how_name(answer->how),
                                                    "by", command_json_uuid(&answered->entry),
                                                    "outcome", outcome_name(answered->outcome)));
        uuid_format(&answered->entry, id);
        if (answer->how == CLOSING_DISMISSED)
                (void)printf("Dismissed, by entry %s. Its device is told at its next exchange.\n",
                             id);
        else
                (void)printf(
                        "Released, by entry %s: %s.\nIts device is told at its next exchange.\n",
                        id, outcome_name(answered->outcome));
        return 0;
}

static int answer_with(struct command_line *line, enum closing_how how)
{
        CLEANUP(finding_deinit) struct finding finding = {.arena = ARENA_INIT};
        CLEANUP(storage_freep) struct storage *storage = NULL;
        const char *who = operator_of(line), *why = command_value(line, "reason");
        struct store_settings settings;
        struct worklist list = {0};
        struct judge_answered answered = {0};
        struct judge_answer answer = {.how = how};
        int r;

        if (!why || !*why)
                return FAIL(PANNIER_E_INVALID, "--reason is missing: say why");
        if (!who || !*who)
                return FAIL(PANNIER_E_INVALID, "--operator is missing: say who does this");
        r = command_open(line, false, &settings, &storage);
        list.storage = storage;
        r = r < 0 ? r : begin_list(line, &list);
        r = r < 0 ? r : find_refused(&list, &finding);
        if (r < 0)
                return r;
        answer.locality = &finding.row.locality;
        answer.number = finding.row.number;
        answer.who = bytes_text(who);
        answer.why = bytes_text(why);
        r = record_answer(storage, &settings, &answer, &answered);
        if (r > 0)
                return FAIL(PANNIER_E_REFUSED, "it would be refused again (%s): %s",
                            reason_name(answered.reason), reason_sentence(answered.reason));
        return r < 0 ? r : print_answer(line, &answer, &answered);
}

int command_quarantine_release(struct command_line *line)
{
        return answer_with(line, CLOSING_RELEASED);
}

int command_quarantine_dismiss(struct command_line *line)
{
        return answer_with(line, CLOSING_DISMISSED);
}

/* ---- parked ---- */

static int see(void *context, const struct record *record, struct bytes stamps)
{
        (void)context;
        (void)record;
        (void)stamps;
        return 0;
}

static bool is_record_here(struct storage *storage, const struct uuid *id)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (uint16_t i = 0; i < catalogue->type_count && r == 0; i++)
                r = storage->ops->record_visit(storage, &catalogue->types[i], id, see, NULL);
        return r > 0;
}

/* What a device is never told apart: is there no such person or record, or is it not the device's? */
static void waits_for(struct storage *storage, const struct parked_row *row, char *ret, size_t size)
{
        char id[UUID_TEXT_SIZE];

        uuid_format(&row->wait_id, id);
        switch (row->wait) {
        case WAIT_RECORD:
                (void)snprintf(ret, size, "record %s: %s", id,
                               is_record_here(storage, &row->wait_id)
                                       ? "it is here, and not what the entry says it is"
                                       : "unknown here");
                break;
        case WAIT_PERSON:
                (void)snprintf(ret, size, "person %s: %s", id,
                               storage->ops->record_visit(storage, catalogue_person_type(),
                                                          &row->wait_id, see, NULL) > 0
                                       ? "here, and not this device's"
                                       : "unknown here");
                break;
        case WAIT_ENTRY:
                (void)snprintf(ret, size, "entry %s, which is parked itself", id);
                break;
        case WAIT_LANE:
                (void)snprintf(ret, size,
                               "entry %" PRIu64 " of its lane %u, which did not come yet",
                               row->wait_seq, (unsigned)row->wait_lane);
                break;
        case WAIT_UPGRADE:
                (void)snprintf(ret, size, "an upgrade of this store");
                break;
        }
}

static json_t *parked_json(struct storage *storage, const struct parked_row *row)
{
        char what[160], name[128];

        waits_for(storage, row, what, sizeof(what));
        device_text(storage, &row->device, name, sizeof(name));
        return json_pack(
                "{s:o, s:o, s:s, s:o, s:s, s:o, s:i, s:I, s:o, s:o, s:I}", "entry",
                command_json_uuid(&row->id), "device", command_json_uuid(&row->device),
                "device_name", name, "locality", command_json_uuid(&row->locality), "waits_for",
                what, "waits_for_id", command_json_uuid(&row->wait_id), "lane", (int)row->lane,
                "seq", (json_int_t)row->seq, "since", command_json_time(row->received_ms), "until",
                row->wait == WAIT_UPGRADE ? json_null()
                                          : command_json_time(row->received_ms + JUDGE_PARKED_MS),
                "bytes", (json_int_t)row->header.size + (json_int_t)row->body.size);
}

static int list_parked(void *context, const struct parked_row *row)
{
        struct worklist *list = context;
        char id[UUID_TEXT_SIZE], device[128], what[160], until[32];

        if (!is_listed(list, &row->device))
                return 0;
        if (list->array)
                return append(list->array, parked_json(list->storage, row));
        uuid_format(&row->id, id);
        device_text(list->storage, &row->device, device, sizeof(device));
        waits_for(list->storage, row, what, sizeof(what));
        table_cell_text(list->table, id);
        table_cell_text(list->table, device);
        table_cell_text(list->table, what);
        table_cell_text(list->table,
                        row->wait == WAIT_UPGRADE
                                ? "as long as it takes"
                                : command_time(row->received_ms + JUDGE_PARKED_MS, until));
        return 0;
}

int command_parked(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Entry", false},
                {"Device", false},
                {"Waits for", false},
                {"Until", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct worklist list = {.array = array};
        struct chosen chosen = {.count = 0};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        r = r < 0 ? r : storage->ops->localities(storage, choose, &chosen);
        if (r < 0)
                return r;
        list.storage = storage;
        list.table = table;
        r = begin_list(line, &list);
        for (size_t i = 0; i < chosen.count && r >= 0; i++)
                r = storage->ops->parked_older(storage, &chosen.ids[i], INT64_MAX, list_parked,
                                               &list);
        return r < 0 ? r : print_list(&list, TAKE(array));
}

struct parked_finding {
        struct worklist list;
        json_t *json;
        int r;
};

static int take_parked(void *context, const struct parked_row *row)
{
        struct parked_finding *finding = context;

        if (!is_listed(&finding->list, &row->device))
                return 0;
        finding->json = parked_json(finding->list.storage, row);
        if (!finding->json)
                return FAIL(PANNIER_E_MEMORY, "JSON");
        if (command_value(finding->list.line, "content"))
                return add_content(finding->json, &row->id, row->header, row->body) < 0
                               ? PANNIER_E_MEMORY
                               : 1;
        return 1;
}

int command_parked_show(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct parked_finding finding = {.json = NULL};
        struct uuid id;
        int r = command_open(line, true, NULL, &storage);

        finding.list.storage = storage;
        r = r < 0 ? r : begin_list(line, &finding.list);
        if (r >= 0 && uuid_parse(bytes_text(line->operands[0]), &id) < 0)
                r = FAIL(PANNIER_E_INVALID, "\"%s\" is not the id of an entry", line->operands[0]);
        r = r < 0 ? r : storage->ops->parked_named(storage, &id, take_parked, &finding);
        if (r < 0) {
                json_decref(finding.json);
                return r;
        }
        return finding.json ? print_object(line, finding.json)
                            : FAIL(PANNIER_E_NOT_FOUND, "no entry with this id is parked");
}
