/* pannier-store conflicts, and how long people take to decide: ids, ages and states, without a word of clinical content. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worklist {
        const struct command_line *line;
        struct storage *storage;
        struct table *table;
        json_t *array;
        int64_t now_ms;
        bool all; /* those that were decided, too */
};

static int64_t code_of(const struct record *record, const char *name, const char **ret_code)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));
        const struct catalogue_option *option;

        *ret_code = "-";
        if (index < 0 || record->values[index].form != VALUE_INTEGER)
                return 0;
        option = catalogue_option_by_number(&record->type->fields[index],
                                            record->values[index].integer);
        if (option)
                *ret_code = option->code;
        return record->values[index].integer;
}

static const char *type_name(const struct record *record)
{
        const struct catalogue_type *type;
        const char *unused;
        int64_t number = code_of(record, "record_type", &unused);

        type = number > 0 ? catalogue_type_by_number((uint64_t)number) : NULL;
        return type ? type->name : "-";
}

static struct uuid ref_of(const struct record *record, const char *name)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));

        if (index < 0 || record->values[index].form != VALUE_UUID)
                return UUID_NONE;
        return record->values[index].uuid;
}

static int64_t age_hours(const struct worklist *list, int64_t since_ms)
{
        return since_ms < list->now_ms ? (list->now_ms - since_ms) / 3600000 : 0;
}

static int64_t instant_of(const struct record *record, const char *name)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));

        return index >= 0 && record->values[index].form == VALUE_INTEGER
                       ? record->values[index].integer
                       : 0;
}

static int list_conflict(void *context, const struct record *record, struct bytes stamps)
{
        struct worklist *list = context;
        struct uuid about = ref_of(record, "record");
        int64_t decided_ms = instant_of(record, "decided_at");
        const char *kind, *state;
        char id[UUID_TEXT_SIZE], of[UUID_TEXT_SIZE], decided[32];

        (void)stamps;
        (void)code_of(record, "kind", &kind);
        (void)code_of(record, "status", &state);
        if (strcmp(state, "open") != 0 && !list->all)
                return 0;
        if (list->array)
                return json_array_append_new(
                               list->array,
                               json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:o}",
                                         "conflict", command_json_uuid(&record->id), "kind", kind,
                                         "status", state, "type", type_name(record), "record",
                                         command_json_uuid(&about), "person",
                                         command_json_uuid(&record->person), "age_hours",
                                         (json_int_t)age_hours(list, record->recorded_ms), "since",
                                         command_json_time(record->recorded_ms), "decided",
                                         command_json_time(decided_ms))) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        uuid_format(&record->id, id);
        uuid_format(&about, of);
        table_cell_text(list->table, id);
        table_cell_text(list->table, kind);
        table_cell_text(list->table, type_name(record));
        table_cell_text(list->table, of);
        table_cell_int(list->table, age_hours(list, record->recorded_ms));
        table_cell_format(list->table, "%s%s%s", state, decided_ms ? " " : "",
                          decided_ms ? command_time(decided_ms, decided) : "");
        return 0;
}

static int print_worklist(struct worklist *list, json_t *array)
{
        if (list->line->json)
                return command_print_json(array);
        if (!table_rows(list->table))
                (void)printf("Nothing.\n");
        return table_rows(list->table) ? table_print(list->table, stdout) : 0;
}

int command_conflicts(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Conflict", false}, {"Kind", false},      {"Type", false},
                {"Record", false},   {"Age, hours", true}, {"State", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct worklist list = {.line = line, .array = array, .now_ms = clock_now_ms()};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        if (r < 0)
                return r;
        list.table = table;
        list.all = command_value(line, "all") != NULL;
        r = storage->ops->record_each(storage, catalogue_conflict_type(), NULL, NULL, list_conflict,
                                      &list);
        return r < 0 ? r : print_worklist(&list, TAKE(array));
}

/* ---- how long it takes ---- */

struct times {
        struct buffer taken; /* int64_t each: ms from the conflict to its decision */
        uint64_t open;
        int64_t oldest_ms; /* of those that are open, since when; 0: none is */
};

static void times_deinit(struct times *times)
{
        buffer_deinit(&times->taken);
}

static int take_time(void *context, const struct record *record, struct bytes stamps)
{
        struct times *times = context;
        int64_t decided_ms = instant_of(record, "decided_at");
        int64_t took_ms = decided_ms > record->recorded_ms ? decided_ms - record->recorded_ms : 0;
        const char *state;

        (void)stamps;
        (void)code_of(record, "status", &state);
        if (strcmp(state, "open") == 0) {
                times->open++;
                if (times->oldest_ms == 0 || record->recorded_ms < times->oldest_ms)
                        times->oldest_ms = record->recorded_ms;
        } else if (decided_ms > 0) {
                buffer_append(&times->taken, BYTES(&took_ms, sizeof(took_ms)));
        }
        return buffer_check(&times->taken);
}

static int compare_times(const void *a, const void *b)
{
        const int64_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

/* The least value that @percent of them do not exceed; 0 where there is none. */
static int64_t percentile(const struct times *times, size_t percent)
{
        const int64_t *values = (const int64_t *)(const void *)times->taken.data;
        size_t count = times->taken.size / sizeof(*values);

        return count ? values[(count * percent + 99) / 100 - 1] : 0;
}

int command_show_decisions(struct storage *storage, json_t *object)
{
        CLEANUP(times_deinit) struct times times = {.taken = BUFFER_INIT};
        char since[32];
        size_t count;
        int r = storage->ops->record_each(storage, catalogue_conflict_type(), NULL, NULL, take_time,
                                          &times);

        if (r < 0)
                return r;
        count = times.taken.size / sizeof(int64_t);
        if (count)
                qsort(times.taken.data, count, sizeof(int64_t), compare_times);
        if (object)
                return json_object_set_new(object, "decisions",
                                           json_pack("{s:I, s:I, s:I, s:I, s:o}", "decided",
                                                     (json_int_t)count, "median_ms",
                                                     (json_int_t)percentile(&times, 50), "p90_ms",
                                                     (json_int_t)percentile(&times, 90), "open",
                                                     (json_int_t)times.open, "oldest_open",
                                                     command_json_time(times.oldest_ms))) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        if (count)
                (void)printf("Decisions    %zu, half of them within %" PRId64
                             " min, nine of ten within %" PRId64 " min\n",
                             count, percentile(&times, 50) / 60000, percentile(&times, 90) / 60000);
        if (times.open)
                (void)printf("Undecided    %" PRIu64 ", the oldest since %s\n", times.open,
                             command_time(times.oldest_ms, since));
        return 0;
}
