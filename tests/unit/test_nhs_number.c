#include "common/error.h"
#include "common/nhs_number.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static int parse(const char *text)
{
        char number[NHS_NUMBER_SIZE];

        return nhs_number_parse(bytes_text(text), number);
}

static void test_published_examples_are_judged_as_published(void **state)
{
        static const char *const good[] = {"9990000018", "9990000026", "9990000042",
                                           "9990000093", "4000000632", "9876543210"};
        static const char *const bad[] = {"1234567890", "0000000001"};

        (void)state;
        for (size_t i = 0; i < COUNT(good); i++)
                assert_int_equal(parse(good[i]), 0);
        for (size_t i = 0; i < COUNT(bad); i++)
                assert_int_equal(parse(bad[i]), PANNIER_E_INVALID);
}

/* The rule of the NHS Data Dictionary, once more and differently: all ten weighted digits sum to a multiple of 11. */
static bool valid_by_sum(uint64_t number)
{
        uint64_t sum = 0;

        for (uint64_t weight = 1; weight <= 10; weight++) {
                sum += weight * (number % 10);
                number /= 10;
        }
        return sum % 11 == 0;
}

static void test_of_the_million_test_stems_909091_have_a_check_digit(void **state)
{
        uint32_t count = 0;

        (void)state;
        for (uint64_t stem = 999000000; stem <= 999999999; stem++) {
                char text[16], check;

                (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)stem);
                check = nhs_number_check_digit(text);
                if (check == '\0')
                        continue;
                count++;
                if (!valid_by_sum(stem * 10 + (uint64_t)(check - '0')))
                        fail_msg("%s%c", text, check);
        }
        assert_int_equal(count, 909091);
}

static void test_exactly_the_last_digit_that_fits_is_accepted(void **state)
{
        (void)state;
        for (uint64_t stem = 400000000; stem < 400002000; stem++)
                for (uint64_t last = 0; last < 10; last++) {
                        uint64_t number = stem * 10 + last;
                        char text[16];

                        (void)snprintf(text, sizeof(text), "%010llu", (unsigned long long)number);
                        assert_int_equal(parse(text) == 0, valid_by_sum(number));
                }
}

static void test_ten_times_the_same_digit_is_refused_though_its_sum_fits(void **state)
{
        char text[11] = "";

        (void)state;
        for (uint64_t digit = 0; digit < 10; digit++) {
                memset(text, '0' + (int)digit, 10);
                assert_true(valid_by_sum(digit * 1111111111));
                assert_int_equal(parse(text), PANNIER_E_INVALID);
        }
}

static void test_separators_stand_only_at_the_two_places_and_singly(void **state)
{
        static const char *const good[] = {"999 000 0018", "999-000-0018", "999 000-0018",
                                           "9990000018",   "999 0000018",  "999000-0018"};
        static const char *const bad[] = {"",
                                          " 9990000018",
                                          "9990000018 ",
                                          "999  000 0018",
                                          "99 90000018",
                                          "9990 000018",
                                          "999 000 001 8",
                                          "999.000.0018",
                                          "999_000_0018",
                                          "999000001",
                                          "99900000180",
                                          "999 000 00180",
                                          "999000001O",
                                          "999\t000\t0018",
                                          "999 000 001",
                                          "٩٩٩٠٠٠٠٠١٨",
                                          "+9990000018",
                                          "-999000001",
                                          "999 - 0000018"};

        (void)state;
        for (size_t i = 0; i < COUNT(good); i++) {
                char number[NHS_NUMBER_SIZE];

                assert_int_equal(nhs_number_parse(bytes_text(good[i]), number), 0);
                assert_string_equal(number, "9990000018");
        }
        for (size_t i = 0; i < COUNT(bad); i++)
                if (parse(bad[i]) != PANNIER_E_INVALID)
                        fail_msg("accepted: '%s'", bad[i]);
        assert_int_equal(nhs_number_parse(BYTES("9990000018\0", 11), (char[11]){""}),
                         PANNIER_E_INVALID);
}

static void test_what_was_refused_leaves_the_result_alone(void **state)
{
        char number[NHS_NUMBER_SIZE] = "untouched";

        (void)state;
        assert_int_equal(nhs_number_parse(bytes_text("1234567890"), number), PANNIER_E_INVALID);
        assert_string_equal(number, "untouched");
}

static void test_ranges_begin_and_end_where_they_should(void **state)
{
        static const struct {
                const char *number;
                enum nhs_range range;
        } edges[] = {
                {"0000000000", NHS_RANGE_UNASSIGNED},
                {"0099999999", NHS_RANGE_UNASSIGNED},
                {"0100000000", NHS_RANGE_SCOTLAND},
                {"3112999999", NHS_RANGE_SCOTLAND},
                {"3113000000", NHS_RANGE_UNASSIGNED},
                {"3199999999", NHS_RANGE_UNASSIGNED},
                {"3200000000", NHS_RANGE_NORTHERN_IRELAND},
                {"3999999999", NHS_RANGE_NORTHERN_IRELAND},
                {"4000000000", NHS_RANGE_ENGLAND},
                {"4999999999", NHS_RANGE_ENGLAND},
                {"5000000000", NHS_RANGE_UNASSIGNED},
                {"5999999999", NHS_RANGE_UNASSIGNED},
                {"6000000000", NHS_RANGE_ENGLAND},
                {"7999999999", NHS_RANGE_ENGLAND},
                {"8000000000", NHS_RANGE_UNASSIGNED},
                {"8999999999", NHS_RANGE_UNASSIGNED},
                {"9000000000", NHS_RANGE_TEST},
                {"9999999999", NHS_RANGE_TEST},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(edges); i++)
                assert_int_equal(nhs_number_range(edges[i].number), edges[i].range);
}

static void test_a_test_system_refuses_living_people_and_a_live_one_refuses_tests(void **state)
{
        static const struct {
                const char *number;
                int test, live;
        } cases[] = {
                {"9990000018", 0, PANNIER_E_REFUSED},
                {"4000000632", PANNIER_E_REFUSED, 0}, /* England */
                {"6000000006", PANNIER_E_REFUSED, 0},
                {"0100000010", PANNIER_E_REFUSED, 0}, /* Scotland */
                {"3200000007", PANNIER_E_REFUSED, 0}, /* Northern Ireland */
                {"1234567890", PANNIER_E_INVALID, PANNIER_E_INVALID},
        };
        char number[NHS_NUMBER_SIZE];

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct bytes text = bytes_text(cases[i].number);

                assert_int_equal(nhs_number_check(text, NHS_ENVIRONMENT_TEST, number),
                                 cases[i].test);
                assert_int_equal(nhs_number_check(text, NHS_ENVIRONMENT_LIVE, number),
                                 cases[i].live);
        }
}

static void test_every_wrong_digit_and_every_swap_of_neighbours_is_noticed(void **state)
{
        static const char right[] = "9990000026";
        char text[NHS_NUMBER_SIZE];
        size_t i;
        char digit;

        (void)state;
        for (i = 0; i < sizeof(right) - 1; i++) {
                memcpy(text, right, sizeof(right));
                for (digit = '0'; digit <= '9'; digit++) {
                        text[i] = digit;
                        assert_int_equal(parse(text) == 0, digit == right[i]);
                }
                if (i == 0 || right[i] == right[i - 1])
                        continue;
                memcpy(text, right, sizeof(right));
                text[i] = right[i - 1];
                text[i - 1] = right[i];
                assert_int_equal(parse(text), PANNIER_E_INVALID);
        }
}

static void test_people_see_it_in_groups(void **state)
{
        char text[NHS_NUMBER_TEXT_SIZE];

        (void)state;
        nhs_number_format("9990000018", text);
        assert_string_equal(text, "999 000 0018");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_published_examples_are_judged_as_published),
                cmocka_unit_test(test_of_the_million_test_stems_909091_have_a_check_digit),
                cmocka_unit_test(test_exactly_the_last_digit_that_fits_is_accepted),
                cmocka_unit_test(test_ten_times_the_same_digit_is_refused_though_its_sum_fits),
                cmocka_unit_test(test_separators_stand_only_at_the_two_places_and_singly),
                cmocka_unit_test(test_what_was_refused_leaves_the_result_alone),
                cmocka_unit_test(test_ranges_begin_and_end_where_they_should),
                cmocka_unit_test(
                        test_a_test_system_refuses_living_people_and_a_live_one_refuses_tests),
                cmocka_unit_test(test_every_wrong_digit_and_every_swap_of_neighbours_is_noticed),
                cmocka_unit_test(test_people_see_it_in_groups),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
