/* Look-ups in the generated tables. The tables are small and constant: a scan of a few entries beats an index. */
#include "common/catalogue.h"

#include <string.h>

const struct catalogue_type *catalogue_type_by_number(uint64_t number)
{
        const struct catalogue *catalogue = catalogue_get();

        if (number > TYPE_NUMBER_MAX || catalogue->by_number[number] == 0)
                return NULL;
        return &catalogue->types[catalogue->by_number[number] - 1];
}

const struct catalogue_type *catalogue_type_by_name(struct bytes name)
{
        const struct catalogue *catalogue = catalogue_get();
        size_t i;

        for (i = 0; i < catalogue->type_count; i++)
                if (bytes_equal(bytes_text(catalogue->types[i].name), name))
                        return &catalogue->types[i];
        return NULL;
}

int catalogue_field_index(const struct catalogue_type *type, uint64_t number)
{
        size_t low = 0, high = type->field_count;

        if (number > 0 && number <= high && type->fields[number - 1].number == number)
                return (int)number -
                       1; /* the rule: numbers are contiguous unless some were retired */
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (type->fields[middle].number == number)
                        return (int)middle;
                if (type->fields[middle].number < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        return -1;
}

int catalogue_field_index_by_name(const struct catalogue_type *type, struct bytes name)
{
        int i;

        for (i = 0; i < type->field_count; i++)
                if (bytes_equal(bytes_text(type->fields[i].name), name))
                        return i;
        return -1;
}

const struct catalogue_option *catalogue_option_by_number(const struct catalogue_field *field,
                                                          int64_t number)
{
        size_t i;

        for (i = 0; i < field->option_count; i++)
                if (field->options[i].number == number)
                        return &field->options[i];
        return NULL;
}

const struct catalogue_option *catalogue_option_by_code(const struct catalogue_field *field,
                                                        struct bytes code)
{
        size_t i;

        for (i = 0; i < field->option_count; i++)
                if (bytes_equal(bytes_text(field->options[i].code), code))
                        return &field->options[i];
        return NULL;
}

bool catalogue_role_allows(uint64_t roles, uint16_t role)
{
        return role > 0 && role < 64 && (roles >> role & 1) != 0;
}

enum catalogue_class catalogue_class_of(const struct catalogue_type *type, uint64_t about)
{
        if (type->class != CLASS_OF_RECORD)
                return type->class;
        type = catalogue_type_by_number(about);
        if (!type || type->class == CLASS_OF_RECORD)
                return CLASS_RESTRICTED;
        return type->class;
}

bool catalogue_has_option(const uint16_t *options, size_t count, int64_t number)
{
        size_t i;

        for (i = 0; i < count; i++)
                if (options[i] == number)
                        return true;
        return false;
}

const struct catalogue_transition *catalogue_transition_find(const struct catalogue_field *field,
                                                             int64_t from, int64_t to)
{
        size_t i;

        for (i = 0; i < field->transition_count; i++)
                if (field->transitions[i].from == from && field->transitions[i].to == to)
                        return &field->transitions[i];
        return NULL;
}

int catalogue_order_rank(const struct catalogue_field *field, int64_t option)
{
        int i;

        for (i = 0; i < field->order_count; i++)
                if (field->order[i] == option)
                        return i;
        return -1;
}

const struct catalogue_bind *catalogue_bind(void)
{
        return catalogue_get()->bind;
}

/* One look-up for each bound type; the generator has seen to it that each is there. */
#define BOUND_TYPE(function, flag)                                                                 \
        const struct catalogue_type *function(void)                                                \
        {                                                                                          \
                const struct catalogue *catalogue = catalogue_get();                               \
                const struct catalogue_type *type = catalogue->types;                              \
                                                                                                   \
                while (!type->flag)                                                                \
                        type++;                                                                    \
                return type;                                                                       \
        }

BOUND_TYPE(catalogue_person_type, is_person)
BOUND_TYPE(catalogue_conflict_type, is_conflict)
BOUND_TYPE(catalogue_access_event_type, is_access_event)
BOUND_TYPE(catalogue_task_type, is_task)
BOUND_TYPE(catalogue_staff_type, is_staff)
BOUND_TYPE(catalogue_membership_type, is_membership)
BOUND_TYPE(catalogue_team_type, is_team)
BOUND_TYPE(catalogue_organisation_type, is_organisation)
BOUND_TYPE(catalogue_place_type, is_locality)
BOUND_TYPE(catalogue_baseline_type, is_baseline)
BOUND_TYPE(catalogue_planned_contact_type, is_planned_contact)

const char *catalogue_class_name(enum catalogue_class class)
{
        switch (class) {
        case CLASS_BASIC:
                return "basic";
        case CLASS_CLINICAL:
                return "clinical";
        case CLASS_RESTRICTED:
                return "restricted";
        case CLASS_NEVER:
        case CLASS_OF_RECORD:
                break;
        }
        return "none";
}
