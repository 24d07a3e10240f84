#include "unit.h"

#include "common/error.h"
#include "common/record_sql.h"
#include "common/record_table.h"
#include "wire_samples.h"

#include <stdio.h>
#include <string.h>

static struct db *db;
static struct record_tables *tables;

static int make(void **state)
{
        const struct db_options options = {.durability = DB_NORMAL};

        (void)state;
        if (db_open(":memory:", &options, &db) < 0 || record_tables_create(db) < 0)
                return -1;
        return record_tables_new(db, &tables);
}

static int unmake(void **state)
{
        (void)state;
        tables = record_tables_free(tables);
        db = db_free(db);
        return 0;
}

/* A value of each field's kind, a different one for each @number. */
static struct value value_for(const struct catalogue_field *field, unsigned int number)
{
        struct value value = {.form = VALUE_INTEGER, .integer = (int64_t)number};

        switch (field->kind) {
        case KIND_TEXT:
                return (struct value){.form = VALUE_BYTES, .bytes = bytes_text("caf\303\251 12")};
        case KIND_BLOB:
                return (struct value){.form = VALUE_BYTES, .bytes = BYTES("\0\1\2", 3)};
        case KIND_REF:
                return (struct value){.form = VALUE_UUID, .uuid = sample_id(1000 + number)};
        case KIND_SET:
                return (struct value){.form = VALUE_PACKED, .bytes = BYTES("\201\001", 2)};
        case KIND_MAP:
                return (struct value){.form = VALUE_PACKED, .bytes = BYTES("\241\001\141a", 4)};
        case KIND_INSTANT:
                value.integer = INT64_MAX - (int64_t)number;
                return value;
        case KIND_DATE:
                value.integer = -(int64_t)number;
                return value;
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_BOOL:
                break;
        }
        return value;
}

static void fill(const struct catalogue_type *type, unsigned int number, struct record *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->type = type;
        ret->id = sample_id(number);
        ret->person = record_sql_has_person(type) ? sample_id(2) : UUID_NONE;
        if (type->is_person)
                ret->person = ret->id;
        ret->locality = sample_id(3);
        ret->author = sample_id(4);
        ret->device = sample_id(5);
        ret->role = 3;
        ret->recorded_ms = INT64_C(5000000000000); /* past 2038 */
        ret->position = 70 + number;
        for (unsigned int i = 0; i < type->field_count; i++)
                ret->values[i] = value_for(&type->fields[i], i);
}

static const struct catalogue_type *any_personal_type(void)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                if (catalogue->types[i].personal && !catalogue->types[i].is_person &&
                    !catalogue->types[i].is_conflict)
                        return &catalogue->types[i];
        }
        return NULL;
}

static void check_equal(const struct record *have, const struct record *want)
{
        assert_ptr_equal(have->type, want->type);
        assert_true(uuid_equal(&have->id, &want->id));
        assert_true(uuid_equal(&have->person, &want->person));
        assert_true(uuid_equal(&have->locality, &want->locality));
        assert_true(uuid_equal(&have->author, &want->author));
        assert_true(uuid_equal(&have->device, &want->device));
        assert_int_equal(have->role, want->role);
        assert_true(have->recorded_ms == want->recorded_ms);
        assert_int_equal(have->position, want->position);
        assert_bytes(have->unknown, want->unknown);
        for (size_t i = 0; i < FIELD_COUNT_MAX; i++)
                assert_true(value_equal(&have->values[i], &want->values[i]));
}

static void a_record_of_every_type_is_read_as_it_was_put(void **state)
{
        const struct catalogue *catalogue = catalogue_get();

        (void)state;
        for (size_t i = 0; i < catalogue->type_count; i++) {
                CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
                struct record record, again;
                struct bytes stamps;

                fill(&catalogue->types[i], 1, &record);
                record.unknown = bytes_text("\241\030\372\001");
                assert_int_equal(record_put(tables, &record, bytes_text("who set what")), 0);
                assert_int_equal(
                        record_get(tables, record.type, &record.id, &arena, &again, &stamps), 1);
                check_equal(&again, &record);
                assert_text(stamps, "who set what");
        }
}

static void a_record_without_values_has_none(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record, again;
        struct bytes stamps;

        (void)state;
        fill(any_personal_type(), 1, &record);
        memset(record.values, 0, sizeof(record.values));
        record.device = UUID_NONE;
        record.person = UUID_NONE;
        assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
        assert_int_equal(record_get(tables, record.type, &record.id, &arena, &again, &stamps), 1);
        check_equal(&again, &record);
        assert_int_equal(stamps.size, 0);
}

static void putting_again_replaces_everything(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record, again;
        struct bytes stamps;
        uint64_t position = 0;

        (void)state;
        fill(any_personal_type(), 1, &record);
        assert_int_equal(record_put(tables, &record, bytes_text("old")), 0);
        record.values[0].form = VALUE_UNSET;
        record.position = 99;
        record.person = sample_id(77);
        assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
        assert_int_equal(record_get(tables, record.type, &record.id, &arena, &again, &stamps), 1);
        check_equal(&again, &record);
        assert_int_equal(stamps.size, 0);
        assert_int_equal(record_position(tables, record.type, &record.id, &position), 1);
        assert_int_equal(position, 99);
}

static void only_a_new_record_is_put_where_that_is_asked_for(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record, found;

        (void)state;
        fill(any_personal_type(), 1, &record);
        assert_int_equal(record_put_new(tables, &record, BYTES_NONE), 1);
        record.role = 4;
        record.position++;
        assert_int_equal(record_put_new(tables, &record, BYTES_NONE), 0);
        assert_int_equal(record_get(tables, record.type, &record.id, &arena, &found, NULL), 1);
        assert_int_equal(found.role, 3);
        assert_int_equal(found.position, record.position - 1);
        assert_int_equal(record_delete(tables, record.type, &record.id), 0);
        assert_int_equal(record_put_new(tables, &record, BYTES_NONE), 1);
        assert_int_equal(record_get(tables, record.type, &record.id, &arena, &found, NULL), 1);
        check_equal(&found, &record);
}

static void what_is_not_there_is_not_found(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct uuid id = sample_id(1);
        struct record record;
        uint64_t position;

        (void)state;
        assert_int_equal(record_get(tables, any_personal_type(), &id, &arena, &record, NULL), 0);
        assert_int_equal(record_position(tables, any_personal_type(), &id, &position), 0);
        assert_int_equal(record_delete(tables, any_personal_type(), &id), 0);
}

/* Puts @count records of a person, ids 1 … @count. */
static void put_many(const struct uuid *person, unsigned int first, unsigned int count)
{
        struct record record;

        for (unsigned int i = first; i < first + count; i++) {
                fill(any_personal_type(), i, &record);
                record.person = *person;
                assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
        }
}

struct seen {
        unsigned int count;
        struct uuid last;
        unsigned int stop_at; /* 0: never */
        int answer;           /* of the visit that stops */
};

static int see(void *context, const struct record *record, struct bytes stamps)
{
        struct seen *seen = context;

        (void)stamps;
        if (seen->count > 0)
                assert_true(uuid_compare(&seen->last, &record->id) < 0);
        seen->last = record->id;
        seen->count++;
        return seen->count == seen->stop_at ? seen->answer : 0;
}

static void records_of_a_person_are_visited_in_order_and_from_anywhere(void **state)
{
        const struct catalogue_type *type = any_personal_type();
        struct uuid one = sample_id(500), other = sample_id(501), after = sample_id(3);
        struct seen seen = {0};

        (void)state;
        put_many(&one, 1, 5);
        put_many(&other, 6, 4);
        assert_int_equal(record_each(tables, type, &one, NULL, see, &seen), 0);
        assert_int_equal(seen.count, 5);
        seen = (struct seen){0};
        assert_int_equal(record_each(tables, type, &one, &after, see, &seen), 0);
        assert_int_equal(seen.count, 2);
        seen = (struct seen){0};
        assert_int_equal(record_each(tables, type, NULL, NULL, see, &seen), 0);
        assert_int_equal(seen.count, 9);
        seen = (struct seen){0};
        assert_int_equal(record_each(tables, type, NULL, &after, see, &seen), 0);
        assert_int_equal(seen.count, 6);
}

struct parts {
        uint64_t fields;
        size_t count;
        int answer;
};

static int see_part(void *context, const struct record *part, struct bytes stamps)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct parts *parts = context;
        struct record whole;

        assert_int_equal(stamps.size, 0);
        assert_int_equal(record_get(tables, part->type, &part->id, &arena, &whole, NULL), 1);
        assert_int_equal(part->position, whole.position);
        assert_true(uuid_equal(&part->person, &whole.person));
        for (int i = 0; i < part->type->field_count; i++)
                if (parts->fields >> i & 1)
                        assert_true(value_equal(&part->values[i], &whole.values[i]));
                else
                        assert_int_equal(part->values[i].form, VALUE_UNSET);
        parts->count++;
        return parts->answer;
}

static void of_a_person_s_records_a_part_of_the_fields_is_read(void **state)
{
        const struct catalogue_type *type = any_personal_type();
        struct uuid one = sample_id(500), other = sample_id(501);

        (void)state;
        put_many(&one, 1, 5);
        put_many(&other, 6, 4);
        for (int i = 0; i < type->field_count; i++) {
                struct parts parts = {.fields = UINT64_C(1) << i | UINT64_C(1)};

                assert_int_equal(
                        record_each_part(tables, type, &one, parts.fields, see_part, &parts), 0);
                assert_int_equal(parts.count, 5);
                parts = (struct parts){.fields = UINT64_C(1) << i, .answer = PANNIER_E_BUSY};
                assert_int_equal(
                        record_each_part(tables, type, &other, parts.fields, see_part, &parts),
                        PANNIER_E_BUSY);
                assert_int_equal(parts.count, 1);
        }
}

static void a_visit_may_stop_or_fail_and_the_next_one_begins_anew(void **state)
{
        const struct catalogue_type *type = any_personal_type();
        struct uuid person = sample_id(500);
        struct seen seen = {.stop_at = 2, .answer = 1};

        (void)state;
        put_many(&person, 1, 5);
        assert_int_equal(record_each(tables, type, &person, NULL, see, &seen), 1);
        assert_int_equal(seen.count, 2);
        seen = (struct seen){.stop_at = 3, .answer = PANNIER_E_BUSY};
        assert_int_equal(record_each(tables, type, &person, NULL, see, &seen), PANNIER_E_BUSY);
        assert_int_equal(seen.count, 3);
        seen = (struct seen){0};
        assert_int_equal(record_each(tables, type, &person, NULL, see, &seen), 0);
        assert_int_equal(seen.count, 5);
}

static int see_and_write(void *context, const struct record *record, struct bytes stamps)
{
        struct record other = *record;

        (void)stamps;
        (void)context;
        other.id = sample_id(9000);
        assert_int_equal(record_put(tables, &other, BYTES_NONE), 0);
        return PANNIER_E_BUSY;
}

static void one_record_is_visited_where_it_lies(void **state)
{
        struct uuid person = sample_id(500), id = sample_id(2), none = sample_id(99);
        struct seen seen = {.stop_at = 1, .answer = 1};
        uint64_t position;

        (void)state;
        put_many(&person, 1, 3);
        assert_int_equal(record_visit(tables, any_personal_type(), &id, see, &seen), 1);
        assert_int_equal(seen.count, 1);
        assert_int_equal(record_visit(tables, any_personal_type(), &none, see, &seen), 0);
        assert_int_equal(record_visit(tables, any_personal_type(), &id, see_and_write, NULL),
                         PANNIER_E_BUSY);
        id = sample_id(9000);
        assert_int_equal(record_position(tables, any_personal_type(), &id, &position), 1);
}

static int see_from_within(void *context, const struct record *record, struct bytes stamps)
{
        struct seen inner = {0}, *outer = context;
        struct uuid id = record->id, person = record->person;

        assert_int_equal(record_each(tables, record->type, &person, NULL, see, &inner), 0);
        assert_int_equal(inner.count, 4);
        inner = (struct seen){0};
        assert_int_equal(record_visit(tables, record->type, &id, see, &inner), 1);
        assert_true(uuid_equal(&record->id, &id));
        return see(outer, record, stamps);
}

static void a_visit_may_look_at_the_same_type_again(void **state)
{
        struct uuid person = sample_id(500);
        struct seen seen = {0};

        (void)state;
        put_many(&person, 1, 4);
        assert_int_equal(
                record_each(tables, any_personal_type(), &person, NULL, see_from_within, &seen), 0);
        assert_int_equal(seen.count, 4);
}

static void records_are_found_by_a_value(void **state)
{
        const struct catalogue_type *type = any_personal_type();
        struct uuid person = sample_id(500);
        struct value other;
        struct seen seen = {0};
        struct record record;

        (void)state;
        put_many(&person, 1, 3);
        fill(type, 4, &record);
        for (int i = 0; i < type->field_count; i++) {
                struct value was = record.values[i];

                other = value_for(&type->fields[i], 99);
                if (value_equal(&other, &was))
                        continue;
                record.values[i] = other;
                assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
                seen = (struct seen){0};
                assert_int_equal(record_find(tables, type, i, &other, see, &seen), 0);
                assert_int_equal(seen.count, 1);
                assert_true(uuid_equal(&seen.last, &record.id));
                seen = (struct seen){0};
                assert_int_equal(record_find(tables, type, i, &was, see, &seen), 0);
                assert_int_equal(seen.count, 3);
                record.values[i] = was;
        }
}

static int note_number(void *context, const struct record *record, struct bytes stamps)
{
        int64_t **next = context;

        (void)stamps;
        *(*next)++ = record->values[catalogue_bind()->planned_contact.start].integer;
        return 0;
}

static void records_between_two_numbers_are_found_in_their_order(void **state)
{
        const struct catalogue_type *type = catalogue_planned_contact_type();
        int16_t start = catalogue_bind()->planned_contact.start;
        int64_t found[4] = {0}, *next = found;
        static const int64_t starts[] = {30, 10, 20, 40, -5};

        (void)state;
        for (unsigned int i = 0; i < 5; i++) {
                struct record record;

                fill(type, i + 1, &record);
                record.values[start] = (struct value){.form = VALUE_INTEGER, .integer = starts[i]};
                assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
        }
        assert_int_equal(record_range(tables, type, start, 10, 40, note_number, &next), 0);
        assert_int_equal(next - found, 3);
        assert_int_equal(found[0], 10);
        assert_int_equal(found[1], 20);
        assert_int_equal(found[2], 30);
}

static void a_person_is_removed_with_all_records_and_nobody_else_is(void **state)
{
        const struct catalogue *catalogue = catalogue_get();
        struct uuid person = sample_id(500), other = sample_id(501), id;
        uint64_t position;
        struct record record;

        (void)state;
        for (size_t i = 0; i < catalogue->type_count; i++) {
                for (unsigned int j = 0; j < 2; j++) {
                        fill(&catalogue->types[i], j, &record);
                        if (!uuid_is_none(&record.person))
                                record.person = j ? other : person;
                        if (catalogue->types[i].is_person)
                                record.id = record.person;
                        assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
                }
        }
        assert_int_equal(record_delete_person(tables, &person), 0);
        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                id = type->is_person ? person : sample_id(0);
                assert_int_equal(record_position(tables, type, &id, &position),
                                 !record_sql_has_person(type));
                id = type->is_person ? other : sample_id(1);
                assert_int_equal(record_position(tables, type, &id, &position), 1);
        }
}

static void one_record_is_deleted(void **state)
{
        struct uuid person = sample_id(500), id = sample_id(2);
        struct seen seen = {0};

        (void)state;
        put_many(&person, 1, 3);
        assert_int_equal(record_delete(tables, any_personal_type(), &id), 0);
        assert_int_equal(record_each(tables, any_personal_type(), &person, NULL, see, &seen), 0);
        assert_int_equal(seen.count, 2);
}

static void a_field_that_is_new_in_the_catalogue_gets_its_column(void **state)
{
        const struct catalogue_type *type = any_personal_type();
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record, again;
        char sql[256];

        (void)state;
        /* As if the last field had not been in the catalogue when the table was made. */
        (void)snprintf(sql, sizeof(sql),
                       "DROP TABLE %s; CREATE TABLE %s (id BLOB PRIMARY KEY NOT NULL, person BLOB, "
                       "locality BLOB, author BLOB,"
                       " device BLOB, role INTEGER, recorded_ms INTEGER, position INTEGER, unknown "
                       "BLOB, stamps BLOB) STRICT",
                       type->table, type->table);
        assert_int_equal(db_exec(db, sql), 0);
        assert_int_equal(record_tables_create(db), 0);
        fill(type, 1, &record);
        assert_int_equal(record_put(tables, &record, BYTES_NONE), 0);
        assert_int_equal(record_get(tables, type, &record.id, &arena, &again, NULL), 1);
        check_equal(&again, &record);
}

static void making_tables_again_changes_nothing(void **state)
{
        struct uuid person = sample_id(500);
        struct seen seen = {0};

        (void)state;
        put_many(&person, 1, 3);
        assert_int_equal(record_tables_create(db), 0);
        assert_int_equal(db_begin(db), 0); /* also inside of a transaction */
        assert_int_equal(record_tables_create(db), 0);
        db_rollback(db);
        assert_int_equal(record_each(tables, any_personal_type(), &person, NULL, see, &seen), 0);
        assert_int_equal(seen.count, 3);
}

/* A STRICT table refuses what the generated SQL and the bound forms do not agree on. */
static void columns_have_the_types_of_their_fields(void **state)
{
        const struct catalogue *catalogue = catalogue_get();

        (void)state;
        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                for (size_t j = 0; j < type->field_count; j++) {
                        sqlite3_stmt *stmt = NULL;
                        char sql[256];

                        (void)snprintf(
                                sql, sizeof(sql),
                                "SELECT type FROM pragma_table_info('%s') WHERE name = 'f_%s'",
                                type->table, type->fields[j].name);
                        assert_int_equal(db_prepare(db, sql, &stmt), 0);
                        assert_int_equal(db_step(db, stmt), 1);
                        assert_text(db_column_bytes(stmt, 0),
                                    record_sql_column_type(&type->fields[j]));
                        db_reset(stmt);
                }
        }
}

/* A person's records are few among many: to look through a whole table for them would cost seconds. */
static void records_of_a_person_are_found_by_an_index(void **state)
{
        const struct catalogue *catalogue = catalogue_get();

        (void)state;
        for (size_t i = 0; i < catalogue->type_count; i++) {
                CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
                sqlite3_stmt *stmt = NULL;

                if (!catalogue->types[i].personal)
                        continue;
                buffer_append_text(&sql, "EXPLAIN QUERY PLAN ");
                record_sql_text(&catalogue->types[i], RECORD_SQL_EACH_OF_PERSON, 0, &sql);
                buffer_append_byte(&sql, 0);
                assert_int_equal(db_prepare(db, (const char *)sql.data, &stmt), 0);
                assert_int_equal(db_step(db, stmt), 1);
                assert_non_null(strstr((const char *)db_column_bytes(stmt, 3).data,
                                       catalogue->types[i].is_person ? "(id=?" : "(person=?"));
                assert_int_equal(db_step(db, stmt), 0); /* one step only: nothing is sorted */
        }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make, unmake)
        const struct CMUnitTest tests[] = {
                TEST(a_record_of_every_type_is_read_as_it_was_put),
                TEST(a_record_without_values_has_none),
                TEST(putting_again_replaces_everything),
                TEST(only_a_new_record_is_put_where_that_is_asked_for),
                TEST(what_is_not_there_is_not_found),
                TEST(records_of_a_person_are_visited_in_order_and_from_anywhere),
                TEST(of_a_person_s_records_a_part_of_the_fields_is_read),
                TEST(a_visit_may_stop_or_fail_and_the_next_one_begins_anew),
                TEST(one_record_is_visited_where_it_lies),
                TEST(a_visit_may_look_at_the_same_type_again),
                TEST(records_are_found_by_a_value),
                TEST(records_between_two_numbers_are_found_in_their_order),
                TEST(a_person_is_removed_with_all_records_and_nobody_else_is),
                TEST(one_record_is_deleted),
                TEST(a_field_that_is_new_in_the_catalogue_gets_its_column),
                TEST(making_tables_again_changes_nothing),
                TEST(records_of_a_person_are_found_by_an_index),
                TEST(columns_have_the_types_of_their_fields),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
