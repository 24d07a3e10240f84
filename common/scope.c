#include "common/scope.h"

#include "common/error.h"

#include <string.h>

enum { DAY_MS = 86400000, SCOPE_SET_FIRST = 16 };

static const char *const kind_names[] = {
        [SCOPE_LOCALITY] = "locality",
        [SCOPE_TEAM] = "team",
        [SCOPE_HOME] = "home",
        [SCOPE_PROVISIONAL] = "provisional",
};

enum { KIND_COUNT = sizeof(kind_names) / sizeof(kind_names[0]) };

int scope_compare(const struct scope *a, const struct scope *b)
{
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        return uuid_compare(&a->id, &b->id);
}

bool scope_equal(const struct scope *a, const struct scope *b)
{
        return scope_compare(a, b) == 0;
}

void scope_format(const struct scope *scope, char ret[SCOPE_TEXT_SIZE])
{
        size_t length = strlen(kind_names[scope->kind]);

        memcpy(ret, kind_names[scope->kind], length);
        ret[length] = ':';
        uuid_format(&scope->id, ret + length + 1);
}

int scope_parse(struct bytes text, struct scope *ret)
{
        for (size_t kind = SCOPE_LOCALITY; kind < KIND_COUNT; kind++) {
                size_t length = strlen(kind_names[kind]);
                struct scope scope = {.kind = (enum scope_kind)kind};
                int r;

                if (text.size <= length || memcmp(text.data, kind_names[kind], length) != 0 ||
                    text.data[length] != ':')
                        continue;
                r = uuid_parse(BYTES(text.data + length + 1, text.size - length - 1), &scope.id);
                if (r < 0)
                        return r;
                *ret = scope;
                return 0;
        }
        return FAIL(PANNIER_E_INVALID, "a scope is written as team:, home:, locality: or "
                                       "provisional: and an id");
}

int64_t scope_day(int64_t now_ms)
{
        int64_t day = now_ms / DAY_MS;

        return now_ms % DAY_MS < 0 ? day - 1 : day;
}

void scope_set_deinit(struct scope_set *set)
{
        free(set->items);
        *set = SCOPE_SET_INIT;
}

void scope_set_reset(struct scope_set *set)
{
        set->count = 0;
}

/* First place whose scope is not below the given one. */
static size_t set_place(const struct scope_set *set, const struct scope *scope)
{
        size_t low = 0, high = set->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (scope_compare(&set->items[middle], scope) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool set_holds(const struct scope_set *set, size_t place, const struct scope *scope)
{
        return place < set->count && scope_equal(&set->items[place], scope);
}

int scope_set_add(struct scope_set *set, const struct scope *scope)
{
        size_t place = set_place(set, scope);

        if (set_holds(set, place, scope))
                return 0;
        if (set->count == set->capacity) {
                size_t capacity = set->capacity ? 2 * set->capacity : SCOPE_SET_FIRST;
                struct scope *items = realloc(set->items, capacity * sizeof(*items));

                if (!items)
                        return FAIL(PANNIER_E_MEMORY, "%zu scopes", capacity);
                set->items = items;
                set->capacity = capacity;
        }
        memmove(set->items + place + 1, set->items + place,
                (set->count - place) * sizeof(*set->items));
        set->items[place] = *scope;
        set->count++;
        return 1;
}

bool scope_set_remove(struct scope_set *set, const struct scope *scope)
{
        size_t place = set_place(set, scope);

        if (!set_holds(set, place, scope))
                return false;
        set->count--;
        memmove(set->items + place, set->items + place + 1,
                (set->count - place) * sizeof(*set->items));
        return true;
}

bool scope_set_has(const struct scope_set *set, const struct scope *scope)
{
        return set_holds(set, set_place(set, scope), scope);
}

static bool ref_at(const struct record *record, int16_t index, struct uuid *ret)
{
        if (index < 0 || record->values[index].form != VALUE_UUID)
                return false;
        *ret = record->values[index].uuid;
        return true;
}

size_t scope_contributions(const struct record *record, struct scope ret[SCOPE_PER_RECORD_MAX])
{
        const struct catalogue_type *type = record->type;
        size_t count = 0;

        if (uuid_is_none(&record->person))
                return 0;
        for (uint8_t i = 0; i < type->scope_count && count < SCOPE_PER_RECORD_MAX; i++) {
                const struct catalogue_scope *rule = &type->scopes[i];

                if (!record_meets(record, &rule->condition) ||
                    !ref_at(record, rule->field_index, &ret[count].id))
                        continue;
                ret[count++].kind = rule->kind;
        }
        return count;
}

bool scope_type_contributes(const struct catalogue_type *type)
{
        return type->scope_count > 0;
}

bool scope_type_limits(const struct catalogue_type *type)
{
        return type->limit_count > 0;
}

/* Both days belong to the time in force; a missing one is open. */
static bool in_force(const struct record *record, int from, int to, int64_t day)
{
        if (from >= 0 && record->values[from].form == VALUE_INTEGER &&
            day < record->values[from].integer)
                return false;
        return to < 0 || record->values[to].form != VALUE_INTEGER ||
               day <= record->values[to].integer;
}

size_t scope_grants(const struct record *record, int64_t day,
                    struct scope_grant ret[SCOPE_PER_RECORD_MAX])
{
        const struct catalogue_type *type = record->type;
        size_t count = 0;

        for (uint8_t i = 0; i < type->grant_count && count < SCOPE_PER_RECORD_MAX; i++) {
                const struct catalogue_grant *rule = &type->grants[i];
                struct scope_grant *grant = &ret[count];

                if (!in_force(record, rule->from_index, rule->to_index, day) ||
                    !record_meets(record, &rule->condition) ||
                    !ref_at(record, rule->target_index, &grant->scope.id))
                        continue;
                if (rule->holder_index < 0)
                        grant->holder = record->id;
                else if (!ref_at(record, rule->holder_index, &grant->holder))
                        continue;
                grant->scope.kind = rule->kind;
                count++;
        }
        return count;
}

struct expansion {
        const struct uuid *team;
        int64_t day;
        struct scope_set *set;
};

static int expand_record(void *context, const struct record *record)
{
        struct expansion *expansion = context;
        struct scope_grant grants[SCOPE_PER_RECORD_MAX];
        size_t count = scope_grants(record, expansion->day, grants);

        for (size_t i = 0; i < count; i++) {
                int r;

                if (!uuid_equal(&grants[i].holder, expansion->team))
                        continue;
                r = scope_set_add(expansion->set, &grants[i].scope);
                if (r < 0)
                        return r;
        }
        return 0;
}

int scope_expand(const struct scope *given, size_t count, int64_t day,
                 const struct scope_lookup *lookup, struct scope_set *ret)
{
        for (size_t i = 0; i < count; i++) {
                struct expansion expansion = {&given[i].id, day, ret};
                int r = scope_set_add(ret, &given[i]);

                if (r >= 0 && given[i].kind == SCOPE_TEAM)
                        r = lookup->each_grant(lookup->context, &given[i].id, expand_record,
                                               &expansion);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The one ref field that may only name records of @target. */
static int ref_to(const struct catalogue_type *type, const struct catalogue_type *target)
{
        for (uint16_t i = 0; i < type->field_count; i++)
                if (type->fields[i].kind == KIND_REF && type->fields[i].ref_type_count == 1 &&
                    type->fields[i].ref_types[0] == target->number)
                        return i;
        return -1;
}

bool scope_membership(const struct record *membership, int64_t day, struct uuid *ret_staff,
                      struct uuid *ret_team)
{
        const struct catalogue_type *type = membership->type;
        int from = catalogue_field_index_by_name(type, bytes_text("from"));
        int to = catalogue_field_index_by_name(type, bytes_text("to"));
        int staff = ref_to(type, catalogue_staff_type());
        int team = ref_to(type, catalogue_team_type());

        return type->is_membership && in_force(membership, from, to, day) &&
               ref_at(membership, (int16_t)staff, ret_staff) &&
               ref_at(membership, (int16_t)team, ret_team);
}

void scope_limits_init(struct scope_limits *limits)
{
        const struct catalogue *catalogue = catalogue_get();

        *limits = (struct scope_limits){0};
        for (uint16_t t = 0; t < catalogue->type_count; t++) {
                const struct catalogue_type *type = &catalogue->types[t];

                for (uint8_t i = 0; i < type->limit_count; i++) {
                        if (limits->count == SCOPE_LIMIT_MAX)
                                return;
                        limits->items[limits->count].type = type;
                        limits->items[limits->count++].limit = &type->limits[i];
                }
        }
}

/* When a decision counts from; a record that does not say, from when it was written. */
static int64_t decision_time(const struct record *record, int16_t index)
{
        const struct value *value = index < 0 ? NULL : &record->values[index];

        if (!value || value->form != VALUE_INTEGER)
                return record->recorded_ms;
        if (record->type->fields[index].kind == KIND_DATE)
                return value->integer * DAY_MS;
        return value->integer;
}

void scope_limits_take(struct scope_limits *limits, const struct record *record)
{
        for (size_t i = 0; i < limits->count; i++) {
                const struct catalogue_limit *limit = limits->items[i].limit;
                int64_t when_ms;
                bool refused;

                if (limits->items[i].type != record->type ||
                    !record_meets(record, &limit->condition) ||
                    record->values[limit->decision_index].form != VALUE_INTEGER)
                        continue;
                when_ms = decision_time(record, limit->when_index);
                refused = record->values[limit->decision_index].integer == limit->refusing_option;
                if (limits->items[i].decided && when_ms < limits->items[i].when_ms)
                        continue;
                if (limits->items[i].decided && when_ms == limits->items[i].when_ms)
                        refused = refused || limits->items[i].refused;
                limits->items[i].decided = true;
                limits->items[i].refused = refused;
                limits->items[i].when_ms = when_ms;
        }
}

bool scope_limits_any(const struct scope_limits *limits)
{
        for (size_t i = 0; i < limits->count; i++)
                if (limits->items[i].refused)
                        return true;
        return false;
}

/* Does a coded set of the record hold an option of this code? */
static bool has_code(const struct record *record, int16_t index, int64_t option)
{
        struct cbor_reader reader;
        uint64_t count;
        int64_t number;

        if (record->values[index].form != VALUE_PACKED)
                return false;
        cbor_reader_init(&reader, record->values[index].bytes);
        if (cbor_read_array(&reader, UINT16_MAX, &count) < 0)
                return false;
        while (count-- > 0) {
                if (cbor_read_int(&reader, &number) < 0)
                        return false;
                if (number == option)
                        return true;
        }
        return false;
}

static bool is_of_sort(const struct record *organisation, const char *code)
{
        const struct catalogue_type *type = organisation->type;

        for (uint16_t i = 0; i < type->field_count; i++) {
                const struct catalogue_option *option;

                if (type->fields[i].kind != KIND_SET || type->fields[i].element != KIND_CODE)
                        continue;
                option = catalogue_option_by_code(&type->fields[i], bytes_text(code));
                if (option && has_code(organisation, (int16_t)i, option->number))
                        return true;
        }
        return false;
}

bool scope_limits_forbid(const struct scope_limits *limits, const struct scope *scope,
                         const struct record *organisation)
{
        for (size_t i = 0; i < limits->count; i++) {
                const struct catalogue_limit *limit = limits->items[i].limit;

                if (!limits->items[i].refused || limit->keep_kinds & (1u << scope->kind))
                        continue;
                if (!limit->holder_type_code ||
                    (organisation && is_of_sort(organisation, limit->holder_type_code)))
                        return true;
        }
        return false;
}
