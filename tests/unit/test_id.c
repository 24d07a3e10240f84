#include "common/error.h"
#include "common/id.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct uuid parsed(const char *text)
{
        struct uuid id = UUID_NONE;

        assert_int_equal(uuid_parse(bytes_text(text), &id), 0);
        return id;
}

/* RFC 9562 appendix A.6: the example of a UUIDv7. */
static void test_version_7_is_laid_out_as_in_the_rfc_example(void **state)
{
        /* rand_a 0xcc3, rand_b 0x18c4dc0c0c07398f; bits that the version and variant take are overwritten */
        const uint8_t random[10] = {0xfc, 0xc3, 0xd8, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
        struct uuid id = uuid_v7(0x017f22e279b0, random);
        char text[UUID_TEXT_SIZE];

        (void)state;
        uuid_format(&id, text);
        assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void test_ids_made_later_sort_later_also_past_2038(void **state)
{
        static const int64_t times[] = {
                0, 1, 1700000000000, 2147483648000, 4102444800000, 0xffffffffffff};
        const uint8_t high[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        const uint8_t low[10] = {0};

        (void)state;
        for (size_t i = 1; i < COUNT(times); i++) {
                struct uuid before = uuid_v7(times[i - 1], high);
                struct uuid after = uuid_v7(times[i], low);

                assert_true(uuid_compare(&before, &after) < 0);
        }
}

static void test_version_and_variant_are_set_whatever_was_random(void **state)
{
        uint8_t random[10];

        (void)state;
        for (int n = 0; n < 256; n++) {
                struct uuid id;

                memset(random, n, sizeof(random));
                id = uuid_v7(-5, random); /* a clock before 1970 */
                assert_int_equal(id.bytes[6] >> 4, 7);
                assert_int_equal(id.bytes[8] >> 6, 2);
                assert_int_equal(id.bytes[0], 0);
                id = uuid_derived("conflict", &id, BYTES(random, sizeof(random)));
                assert_int_equal(id.bytes[6] >> 4, 8);
                assert_int_equal(id.bytes[8] >> 6, 2);
        }
}

/* Computed with: printf 'pannier:conflict\0' ; the 16 bytes of the id ; 'x' | sha256sum. It must never change. */
static void test_a_derived_id_is_the_same_for_ever(void **state)
{
        struct uuid id = parsed("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        struct uuid derived = uuid_derived("conflict", &id, bytes_text("x"));
        char text[UUID_TEXT_SIZE];

        (void)state;
        uuid_format(&derived, text);
        assert_string_equal(text, "a22bfe5f-e49a-8d1b-a14a-9bc47c271a84");
}

static void test_name_id_and_extra_all_count_for_a_derived_id(void **state)
{
        struct uuid id = parsed("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        struct uuid other = parsed("017f22e2-79b0-7cc3-98c4-dc0c0c073990");
        struct uuid ids[] = {
                uuid_derived("conflict", &id, BYTES_NONE),
                uuid_derived("conflict", &other, BYTES_NONE),
                uuid_derived("task", &id, BYTES_NONE),
                uuid_derived("conflict", &id, bytes_text("x")),
        };

        (void)state;
        for (size_t a = 0; a < COUNT(ids); a++)
                for (size_t b = 0; b < a; b++)
                        assert_false(uuid_equal(&ids[a], &ids[b]));
}

static void test_text_goes_there_and_back_in_either_case(void **state)
{
        struct uuid id = parsed("017F22E2-79b0-7cC3-98c4-DC0C0C07398F");
        char text[UUID_TEXT_SIZE];

        (void)state;
        uuid_format(&id, text);
        assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void test_text_that_is_no_id_is_refused_and_nothing_is_written(void **state)
{
        static const char *const bad[] = {
                "",
                "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
                "017f22e2-79b007cc3-98c4-dc0c0c07398f",
                "017f22e2-79b0-7cc3098c4-dc0c0c07398f",
                "017f22e2-79b0-7cc3-98c40dc0c0c07398f",
                "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
                "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                "00000000-0000-0000-0000-000000000000",
        };

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++) {
                struct uuid id = {{42}};

                assert_int_equal(uuid_parse(bytes_text(bad[i]), &id), PANNIER_E_INVALID);
                assert_int_equal(id.bytes[0], 42);
        }
        assert_true(uuid_is_none(&UUID_NONE));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_version_7_is_laid_out_as_in_the_rfc_example),
                cmocka_unit_test(test_ids_made_later_sort_later_also_past_2038),
                cmocka_unit_test(test_version_and_variant_are_set_whatever_was_random),
                cmocka_unit_test(test_a_derived_id_is_the_same_for_ever),
                cmocka_unit_test(test_name_id_and_extra_all_count_for_a_derived_id),
                cmocka_unit_test(test_text_goes_there_and_back_in_either_case),
                cmocka_unit_test(test_text_that_is_no_id_is_refused_and_nothing_is_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
