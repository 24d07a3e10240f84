#include "common/conflict.h"

#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct catalogue_type *contact(void)
{
        return catalogue_type_by_name(bytes_text("contact_person"));
}

static struct uuid id_of(uint8_t number)
{
        return (struct uuid){{1, number}};
}

static struct entry_change text_change(uint16_t field, const char *text)
{
        return (struct entry_change){.number = field,
                                     .value = {.form = VALUE_BYTES, .bytes = bytes_text(text)}};
}

/* A conflict about field 1 of a contact person, with two values beside the standing one. */
static struct conflict sample(struct entry_change changes[3], struct conflict_value others[2])
{
        changes[0] = text_change(1, "Her son");
        changes[1] = text_change(1, "Her daughter");
        changes[2] = (struct entry_change){.number = 1, .value = {.form = VALUE_NULL}};
        for (int i = 0; i < 2; i++)
                others[i] = (struct conflict_value){
                        .id = id_of((uint8_t)(20 - i)), /* not in the order of ids */
                        .author = id_of(30),
                        .role = 1,
                        .recorded_ms = -5,
                        .state = i ? CONFLICT_REFUSED : CONFLICT_OPEN,
                        .changes = &changes[1 + i],
                        .change_count = 1,
                };
        return (struct conflict){
                .id = id_of(1),
                .person = id_of(2),
                .kind = catalogue_bind()->conflict.kind_concurrent,
                .type = contact(),
                .type_number = contact()->number,
                .record = id_of(3),
                .fields = {1},
                .field_count = 1,
                .standing = changes,
                .standing_count = 1,
                .others = others,
                .other_count = 2,
        };
}

static void write_sample(struct arena *arena, struct record *record)
{
        struct entry_change changes[3];
        struct conflict_value others[2];
        struct conflict conflict = sample(changes, others);

        *record = (struct record){
                .type = catalogue_conflict_type(), .id = conflict.id, .person = conflict.person};
        assert_int_equal(conflict_write(&conflict, arena, record), 0);
}

static void test_what_is_written_is_read_again(void **state)
{
        struct arena arena = ARENA_INIT;
        struct record record;
        struct conflict conflict;

        (void)state;
        write_sample(&arena, &record);
        assert_int_equal(conflict_read(&record, &arena, &conflict), 0);
        assert_ptr_equal(conflict.type, contact());
        assert_memory_equal(conflict.record.bytes, id_of(3).bytes, 16);
        assert_int_equal(conflict.field_count, 1);
        assert_int_equal(conflict.fields[0], 1);
        assert_text(conflict.standing[0].value.bytes, "Her son");
        assert_int_equal(conflict.other_count, 2);
        assert_text(conflict.others[0].changes[0].value.bytes, "Her daughter");
        assert_int_equal(conflict.others[0].recorded_ms, -5);
        assert_int_equal(conflict.others[1].changes[0].value.form, VALUE_NULL);
        assert_int_equal(conflict.others[1].state, CONFLICT_REFUSED);
        assert_int_equal(conflict_open_count(&conflict), 1);
        assert_false(conflict.decided);
        assert_ptr_equal(conflict_value_find(&conflict, &(struct uuid){{1, 19}}),
                         &conflict.others[1]);
        assert_null(conflict_value_find(&conflict, &(struct uuid){{1, 99}}));
        arena_deinit(&arena);
}

static void test_every_value_fits_the_catalogue_s_own_fields(void **state)
{
        struct arena arena = ARENA_INIT;
        struct record record;

        (void)state;
        write_sample(&arena, &record);
        for (uint16_t i = 0; i < record.type->field_count; i++)
                if (value_check(&record.type->fields[i], &record.values[i], false, true) < 0)
                        fail_msg("%s: %s", record.type->fields[i].name, error_detail());
        arena_deinit(&arena);
}

static void test_values_of_a_type_that_is_unknown_here_are_kept_as_bytes(void **state)
{
        struct arena arena = ARENA_INIT;
        const struct catalogue_bind *bind = catalogue_bind();
        struct record record, again;
        struct conflict conflict;

        (void)state;
        write_sample(&arena, &record);
        record.values[bind->conflict.record_type].integer = 240;
        assert_int_equal(conflict_read(&record, &arena, &conflict), 0);
        assert_null(conflict.type);
        assert_int_equal(conflict.others[0].changes[0].value.form, VALUE_UNSET);
        again = (struct record){.type = record.type};
        assert_int_equal(conflict_write(&conflict, &arena, &again), 0);
        for (uint16_t i = 0; i < record.type->field_count; i++)
                assert_true(value_equal(&record.values[i], &again.values[i]));
        arena_deinit(&arena);
}

static void test_broken_blobs_are_refused_at_every_cut(void **state)
{
        struct arena arena = ARENA_INIT;
        int16_t index = catalogue_bind()->conflict.others;
        struct record record;
        struct conflict conflict;
        size_t size;

        (void)state;
        write_sample(&arena, &record);
        size = record.values[index].bytes.size;
        for (size_t cut = 0; cut < size; cut++) {
                record.values[index].bytes.size = cut;
                assert_int_equal(conflict_read(&record, &arena, &conflict), PANNIER_E_MALFORMED);
        }
        arena_deinit(&arena);
}

static void test_more_than_a_conflict_may_hold_is_a_limit(void **state)
{
        static char long_text[CONFLICT_BLOB_MAX + 1];
        struct arena arena = ARENA_INIT;
        struct entry_change changes[3];
        struct conflict_value others[2];
        struct conflict conflict = sample(changes, others);
        struct record record = {.type = catalogue_conflict_type()};

        (void)state;
        memset(long_text, 'x', sizeof(long_text) - 1);
        changes[1] = text_change(1, long_text);
        assert_int_equal(conflict_write(&conflict, &arena, &record), PANNIER_E_LIMIT);
        arena_deinit(&arena);
}

static void test_a_decision_is_read_as_it_was_written(void **state)
{
        struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer blob = BUFFER_INIT;
        struct uuid seen[] = {id_of(9), id_of(4), id_of(7)};
        struct conflict_decision decision = {id_of(4), seen, 3}, again;

        (void)state;
        conflict_decision_write(&decision, &blob);
        assert_int_equal(conflict_decision_read(buffer_view(&blob), &arena, &again), 0);
        assert_int_equal(again.seen_count, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(again.seen[i].bytes[1], i == 0 ? 4 : i == 1 ? 7 : 9);
        for (size_t cut = 0; cut < blob.size; cut++)
                assert_int_equal(conflict_decision_read(BYTES(blob.data, cut), &arena, &again),
                                 PANNIER_E_MALFORMED);
        buffer_append_byte(&blob, 0);
        assert_int_equal(conflict_decision_read(buffer_view(&blob), &arena, &again),
                         PANNIER_E_MALFORMED);
        arena_deinit(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_written_is_read_again),
                cmocka_unit_test(test_every_value_fits_the_catalogue_s_own_fields),
                cmocka_unit_test(test_values_of_a_type_that_is_unknown_here_are_kept_as_bytes),
                cmocka_unit_test(test_broken_blobs_are_refused_at_every_cut),
                cmocka_unit_test(test_more_than_a_conflict_may_hold_is_a_limit),
                cmocka_unit_test(test_a_decision_is_read_as_it_was_written),
        };

        return cmocka_run_group_tests_name("conflict", tests, NULL, NULL);
}
