#include "common/error.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

static int fail_here(void)
{
        return FAIL(PANNIER_E_LIMIT, "need %d, have %d", 7, 5);
}

static void test_a_failure_leaves_its_code_its_words_and_its_place(void **state)
{
        (void)state;
        assert_int_equal(fail_here(), PANNIER_E_LIMIT);
        assert_string_equal(error_detail(), "need 7, have 5");
        assert_non_null(strstr(error_place(), "test_error.c:"));
        error_clear();
        assert_string_equal(error_detail(), "");
        assert_string_equal(error_place(), "");
}

static void test_the_newest_failure_wins_and_may_quote_the_one_before(void **state)
{
        (void)state;
        (void)FAIL(PANNIER_E_LINK, "first");
        (void)FAIL(PANNIER_E_LINK, "second after %s", error_detail());
        assert_string_equal(error_detail(), "second after first");
}

static void test_a_long_detail_is_cut_and_stays_terminated(void **state)
{
        char text[2 * ERROR_DETAIL_MAX];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)FAIL(PANNIER_E_LIMIT, "%s", text);
        assert_int_equal(strlen(error_detail()), ERROR_DETAIL_MAX - 1);
}

static void *note_elsewhere(void *unused)
{
        (void)unused;
        (void)FAIL(PANNIER_E_LIMIT, "another thread");
        return NULL;
}

static void test_another_thread_does_not_change_the_detail(void **state)
{
        pthread_t thread;

        (void)state;
        (void)FAIL(PANNIER_E_LIMIT, "mine");
        assert_int_equal(pthread_create(&thread, NULL, note_elsewhere, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_string_equal(error_detail(), "mine");
}

static void test_every_code_has_a_name_of_its_own_and_an_exit_code(void **state)
{
        (void)state;
        for (int code = PANNIER_E_INTERNAL; code < 0; code++) {
                assert_string_not_equal(pannier_error_name(code), "unknown");
                for (int other = code + 1; other <= 0; other++)
                        assert_string_not_equal(pannier_error_name(code),
                                                pannier_error_name(other));
                assert_in_range(pannier_error_exit_code(code), 64, 78);
        }
        assert_int_equal(pannier_error_exit_code(0), 0);
}

static void test_values_that_are_no_codes_are_unknown(void **state)
{
        const int values[] = {PANNIER_E_INTERNAL - 1, 1, 1000, -1000};

        (void)state;
        for (size_t i = 0; i < COUNT(values); i++) {
                assert_string_equal(pannier_error_name(values[i]), "unknown");
                assert_int_equal(pannier_error_exit_code(values[i]), 70);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_failure_leaves_its_code_its_words_and_its_place),
                cmocka_unit_test(test_the_newest_failure_wins_and_may_quote_the_one_before),
                cmocka_unit_test(test_a_long_detail_is_cut_and_stays_terminated),
                cmocka_unit_test(test_another_thread_does_not_change_the_detail),
                cmocka_unit_test(test_every_code_has_a_name_of_its_own_and_an_exit_code),
                cmocka_unit_test(test_values_that_are_no_codes_are_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
