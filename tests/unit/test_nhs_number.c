#include "unit.h"

#include "common/nhs_number.h"

#include <pannier/error.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *text, char ret[NHS_NUMBER_SIZE])
{
        return nhs_number_parse(bytes_text(text), ret);
}

static void numbers_of_the_specification_are_valid(void **state)
{
        static const char *const numbers[] = {"9990000018", "9990000026", "9990000042",
                                              "9990000093", "4000000632", "9876543210"};
        char number[NHS_NUMBER_SIZE];
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(numbers); i++) {
                assert_int_equal(parse(numbers[i], number), 0);
                assert_string_equal(number, numbers[i]);
        }
}

static void wrong_check_digits_are_refused(void **state)
{
        static const char *const numbers[] = {"1234567890", "0000000001", "9990000019",
                                              "4000000633"};
        char number[NHS_NUMBER_SIZE] = "kept";
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(numbers); i++)
                assert_int_equal(parse(numbers[i], number), PANNIER_E_INVALID);
        assert_string_equal(number, "kept");
}

static void ten_times_the_same_digit_is_refused(void **state)
{
        char text[NHS_NUMBER_SIZE] = {0}, number[NHS_NUMBER_SIZE];
        char digit;

        (void)state;
        for (digit = '0'; digit <= '9'; digit++) {
                memset(text, digit, NHS_NUMBER_SIZE - 1);
                assert_int_equal(nhs_number_check_digit(text), digit); /* it would pass the sum */
                assert_int_equal(parse(text, number), PANNIER_E_INVALID);
        }
}

static void blanks_and_hyphens_stand_at_3_3_4_only(void **state)
{
        static const char *const good[] = {"999 000 0018", "999-000-0018", "999 000-0018",
                                           "999 0000018", "999000 0018"};
        static const char *const bad[] = {"",
                                          "999000001",
                                          "99900000180",
                                          " 9990000018",
                                          "9990000018 ",
                                          "99 90000018",
                                          "999  000 0018",
                                          "999 000 0018 ",
                                          "999--0000018",
                                          "999.000.0018",
                                          "999 000 00a8",
                                          "9990000 018",
                                          "+999000001",
                                          "９９９0000018",
                                          "999\t000 0018"};
        char number[NHS_NUMBER_SIZE];
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(good); i++) {
                assert_int_equal(parse(good[i], number), 0);
                assert_string_equal(number, "9990000018");
        }
        for (i = 0; i < COUNT(bad); i++)
                assert_int_equal(parse(bad[i], number), PANNIER_E_INVALID);
        assert_int_equal(nhs_number_parse(BYTES("9990000018\0", 11), number), PANNIER_E_INVALID);
        assert_int_equal(nhs_number_parse(BYTES_NONE, number), PANNIER_E_INVALID);
}

static void of_a_million_stems_909091_have_a_check_digit(void **state)
{
        unsigned int stem, valid = 0;

        (void)state;
        for (stem = 999000000; stem <= 999999999; stem++) {
                char text[NHS_NUMBER_SIZE];

                (void)snprintf(text, sizeof(text), "%09u", stem);
                valid += nhs_number_check_digit(text) != 0;
        }
        assert_int_equal(valid, 909091);
}

static void every_wrong_digit_and_every_swap_of_neighbours_is_noticed(void **state)
{
        static const char right[] = "9990000026";
        char text[NHS_NUMBER_SIZE], number[NHS_NUMBER_SIZE];
        size_t i;
        char digit;

        (void)state;
        for (i = 0; i < sizeof(right) - 1; i++) {
                memcpy(text, right, sizeof(right));
                for (digit = '0'; digit <= '9'; digit++) {
                        text[i] = digit;
                        assert_int_equal(parse(text, number) == 0, digit == right[i]);
                }
                if (i == 0 || right[i] == right[i - 1])
                        continue;
                memcpy(text, right, sizeof(right));
                text[i] = right[i - 1];
                text[i - 1] = right[i];
                assert_int_equal(parse(text, number), PANNIER_E_INVALID);
        }
}

static void ranges_begin_and_end_where_they_are_published(void **state)
{
        (void)state;
        assert_int_equal(nhs_number_range("0099999999"), NHS_RANGE_UNASSIGNED);
        assert_int_equal(nhs_number_range("0100000000"), NHS_RANGE_SCOTLAND);
        assert_int_equal(nhs_number_range("3112999999"), NHS_RANGE_SCOTLAND);
        assert_int_equal(nhs_number_range("3113000000"), NHS_RANGE_UNASSIGNED);
        assert_int_equal(nhs_number_range("3200000000"), NHS_RANGE_NORTHERN_IRELAND);
        assert_int_equal(nhs_number_range("3999999999"), NHS_RANGE_NORTHERN_IRELAND);
        assert_int_equal(nhs_number_range("4000000000"), NHS_RANGE_ENGLAND);
        assert_int_equal(nhs_number_range("4999999999"), NHS_RANGE_ENGLAND);
        assert_int_equal(nhs_number_range("5000000000"), NHS_RANGE_UNASSIGNED);
        assert_int_equal(nhs_number_range("6000000000"), NHS_RANGE_ENGLAND);
        assert_int_equal(nhs_number_range("7999999999"), NHS_RANGE_ENGLAND);
        assert_int_equal(nhs_number_range("8000000000"), NHS_RANGE_UNASSIGNED);
        assert_int_equal(nhs_number_range("9000000000"), NHS_RANGE_TEST);
        assert_int_equal(nhs_number_range("9999999999"), NHS_RANGE_TEST);
}

static void each_environment_refuses_the_numbers_of_the_other(void **state)
{
        char number[NHS_NUMBER_SIZE];

        (void)state;
        assert_int_equal(nhs_number_check(bytes_text("999 000 0018"), NHS_ENVIRONMENT_TEST, number),
                         0);
        assert_string_equal(number, "9990000018");
        assert_int_equal(nhs_number_check(bytes_text("4000000632"), NHS_ENVIRONMENT_TEST, number),
                         PANNIER_E_REFUSED);
        assert_int_equal(nhs_number_check(bytes_text("4000000632"), NHS_ENVIRONMENT_LIVE, number),
                         0);
        assert_int_equal(nhs_number_check(bytes_text("9990000018"), NHS_ENVIRONMENT_LIVE, number),
                         PANNIER_E_REFUSED);
        assert_int_equal(nhs_number_check(bytes_text("9990000019"), NHS_ENVIRONMENT_LIVE, number),
                         PANNIER_E_INVALID);
}

static void people_read_it_in_groups_of_3_3_4(void **state)
{
        char text[NHS_NUMBER_TEXT_SIZE];

        (void)state;
        nhs_number_format("9990000018", text);
        assert_string_equal(text, "999 000 0018");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_of_the_specification_are_valid),
                cmocka_unit_test(wrong_check_digits_are_refused),
                cmocka_unit_test(ten_times_the_same_digit_is_refused),
                cmocka_unit_test(blanks_and_hyphens_stand_at_3_3_4_only),
                cmocka_unit_test(of_a_million_stems_909091_have_a_check_digit),
                cmocka_unit_test(every_wrong_digit_and_every_swap_of_neighbours_is_noticed),
                cmocka_unit_test(ranges_begin_and_end_where_they_are_published),
                cmocka_unit_test(each_environment_refuses_the_numbers_of_the_other),
                cmocka_unit_test(people_read_it_in_groups_of_3_3_4),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
