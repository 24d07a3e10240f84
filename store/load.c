#include "store/load.h"

#include "common/date.h"
#include "common/error.h"
#include "store/judge.h"
#include "store/load_row.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

struct run {
        struct load_table table;
        struct judge *judge;
        struct csv_file *file;
        struct load_report committed; /* what is durable */
        size_t batch;                 /* rows in the open transaction */
        bool open;                    /* a transaction is */
};

const struct catalogue_type *load_type(struct bytes word)
{
        const struct catalogue *catalogue = catalogue_get();

        for (uint16_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                if (bytes_equal(word, bytes_text(type->name)) ||
                    (type->plural && bytes_equal(word, bytes_text(type->plural))))
                        return type;
        }
        return NULL;
}

/* ---- transactions ---- */

static int begin(struct run *run)
{
        struct storage *storage = run->table.storage;
        const struct uuid *localities;
        size_t count;
        int r;

        /* A row may name any locality, so all are taken; SQLite has one writer in any case. */
        localities = load_places_list(run->table.places, &count);
        r = storage->ops->begin(storage, localities, count);
        if (r < 0)
                return r;
        run->open = true;
        judge_begin(run->judge, run->table.options->now_ms);
        return 0;
}

static int commit(struct run *run)
{
        const struct load_options *options = run->table.options;
        struct storage *storage = run->table.storage;
        int r = 0;

        if (!run->open)
                return 0;
        run->open = false;
        run->batch = 0;
        if (options->dry_run)
                storage->ops->rollback(storage);
        else
                r = storage->ops->commit(storage);
        if (r < 0)
                return r;
        run->committed = run->table.report;
        if (options->progress && run->file)
                options->progress(options->context, csv_offset(run->file), csv_size(run->file),
                                  run->committed.rows);
        return 0;
}

static int start_next_batch(struct run *run)
{
        int r = commit(run);

        return r < 0 ? r : begin(run);
}

static void roll_back(struct run *run)
{
        if (run->open)
                run->table.storage->ops->rollback(run->table.storage);
        run->open = false;
}

/* Outside of a transaction: the localities as they stand now. */
static int refresh_places(struct run *run)
{
        struct storage *storage = run->table.storage;
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        r = load_places_refresh(run->table.places, storage);
        storage->ops->rollback(storage);
        return r;
}

/* A locality that is new: it gets a history of its own before anything is written into it. */
static int add_locality(struct run *run, struct load_row *row)
{
        struct storage *storage = run->table.storage;
        const struct load_options *options = run->table.options;
        struct uuid epoch;
        int r = commit(run);

        if (r < 0)
                return r;
        options->random(&epoch, sizeof epoch);
        r = storage->ops->locality_add(storage, &row->record, &epoch, options->now_ms);
        if (r == 0)
                r = refresh_places(run);
        return r < 0 ? r : begin(run);
}

/* ---- one row ---- */

static size_t collect_changes(const struct load_row *row, struct entry_change *ret)
{
        const struct catalogue_type *type = row->table->type;
        size_t count = 0;

        for (int i = 0; i < type->field_count; i++)
                if (row->values[i].form != VALUE_UNSET)
                        ret[count++] = (struct entry_change){.number = type->fields[i].number,
                                                             .value = row->values[i]};
        return count;
}

static void count_put(struct load_report *report, int put)
{
        report->created += put == JUDGE_CREATED;
        report->edited += put == JUDGE_EDITED;
        report->unchanged += put == JUDGE_UNCHANGED;
}

static int put_row(struct run *run, struct load_row *row)
{
        struct entry_change changes[FIELD_COUNT_MAX];
        const struct catalogue_type *type = run->table.type;
        struct judge_change change = {
                .locality = &row->locality,
                .type = type,
                .record = row->record,
                .person = type->is_person ? row->record : row->person,
                .changes = changes,
                .reason = bytes_text("loaded from a table"),
                .keep_staff = true,
                .author = row->author,
                .recorded_ms = row->recorded_ms,
        };
        uint8_t random[10];

        run->table.options->random(random, sizeof random);
        change.entry = uuid_v7(run->table.options->now_ms, random);
        change.change_count = collect_changes(row, changes);
        return judge_put(run->judge, &change);
}

static int put_identity(const struct load_row *row, uint8_t keys[][LOAD_KEY_SIZE], int count)
{
        struct storage *storage = row->table->storage;
        int r = 0;

        for (int i = 0; r == 0 && i < count; i++)
                r = storage->ops->load_key_put(storage, &row->locality, row->table->type,
                                               BYTES(keys[i], LOAD_KEY_SIZE), &row->record);
        return r < 0 ? r : load_words_put(row);
}

/* The row about a locality finds it by its names, since what finds other records lies inside of a locality. */
static int identify(struct run *run, struct load_row *row, uint8_t keys[][LOAD_KEY_SIZE])
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct value *names[] = {&row->values[bind->place.ons_code],
                                       &row->values[bind->place.name]};
        uint8_t random[10];
        bool found = false;
        int r;

        if (!load_row_is_locality(row))
                return load_row_identify(row, keys);
        for (size_t i = 0; !found && i < 2; i++)
                found = names[i]->form == VALUE_BYTES &&
                        load_places_find(run->table.places, names[i]->bytes, &row->record);
        if (!found) {
                run->table.options->random(random, sizeof random);
                row->record = uuid_v7(run->table.options->now_ms, random);
        }
        if (!found && !run->table.options->dry_run) {
                r = add_locality(run, row);
                if (r < 0)
                        return r;
        }
        row->locality = row->record;
        return 0;
}

/* 0 taken or refused; an error ends the run. */
static int take_row(struct run *run, struct load_row *row)
{
        uint8_t keys[UINT8_MAX][LOAD_KEY_SIZE];
        int count = identify(run, row, keys), r;

        if (count < 0 && count != PANNIER_E_INVALID && count != PANNIER_E_LIMIT)
                return count;
        r = count < 0 ? count : put_row(run, row);
        if (r == PANNIER_E_INVALID || r == PANNIER_E_TAKEN || r == PANNIER_E_LIMIT) {
                load_row_message(row, LOAD_REFUSED, "%s", error_detail());
                run->table.report.refused++;
                return 0;
        }
        if (r < 0)
                return r;
        count_put(&run->table.report, r);
        run->table.report.warned += row->warned;
        (void)load_touch(&run->table, &row->record);
        r = put_identity(row, keys, count);
        if (r == 0 && load_row_is_locality(row))
                r = load_places_refresh(run->table.places, run->table.storage);
        return r;
}

static int take_csv_row(struct run *run, const struct csv_row *csv)
{
        struct load_row row;
        int r;

        arena_reset(&run->table.arena);
        run->table.report.rows++;
        r = load_row_read(&run->table, csv, &row);
        if (r < 0)
                return r;
        if (r == 0) {
                run->table.report.refused++;
                return 0;
        }
        return take_row(run, &row);
}

static int take_broken_row(struct run *run, const struct csv_row *csv)
{
        struct load_row row = {.table = &run->table, .line = csv->line};

        run->table.report.rows++;
        run->table.report.refused++;
        load_row_message(&row, LOAD_REFUSED, "%s", error_detail());
        return 0;
}

/* ---- the file ---- */

/* Two columns that give the same: which one counts would be a guess. */
static bool given_before(const struct load_table *table, size_t place)
{
        const struct load_target *target = &table->targets[place];

        for (size_t i = 0; i < place; i++)
                if (target->column != LOAD_IGNORED && target->column == table->targets[i].column &&
                    target->field_index == table->targets[i].field_index)
                        return true;
        return false;
}

static int read_header(struct run *run)
{
        struct load_table *table = &run->table;
        struct csv_row csv;
        const char *missing;
        int r = csv_next(run->file, &csv);

        if (r == 0)
                return FAIL(PANNIER_E_INVALID, "%s is empty: its first line names the columns",
                            table->options->path);
        for (size_t i = 0; r == 1 && i < csv.count; i++) {
                int checked = load_map_column(table->map, csv.fields[i], &table->targets[i]);

                if (checked < 0)
                        return checked;
                if (given_before(table, i))
                        return FAIL(PANNIER_E_INVALID, "%s names the column '%.*s' twice",
                                    table->options->path, (int)csv.fields[i].size,
                                    (const char *)csv.fields[i].data);
        }
        if (r < 0)
                return r;
        table->target_count = csv.count;
        missing = load_map_missing(table->map);
        if (missing)
                return FAIL(PANNIER_E_INVALID, "%s has no column '%s', which the mapping names",
                            table->options->path, missing);
        return 0;
}

static int read_rows(struct run *run)
{
        struct csv_row csv;
        int r = 0, got;

        while (r == 0 && (got = csv_next(run->file, &csv)) != 0) {
                if (!run->open)
                        r = begin(run);
                if (r < 0)
                        return r;
                if (got == 1)
                        r = take_csv_row(run, &csv);
                else if (got == PANNIER_E_MALFORMED || got == PANNIER_E_LIMIT)
                        r = take_broken_row(run, &csv);
                else
                        r = got;
                if (r == 0 && ++run->batch >= LOAD_BATCH_ROWS)
                        r = commit(run);
        }
        return r < 0 ? r : commit(run);
}

/* ---- the whole truth ---- */

struct ending {
        struct run *run;
        const struct uuid *locality;
        struct uuid *ids; /* records that the file does not have */
        size_t count, capacity;
};

static int on_loaded(void *context, const struct uuid *id)
{
        struct ending *ending = context;
        struct uuid *grown;

        if (load_touched(&ending->run->table, id))
                return 0;
        if (ending->count == ending->capacity) {
                ending->capacity = ending->capacity ? 2 * ending->capacity : 256;
                grown = realloc(ending->ids, ending->capacity * sizeof *grown);
                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "no memory for the records to end");
                ending->ids = grown;
        }
        ending->ids[ending->count++] = *id;
        return 0;
}

/* Ends one record that is not over yet; its last day is the day before, or its first day where that is later. */
static int end_record(struct run *run, const struct uuid *locality, const struct uuid *id)
{
        const struct catalogue_type *type = run->table.type;
        struct load_row row = {.table = &run->table, .locality = *locality, .record = *id};
        struct storage *storage = run->table.storage;
        int64_t day = date_of_instant(run->table.options->now_ms) - 1;
        struct record record;
        int r;

        arena_reset(&run->table.arena);
        r = storage->ops->record_get(storage, type, id, &run->table.arena, &record, NULL);
        if (r <= 0)
                return r;
        if (record.values[type->end_index].form == VALUE_INTEGER &&
            record.values[type->end_index].integer <= day)
                return 0;
        for (size_t i = 0; i < type->compare_count; i++) {
                const struct value *low = &record.values[type->compares[i].low_index];

                if (type->compares[i].high_index == type->end_index && low->form == VALUE_INTEGER &&
                    low->integer > day)
                        day = low->integer;
        }
        row.person = record.person;
        row.values[type->end_index] = (struct value){.form = VALUE_INTEGER, .integer = day};
        r = put_row(run, &row);
        run->table.report.ended += r == JUDGE_EDITED;
        return r < 0 ? r : 0;
}

static int end_missing(struct run *run)
{
        struct storage *storage = run->table.storage;
        struct ending ending = {.run = run};
        size_t localities;
        int r = 0;

        load_places_list(run->table.places, &localities);
        for (size_t i = 0; r >= 0 && i < localities; i++) {
                struct uuid locality = load_places_list(run->table.places, &localities)[i];

                ending.count = 0;
                ending.locality = &locality;
                r = begin(run);
                if (r == 0)
                        r = storage->ops->load_records(storage, &locality, run->table.type,
                                                       on_loaded, &ending);
                for (size_t k = 0; r >= 0 && k < ending.count; k++) {
                        r = end_record(run, &locality, &ending.ids[k]);
                        if (r >= 0 && ++run->batch >= LOAD_BATCH_ROWS)
                                r = start_next_batch(run);
                }
                if (r >= 0)
                        r = commit(run);
        }
        free(ending.ids);
        return r;
}

/* ---- all of it ---- */

static int check_options(const struct load_options *options)
{
        const struct catalogue_type *type = options->type;

        if (options->complete && type->end_index < 0)
                return FAIL(PANNIER_E_INVALID,
                            "%s have no last day, so nothing can be ended: leave --complete out",
                            type->plural ? type->plural : type->name);
        return 0;
}

static int run_all(struct run *run)
{
        const struct load_options *options = run->table.options;
        int r = check_options(options);

        if (r == 0)
                r = load_map_new(options->type, options->map_path, &run->table.map);
        if (r == 0)
                r = load_places_new(options->aliases_path, &run->table.places);
        if (r == 0)
                r = csv_open(options->path, &run->file);
        if (r == 0)
                r = read_header(run);
        if (r == 0)
                r = judge_new(run->table.storage, &run->judge);
        if (r == 0)
                judge_environment(run->judge, options->environment);
        if (r == 0)
                r = refresh_places(run);
        if (r == 0)
                r = read_rows(run);
        if (r == 0 && options->complete)
                r = end_missing(run);
        return r;
}

int load_table(struct storage *storage, const struct load_options *options, struct load_report *ret)
{
        struct run run = {.table = {.options = options, .type = options->type, .storage = storage}};
        int r = run_all(&run);

        roll_back(&run);
        *ret = run.committed;
        tdestroy(run.table.touched, free);
        (void)judge_free(run.judge);
        (void)csv_close(run.file);
        (void)load_places_free(run.table.places);
        (void)load_map_free(run.table.map);
        arena_deinit(&run.table.arena);
        return r;
}
