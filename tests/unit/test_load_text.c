#include "common/catalogue.h"
#include "common/error.h"
#include "store/load_text.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct catalogue_field *field_of(const char *type_name, const char *field_name)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));
        int index;

        assert_non_null(type);
        index = catalogue_field_index_by_name(type, bytes_text(field_name));
        assert_true(index >= 0);
        return &type->fields[index];
}

static const struct uuid known = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16}};

static int resolve_ada(void *context, const struct catalogue_field *field, struct bytes text,
                       struct uuid *ret)
{
        (void)context;
        (void)field;
        *ret = known;
        return bytes_equal(text, bytes_text("Ada"));
}

static struct bytes nursing_homes(void *context, const struct catalogue_field *field,
                                  struct bytes text)
{
        (void)context;
        (void)field;
        if (bytes_equal(text, bytes_text("Nursing homes")))
                return bytes_text("care_home_nursing");
        return bytes_equal(text, bytes_text("Hospice?")) ? BYTES_NONE : text;
}

static const struct load_text_options options = {';', nursing_homes, resolve_ada, NULL};

static int read(const char *type, const char *field, const char *text, struct arena *arena,
                struct value *ret)
{
        return load_text_value(field_of(type, field), bytes_text(text), &options, arena, ret);
}

static void expect_integer(const char *type, const char *field, const char *text, int64_t want)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct value value;

        assert_int_equal(read(type, field, text, &arena, &value), 0);
        assert_int_equal(value.form, VALUE_INTEGER);
        assert_int_equal(value.integer, want);
}

static void expect_refused(const char *type, const char *field, const char *text)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct value value;

        assert_int_equal(read(type, field, text, &arena, &value), PANNIER_E_INVALID);
        assert_true(strlen(error_detail()) > 10);
}

static void test_dates_are_read_in_both_common_forms(void **state)
{
        (void)state;
        expect_integer("person", "birth_date", "1970-01-02", 1);
        expect_integer("person", "birth_date", "02/01/1970", 1);
        expect_integer("person", "birth_date", "29/02/1944", -9438);
        expect_refused("person", "birth_date", "29/02/1943");
        expect_refused("person", "birth_date", "1/2/1943");
        expect_refused("person", "birth_date", "1943");
        expect_refused("person", "birth_date", "12/31/1943");
}

static void test_tenths_never_pass_through_floating_point(void **state)
{
        (void)state;
        expect_integer("observations", "temperature", "37.5", 375);
        expect_integer("observations", "temperature", "37", 370);
        expect_refused("observations", "temperature", "37.55");
        expect_refused("observations", "temperature", "37,5");
        expect_refused("observations", "temperature", "3.75e1");
        expect_refused("observations", "temperature", ".5");
        expect_refused("observations", "temperature", "52.0"); /* out of its hard range */
}

static void test_whole_numbers_have_their_range_and_no_overflow(void **state)
{
        (void)state;
        expect_integer("organisation", "beds", "42", 42);
        expect_refused("organisation", "beds", "-1");
        expect_refused("organisation", "beds", "99999999999999999999999");
        expect_refused("organisation", "beds", "forty");
        expect_refused("organisation", "beds", "4 2");
}

static void test_codes_are_found_by_code_or_title_in_either_case(void **state)
{
        (void)state;
        expect_integer("person", "gender", "female", 1);
        expect_integer("person", "gender", "MALE", 2);
        expect_integer("person", "gender", "Not known", 4);
        expect_refused("person", "gender", "femal");
}

static void test_sets_are_translated_sorted_and_hold_each_element_once(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer want = BUFFER_INIT;
        struct value value;

        (void)state;
        assert_int_equal(read("organisation", "types", "hospice; Nursing homes;;Hospice?;hospice",
                              &arena, &value),
                         0);
        assert_int_equal(value.form, VALUE_PACKED);
        unit_hex("82 0a 0e", &want); /* [10, 14] */
        assert_bytes(value.bytes, buffer_view(&want));
        expect_refused("organisation", "types", "hospice;palace");
}

static void test_references_are_ids_or_what_the_store_knows(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct value value;

        (void)state;
        assert_int_equal(read("assignment", "key_worker", "Ada", &arena, &value), 0);
        assert_int_equal(value.form, VALUE_UUID);
        assert_true(uuid_equal(&value.uuid, &known));
        assert_int_equal(read("assignment", "key_worker", "01020304-0506-7008-800a-0b0c0d0e0f10",
                              &arena, &value),
                         0);
        assert_true(uuid_equal(&value.uuid, &known));
        expect_refused("assignment", "key_worker", "Grace");
}

static void test_yes_and_no_come_in_many_words(void **state)
{
        (void)state;
        expect_integer("person", "interpreter", "Yes", 1);
        expect_integer("person", "interpreter", "0", 0);
        expect_integer("person", "interpreter", "n", 0);
        expect_refused("person", "interpreter", "maybe");
}

static void test_a_text_has_a_limit(void **state)
{
        char text[300];

        (void)state;
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        expect_refused("person", "postcode", text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dates_are_read_in_both_common_forms),
                cmocka_unit_test(test_tenths_never_pass_through_floating_point),
                cmocka_unit_test(test_whole_numbers_have_their_range_and_no_overflow),
                cmocka_unit_test(test_codes_are_found_by_code_or_title_in_either_case),
                cmocka_unit_test(test_sets_are_translated_sorted_and_hold_each_element_once),
                cmocka_unit_test(test_references_are_ids_or_what_the_store_knows),
                cmocka_unit_test(test_yes_and_no_come_in_many_words),
                cmocka_unit_test(test_a_text_has_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
