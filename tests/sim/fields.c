#include "tests/sim/fields.h"

#include <stdio.h>
#include <stdlib.h>

static void stop(const char *type, const char *name)
{
        (void)fprintf(stderr, "pannier-sim: the catalogue has no %s %s\n", type, name);
        abort();
}

const struct catalogue_type *sim_type(const char *name)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(name));

        if (!type)
                stop("type", name);
        return type;
}

size_t sim_field_index(const struct catalogue_type *type, const char *name)
{
        int index = catalogue_field_index_by_name(type, bytes_text(name));

        if (index < 0)
                stop(type->name, name);
        return (size_t)index;
}

static struct value value_of(const struct catalogue_field *field, const struct sim_field *from)
{
        const struct catalogue_option *option;

        if (from->id)
                return (struct value){.form = VALUE_UUID, .uuid = *from->id};
        if (!from->text)
                return (struct value){.form = VALUE_INTEGER, .integer = from->number};
        if (field->kind != KIND_CODE)
                return (struct value){.form = VALUE_BYTES, .bytes = bytes_text(from->text)};
        option = catalogue_option_by_code(field, bytes_text(from->text));
        if (!option)
                stop(field->name, from->text);
        return (struct value){.form = VALUE_INTEGER, .integer = option ? option->number : 0};
}

void sim_changes_make(const struct catalogue_type *type, const struct sim_field *fields,
                      size_t count, struct sim_changes *ret)
{
        ret->count = 0;
        for (size_t i = 0; i < count && i < SIM_FIELDS_MAX; i++) {
                const struct catalogue_field *field =
                        &type->fields[sim_field_index(type, fields[i].name)];
                struct entry_change change = {.number = field->number,
                                              .value = value_of(field, &fields[i])};
                size_t at = ret->count++;

                for (; at > 0 && ret->items[at - 1].number > change.number; at--)
                        ret->items[at] = ret->items[at - 1];
                ret->items[at] = change;
        }
}
