#include "store/load_row.h"

#include "common/date.h"
#include "common/error.h"
#include "store/load_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void load_row_message(struct load_row *row, enum load_severity severity, const char *format, ...)
{
        const struct load_options *options = row->table->options;
        char text[ERROR_DETAIL_MAX];
        va_list arguments;

        row->warned |= severity == LOAD_WARNING;
        if (!options->message)
                return;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        options->message(options->context, severity, row->line, text);
}

static void put_cell(struct load_row *row, const struct load_target *target, struct bytes cell)
{
        switch (target->column) {
        case LOAD_IGNORED:
                break;
        case LOAD_FIELD:
                row->cells[target->field_index] = cell;
                break;
        case LOAD_ID:
                row->id = cell;
                break;
        case LOAD_PERSON:
                row->person_text = cell;
                break;
        case LOAD_AUTHOR:
                row->author_text = cell;
                break;
        case LOAD_RECORDED:
                row->recorded_text = cell;
                break;
        case LOAD_LOCALITY:
                row->locality_text = cell;
                break;
        case LOAD_LOCALITY_NAME:
                row->locality_name = cell;
                break;
        }
}

static int put_constant(void *context, const struct load_target *target, struct bytes value)
{
        put_cell(context, target, value);
        return 0;
}

static void take_cells(struct load_row *row, const struct csv_row *csv)
{
        const struct load_table *table = row->table;

        (void)load_map_constants(table->map, put_constant, row);
        for (size_t i = 0; i < csv->count && i < table->target_count; i++)
                if (!load_map_is_empty(table->map, csv->fields[i]))
                        put_cell(row, &table->targets[i], csv->fields[i]);
}

/* A row without a locality of its own takes the caller's; a code that is not known falls back to the name beside it. */
static bool find_locality(struct load_row *row)
{
        const struct load_table *table = row->table;
        const struct load_places *places = table->places;
        const char *given = table->options->locality;

        if (row->locality_text.size && load_places_find(places, row->locality_text, &row->locality))
                return true;
        if (row->locality_name.size &&
            load_places_find(places, row->locality_name, &row->locality)) {
                if (row->locality_text.size)
                        load_row_message(row, LOAD_WARNING,
                                         "no locality has the code '%.*s': took '%.*s' by its name",
                                         (int)row->locality_text.size,
                                         (const char *)row->locality_text.data,
                                         (int)row->locality_name.size,
                                         (const char *)row->locality_name.data);
                return true;
        }
        if (!row->locality_text.size && !row->locality_name.size && given)
                return load_places_find(places, bytes_text(given), &row->locality);
        return false;
}

struct resolving {
        struct load_row *row;
};

static int resolve(void *context, const struct catalogue_field *field, struct bytes text,
                   struct uuid *ret)
{
        struct load_row *row = ((struct resolving *)context)->row;

        return load_find_word(row->table, &row->locality, field->ref_types, field->ref_type_count,
                              text, ret);
}

static struct bytes translate(void *context, const struct catalogue_field *field, struct bytes text)
{
        const struct load_table *table = ((struct resolving *)context)->row->table;

        return load_map_translate(table->map, (int)(field - table->type->fields), text);
}

/* 1 read or left out with a warning, 0 refused, or an error. */
static int read_field(struct load_row *row, int index)
{
        struct resolving resolving = {row};
        const struct load_table *table = row->table;
        const struct catalogue_field *field = &table->type->fields[index];
        const struct load_text_options options = {load_map_separator(table->map, index), translate,
                                                  resolve, &resolving};
        bool needed =
                field->required; /* where a key loses a field, load_row_identify() looks for another key */
        int r = load_text_value(field, row->cells[index], &options, &row->table->arena,
                                &row->values[index]);

        if (r == 0)
                return 1;
        if (r != PANNIER_E_INVALID && r != PANNIER_E_MALFORMED)
                return r;
        row->values[index].form = VALUE_UNSET;
        load_row_message(row, needed ? LOAD_REFUSED : LOAD_WARNING, "%s: %s%s", field->name,
                         error_detail(), needed ? "" : "; left out");
        return !needed;
}

/* A person or staff member named by id, or by what their table was loaded with. */
static int read_name(struct load_row *row, const struct catalogue_type *type, struct bytes text,
                     struct uuid *ret)
{
        int r = uuid_parse(text, ret) == 0
                        ? 1
                        : load_find_word(row->table, &row->locality, &type->number, 1, text, ret);

        if (r == 0)
                load_row_message(row, LOAD_REFUSED, "no %s '%.*s' in the store: load it first",
                                 type->name, (int)(text.size < 60 ? text.size : 60),
                                 (const char *)text.data);
        return r;
}

/* The columns beside the fields: whose record, by whom, when. */
static int read_further(struct load_row *row)
{
        const struct catalogue_type *type = row->table->type;
        int r = 1;

        if (type->personal && !type->is_person) {
                if (!row->person_text.size) {
                        load_row_message(row, LOAD_REFUSED,
                                         "names no person: the column person is empty");
                        return 0;
                }
                r = read_name(row, catalogue_person_type(), row->person_text, &row->person);
        }
        if (r == 1 && row->author_text.size)
                r = read_name(row, catalogue_staff_type(), row->author_text, &row->author);
        if (r == 1 && row->recorded_text.size &&
            instant_parse(row->recorded_text, &row->recorded_ms) < 0) {
                load_row_message(row, LOAD_REFUSED,
                                 "recorded: not a time: write 2026-11-21T09:30:00Z");
                r = 0;
        }
        return r;
}

bool load_row_is_locality(const struct load_row *row)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct value *level = &row->values[bind->place.level];

        return row->table->type->is_locality && level->form == VALUE_INTEGER &&
               level->integer == bind->place.level_locality;
}

int load_row_read(struct load_table *table, const struct csv_row *csv, struct load_row *ret)
{
        int r;

        memset(ret, 0, sizeof *ret);
        ret->table = table;
        ret->line = csv->line;
        if (csv->count > table->target_count) {
                load_row_message(ret, LOAD_REFUSED, "has %zu columns, the header has %zu",
                                 csv->count, table->target_count);
                return 0;
        }
        take_cells(ret, csv);
        if (table->type->is_locality && ret->cells[catalogue_bind()->place.level].size) {
                r = read_field(ret, catalogue_bind()->place.level);
                if (r <= 0)
                        return r;
        }
        if (!load_row_is_locality(ret) && !find_locality(ret)) {
                load_row_message(
                        ret, LOAD_REFUSED,
                        "names no locality that the store keeps (code '%.*s', name '%.*s'): load "
                        "places "
                        "first, give --locality, or an alias with --aliases",
                        (int)ret->locality_text.size, (const char *)ret->locality_text.data,
                        (int)ret->locality_name.size, (const char *)ret->locality_name.data);
                return 0;
        }
        r = read_further(ret);
        for (int i = 0; r == 1 && i < table->type->field_count; i++)
                if (ret->cells[i].size)
                        r = read_field(ret, i);
        return r;
}
