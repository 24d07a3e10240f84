#include "catalogue_check_bed.h"

int index_of(const struct record *record, const char *name)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));

        assert_true(index >= 0);
        return index;
}

void set_integer(struct record *record, const char *name, int64_t integer)
{
        record->values[index_of(record, name)] =
                (struct value){.form = VALUE_INTEGER, .integer = integer};
}

void set_text(struct record *record, const char *name, const char *text)
{
        record->values[index_of(record, name)] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text(text)};
}

void set_code(struct record *record, const char *name, const char *code)
{
        int index = index_of(record, name);
        const struct catalogue_option *option =
                catalogue_option_by_code(&record->type->fields[index], bytes_text(code));

        assert_non_null(option);
        set_integer(record, name, option->number);
}

void set_date(struct record *record, const char *name, const char *text)
{
        int64_t date;

        assert_int_equal(date_parse(bytes_text(text), &date), 0);
        set_integer(record, name, date);
}

void clear(struct record *record, const char *name)
{
        record->values[index_of(record, name)] = (struct value){0};
}

const struct value *value_of(const struct record *record, const char *name)
{
        return &record->values[index_of(record, name)];
}

bool has_code(const struct record *record, const char *name, const char *code)
{
        int index = index_of(record, name);
        const struct catalogue_option *option =
                catalogue_option_by_code(&record->type->fields[index], bytes_text(code));

        assert_non_null(option);
        return record->values[index].form == VALUE_INTEGER &&
               record->values[index].integer == option->number;
}

bool is_derived(const struct fixture *fixture, const char *name)
{
        return (fixture->result.derived >> index_of(&fixture->record, name) & 1) != 0;
}

void changed(struct fixture *fixture, const char *name)
{
        fixture->input.create = false;
        fixture->input.changed |= UINT64_C(1) << index_of(&fixture->record, name);
}

struct record record_of(const char *type)
{
        struct record record = {.type = catalogue_type_by_name(bytes_text(type))};

        assert_non_null(record.type);
        return record;
}

void begin(struct fixture *fixture, const char *type)
{
        memset(fixture, 0, sizeof(*fixture));
        fixture->record = record_of(type);
        fixture->person = record_of("person");
        fixture->baseline = record_of("baseline");
        fixture->input.create = true;
        fixture->input.environment = NHS_ENVIRONMENT_TEST;
        fixture->input.now_ms = NOW_MS;
        set_date(&fixture->person, "birth_date", "1941-03-02");
}

/* A set of observations with a total of 7: 25 + 3, 93 % 2, 38.5 °C 1, pulse 95 1. */
void begin_observations(struct fixture *fixture)
{
        begin(fixture, "observations");
        set_integer(&fixture->record, "taken", NOW_MS);
        set_integer(&fixture->record, "respiration", 25);
        set_integer(&fixture->record, "spo2", 93);
        set_code(&fixture->record, "oxygen", "air");
        set_integer(&fixture->record, "systolic", 130);
        set_integer(&fixture->record, "pulse", 95);
        set_code(&fixture->record, "consciousness", "A");
        set_integer(&fixture->record, "temperature", 385);
        fixture->input.person = &fixture->person;
}

/* The store reads no more than catalogue_check_reads() names: whatever a check needs has to be among it. */
static void leave_what_is_read(struct record *record)
{
        for (uint16_t i = 0; i < record->type->field_count; i++)
                if (!(catalogue_check_reads(record->type) >> i & 1))
                        record->values[i] = (struct value){0};
}

int check(struct fixture *fixture)
{
        leave_what_is_read(&fixture->person);
        leave_what_is_read(&fixture->baseline);
        return catalogue_check(&fixture->input, &fixture->record, &fixture->arena,
                               &fixture->result);
}

void good(struct fixture *fixture)
{
        int r = check(fixture);

        if (r != 0)
                fail_msg("refused: %s", error_detail());
        assert_int_equal(fixture->result.reason, REASON_NONE);
}

void bad(struct fixture *fixture, enum quarantine_reason reason, const char *field)
{
        assert_int_equal(check(fixture), PANNIER_E_INVALID);
        assert_int_equal(fixture->result.reason, reason);
        assert_string_equal(fixture->result.field->name, field);
        assert_non_null(strstr(error_detail(), field));
}
