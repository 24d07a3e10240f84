#include "common/date.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* Every day of the calendar, counted one after the other as on a wall. */
static void test_every_day_of_9999_years_has_its_number_and_its_text(void **state)
{
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int64_t date = DATE_MIN;

        (void)state;
        for (int year = 1; year <= 9999; year++)
                for (int month = 1; month <= 12; month++) {
                        int leap = month == 2 &&
                                   (year % 400 == 0 || (year % 4 == 0 && year % 100 != 0));

                        for (int day = 1; day <= lengths[month - 1] + leap; day++, date++) {
                                char want[32], have[DATE_TEXT_SIZE];
                                int64_t back;

                                (void)snprintf(want, sizeof(want), "%04d-%02d-%02d", year, month,
                                               day);
                                date_format(date, have);
                                if (strcmp(have, want) != 0 ||
                                    date_parse(bytes_text(want), &back) != 0 || back != date)
                                        fail_msg("%s: %s", want, have);
                        }
                }
        assert_true(date - 1 == DATE_MAX);
}

static void test_known_moments_are_where_they_belong(void **state)
{
        static const struct {
                const char *text;
                int64_t instant;
        } moments[] = {
                {"1970-01-01T00:00:00.000Z", 0},
                {"1969-12-31T23:59:59.999Z", -1},
                {"2038-01-19T03:14:08.000Z", 2147483648000},
                {"2026-11-21T20:15:30.123Z", 1795292130123},
                {"0001-01-01T00:00:00.000Z", INSTANT_MIN},
                {"9999-12-31T23:59:59.999Z", INSTANT_MAX},
                {"2000-02-29T12:00:00.000Z", 951825600000},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(moments); i++) {
                char text[INSTANT_TEXT_SIZE];
                int64_t instant;

                assert_int_equal(instant_parse(bytes_text(moments[i].text), &instant), 0);
                assert_true(instant == moments[i].instant);
                instant_format(instant, text);
                assert_string_equal(text, moments[i].text);
        }
}

static void test_fractions_and_offsets_name_the_same_moment(void **state)
{
        static const struct {
                const char *text;
                int64_t instant;
        } moments[] = {
                {"1970-01-01T00:00:00Z", 0},
                {"1970-01-01T00:00:00.1Z", 100},
                {"1970-01-01T00:00:00.12Z", 120},
                {"1970-01-01T00:00:00.123456789Z", 123},
                {"1970-01-01T00:00:00.999999999Z", 999},
                {"1970-01-01T01:00:00+01:00", 0},
                {"1969-12-31T23:30:00-00:30", 0},
                {"1970-01-01T00:00:00+00:00", 0},
                {"1970-01-02T00:00:00+23:59", 60000},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(moments); i++) {
                int64_t instant = -7;

                assert_int_equal(instant_parse(bytes_text(moments[i].text), &instant), 0);
                assert_true(instant == moments[i].instant);
        }
}

static void test_what_is_no_moment_is_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "1970",
                "1970-01-01",
                "1970-01-01T00:00:00",
                "1970-01-01 00:00:00Z",
                "1970-01-01t00:00:00z",
                "1970-13-01T00:00:00Z",
                "1970-00-01T00:00:00Z",
                "1970-01-00T00:00:00Z",
                "1970-01-32T00:00:00Z",
                "1970-02-29T00:00:00Z",
                "1900-02-29T00:00:00Z",
                "1970-04-31T00:00:00Z",
                "0000-01-01T00:00:00Z",
                "1970-01-01T24:00:00Z",
                "1970-01-01T00:60:00Z",
                "1970-01-01T23:59:60Z",
                "1970-01-01T00:00:00.Z",
                "1970-01-01T00:00:00.1234567890Z",
                "1970-01-01T00:00:00,1Z",
                "1970-01-01T00:00Z",
                "1970-01-01T00:00:00+1:00",
                "1970-01-01T00:00:00+24:00",
                "1970-01-01T00:00:00+01:60",
                "1970-01-01T00:00:00+01",
                "1970-01-01T00:00:00ZZ",
                " 1970-01-01T00:00:00Z",
                "+1970-01-01T00:00:00Z",
                "197-01-01T00:00:00Z",
                "0001-01-01T00:00:00+00:01",
                "9999-12-31T23:59:59-00:01",
        };

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++) {
                int64_t instant = -7;

                if (instant_parse(bytes_text(bad[i]), &instant) != PANNIER_E_INVALID)
                        fail_msg("accepted: %s", bad[i]);
                assert_true(instant == -7);
        }
}

static void test_what_is_no_day_is_refused(void **state)
{
        static const char *const bad[] = {"",           "1970-1-1",   "1970-01-01 ", "1970/01/01",
                                          "2026-02-30", "2026-11-31", "0000-12-31",  "12026-01-01",
                                          "2026-11-2a", "19700101"};

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++) {
                int64_t date;

                assert_int_equal(date_parse(bytes_text(bad[i]), &date), PANNIER_E_INVALID);
        }
}

static void test_an_instant_lies_on_the_day_that_has_begun(void **state)
{
        (void)state;
        assert_int_equal(date_of_instant(0), 0);
        assert_int_equal(date_of_instant(DAY_MS - 1), 0);
        assert_int_equal(date_of_instant(DAY_MS), 1);
        assert_int_equal(date_of_instant(-1), -1);
        assert_int_equal(date_of_instant(-DAY_MS), -1);
        assert_int_equal(date_of_instant(-DAY_MS - 1), -2);
}

static void test_instants_outside_of_the_calendar_show_its_ends(void **state)
{
        char text[INSTANT_TEXT_SIZE], date[DATE_TEXT_SIZE];

        (void)state;
        instant_format(INT64_MAX, text);
        assert_string_equal(text, "9999-12-31T23:59:59.999Z");
        instant_format(INT64_MIN, text);
        assert_string_equal(text, "0001-01-01T00:00:00.000Z");
        date_format(INT64_MAX, date);
        assert_string_equal(date, "9999-12-31");
        date_format(INT64_MIN, date);
        assert_string_equal(date, "0001-01-01");
}

static int years(const char *from, const char *to)
{
        int64_t a, b;

        assert_int_equal(date_parse(bytes_text(from), &a), 0);
        assert_int_equal(date_parse(bytes_text(to), &b), 0);
        return date_years_between(a, b);
}

static void test_ages_change_on_the_birthday(void **state)
{
        (void)state;
        assert_int_equal(years("1940-11-21", "2026-11-20"), 85);
        assert_int_equal(years("1940-11-21", "2026-11-21"), 86);
        assert_int_equal(years("2010-11-22", "2026-11-21"), 15);
        assert_int_equal(years("2010-11-21", "2026-11-21"), 16);
        assert_int_equal(years("2008-02-29", "2024-02-28"), 15);
        assert_int_equal(years("2008-02-29", "2024-02-29"), 16);
        assert_int_equal(years("2008-02-29", "2025-02-28"), 16);
        assert_int_equal(years("2008-02-29", "2025-03-01"), 17);
        assert_int_equal(years("2026-11-21", "2026-11-21"), 0);
        assert_int_equal(years("2026-11-22", "2026-11-21"), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_day_of_9999_years_has_its_number_and_its_text),
                cmocka_unit_test(test_known_moments_are_where_they_belong),
                cmocka_unit_test(test_fractions_and_offsets_name_the_same_moment),
                cmocka_unit_test(test_what_is_no_moment_is_refused),
                cmocka_unit_test(test_what_is_no_day_is_refused),
                cmocka_unit_test(test_an_instant_lies_on_the_day_that_has_begun),
                cmocka_unit_test(test_instants_outside_of_the_calendar_show_its_ends),
                cmocka_unit_test(test_ages_change_on_the_birthday),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
