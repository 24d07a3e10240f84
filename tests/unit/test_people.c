#include "tests/unit/unit.h"

#include "daemon/people.h"

static struct buffer folded;

static const char *fold(const char *text)
{
        buffer_reset(&folded);
        people_fold(bytes_text(text), &folded);
        buffer_append_byte(&folded, 0);
        assert_int_equal(buffer_check(&folded), 0);
        return (const char *)folded.data;
}

static void names_fold_to_what_a_thumb_types(void **state)
{
        (void)state;
        assert_string_equal(fold("O'Brien"), "obrien");
        assert_string_equal(fold("O’Brien"), "obrien");
        assert_string_equal(fold("ZOË  Ångström-Łukasz"), "zoe angstrom lukasz");
        assert_string_equal(fold("Strauß, Þór & Œuvre"), "strauss thor oeuvre");
        assert_string_equal(fold("  St. John "), "st john");
        assert_string_equal(fold("Μαρία"), "Μαρία"); /* other scripts stay as they are */
        assert_string_equal(fold(""), "");
        assert_string_equal(fold("---"), "");
        assert_string_equal(fold("999 000-0018"), "999 000 0018");
}

static void text_that_is_cut_in_a_letter_is_no_harm(void **state)
{
        static const uint8_t cut[] = {'a', 0xC3};

        (void)state;
        buffer_reset(&folded);
        people_fold(BYTES(cut, sizeof(cut)), &folded);
        assert_int_equal(buffer_check(&folded), 0);
}

static void all_words_must_occur(void **state)
{
        struct bytes search = bytes_text("obrien\nzoe\n9990000018\n12 high street\n");

        (void)state;
        assert_true(people_match(search, bytes_text("zoe obr")));
        assert_true(people_match(search, bytes_text("999 000 0018")));
        assert_true(people_match(search, bytes_text("")));
        assert_false(people_match(search, bytes_text("zoe smith")));
}

static int release(void **state)
{
        (void)state;
        buffer_deinit(&folded);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_fold_to_what_a_thumb_types),
                cmocka_unit_test(text_that_is_cut_in_a_letter_is_no_harm),
                cmocka_unit_test(all_words_must_occur),
        };

        return cmocka_run_group_tests(tests, NULL, release);
}
