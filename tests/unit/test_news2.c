/* Expected values are taken from the chart of the Royal College of Physicians (2017) as typed in below, never from the code. */
#include "common/news2.h"
#include "tests/unit/unit.h"

#include <limits.h>
#include <string.h>

/* A healthy adult on air: every part 0. */
static struct news2_input healthy(void)
{
        return (struct news2_input){
                .age_years = 80,
                .pregnancy = NEWS2_NOT_PREGNANT,
                .respiration = 16,
                .spo2 = 98,
                .oxygen = NEWS2_AIR,
                .systolic = 120,
                .pulse = 70,
                .consciousness = NEWS2_ALERT,
                .temperature = 370,
        };
}

/* The chart, one row per line: values from … to score this. Every value of the range is in exactly one row. */
struct row {
        int32_t from, to;
        int8_t score;
};

static int8_t on_chart(const struct row *rows, size_t count, int32_t value)
{
        for (size_t i = 0; i < count; i++)
                if (value >= rows[i].from && value <= rows[i].to)
                        return rows[i].score;
        return NEWS2_PART_MISSING;
}

static void try_all(const struct row *rows, size_t count, size_t offset, enum news2_part part,
                    struct news2_input input)
{
        for (int32_t value = -5; value <= 1000; value++) {
                int8_t want = on_chart(rows, count, value);
                struct news2_result result;

                memcpy((char *)&input + offset, &value, sizeof(value));
                result = news2_score(&input);
                if (result.parts[part] != want)
                        fail_msg("part %d, value %d: %d, on the chart %d", (int)part, value,
                                 result.parts[part], want);
                assert_int_equal(result.status,
                                 want == NEWS2_PART_MISSING ? NEWS2_INCOMPLETE : NEWS2_COMPLETE);
        }
}

#define TRY_ALL(rows, member, part, input)                                                         \
        try_all((rows), COUNT(rows), offsetof(struct news2_input, member), (part), (input))

static void test_respiration_scores_as_on_the_chart(void **state)
{
        static const struct row rows[] = {
                {0, 8, 3}, {9, 11, 1}, {12, 20, 0}, {21, 24, 2}, {25, 200, 3}};

        (void)state;
        TRY_ALL(rows, respiration, NEWS2_PART_RESPIRATION, healthy());
}

static void test_spo2_scores_as_on_the_chart_scale_1_on_air_and_on_oxygen(void **state)
{
        static const struct row rows[] = {{0, 91, 3}, {92, 93, 2}, {94, 95, 1}, {96, 100, 0}};
        struct news2_input input = healthy();

        (void)state;
        TRY_ALL(rows, spo2, NEWS2_PART_SPO2, input);
        input.oxygen = NEWS2_OXYGEN;
        TRY_ALL(rows, spo2, NEWS2_PART_SPO2, input);
}

static void test_spo2_scores_as_on_the_chart_scale_2_on_air(void **state)
{
        static const struct row rows[] = {
                {0, 83, 3}, {84, 85, 2}, {86, 87, 1}, {88, 92, 0}, {93, 100, 0}};
        struct news2_input input = healthy();

        (void)state;
        input.scale_2_signed = true;
        TRY_ALL(rows, spo2, NEWS2_PART_SPO2, input);
}

static void test_spo2_scores_as_on_the_chart_scale_2_on_oxygen(void **state)
{
        static const struct row rows[] = {{0, 83, 3},  {84, 85, 2}, {86, 87, 1}, {88, 92, 0},
                                          {93, 94, 1}, {95, 96, 2}, {97, 100, 3}};
        struct news2_input input = healthy();

        (void)state;
        input.scale_2_signed = true;
        input.oxygen = NEWS2_OXYGEN;
        TRY_ALL(rows, spo2, NEWS2_PART_SPO2, input);
}

static void test_systolic_pressure_scores_as_on_the_chart(void **state)
{
        static const struct row rows[] = {
                {0, 90, 3}, {91, 100, 2}, {101, 110, 1}, {111, 219, 0}, {220, 400, 3}};

        (void)state;
        TRY_ALL(rows, systolic, NEWS2_PART_SYSTOLIC, healthy());
}

static void test_pulse_scores_as_on_the_chart(void **state)
{
        static const struct row rows[] = {{0, 40, 3},   {41, 50, 1},   {51, 90, 0},
                                          {91, 110, 1}, {111, 130, 2}, {131, 400, 3}};

        (void)state;
        TRY_ALL(rows, pulse, NEWS2_PART_PULSE, healthy());
}

static void test_temperature_scores_as_on_the_chart_in_tenths(void **state)
{
        static const struct row rows[] = {
                {0, 350, 3}, {351, 360, 1}, {361, 380, 0}, {381, 390, 1}, {391, 500, 2}};
        struct news2_input input = healthy();

        (void)state;
        TRY_ALL(rows, temperature, NEWS2_PART_TEMPERATURE, input);
        input.temperature = 375; /* a public example scores 1 here; the chart says 0 */
        assert_int_equal(news2_score(&input).total, 0);
}

static void test_oxygen_and_consciousness_score_as_on_the_chart(void **state)
{
        static const int8_t consciousness[] = {
                [NEWS2_CONSCIOUSNESS_MISSING] = NEWS2_PART_MISSING,
                [NEWS2_ALERT] = 0,
                [NEWS2_CONFUSION] = 3,
                [NEWS2_VOICE] = 3,
                [NEWS2_PAIN] = 3,
                [NEWS2_UNRESPONSIVE] = 3,
        };
        static const int8_t oxygen[] = {
                [NEWS2_OXYGEN_MISSING] = NEWS2_PART_MISSING, [NEWS2_AIR] = 0, [NEWS2_OXYGEN] = 2};

        (void)state;
        for (size_t i = 0; i < COUNT(consciousness); i++) {
                struct news2_input input = healthy();

                input.consciousness = (enum news2_consciousness)i;
                assert_int_equal(news2_score(&input).parts[NEWS2_PART_CONSCIOUSNESS],
                                 consciousness[i]);
        }
        for (size_t i = 0; i < COUNT(oxygen); i++) {
                struct news2_input input = healthy();

                input.oxygen = (enum news2_oxygen)i;
                assert_int_equal(news2_score(&input).parts[NEWS2_PART_OXYGEN], oxygen[i]);
        }
}

/* A value for each score that a part can have, so that every total can be put together. */
static const struct {
        int32_t respiration, spo2, systolic, pulse, temperature;
} by_score[4] = {
        {16, 96, 120, 70, 370},
        {9, 94, 101, 41, 351},
        {21, 92, 91, 111, 391},
        {25, 90, 90, 131, 350},
};
static const bool possible[NEWS2_PART_COUNT][4] = {
        [NEWS2_PART_RESPIRATION] = {true, true, true, true},
        [NEWS2_PART_SPO2] = {true, true, true, true},
        [NEWS2_PART_OXYGEN] = {true, false, true, false},
        [NEWS2_PART_SYSTOLIC] = {true, true, true, true},
        [NEWS2_PART_PULSE] = {true, true, true, true},
        [NEWS2_PART_CONSCIOUSNESS] = {true, false, false, true},
        [NEWS2_PART_TEMPERATURE] = {true, true, true, true},
};

static struct news2_input with_scores(const int *scores)
{
        struct news2_input input = healthy();

        input.respiration = by_score[scores[NEWS2_PART_RESPIRATION]].respiration;
        input.spo2 = by_score[scores[NEWS2_PART_SPO2]].spo2;
        input.oxygen = scores[NEWS2_PART_OXYGEN] ? NEWS2_OXYGEN : NEWS2_AIR;
        input.systolic = by_score[scores[NEWS2_PART_SYSTOLIC]].systolic;
        input.pulse = by_score[scores[NEWS2_PART_PULSE]].pulse;
        input.consciousness = scores[NEWS2_PART_CONSCIOUSNESS] ? NEWS2_CONFUSION : NEWS2_ALERT;
        input.temperature = by_score[scores[NEWS2_PART_TEMPERATURE]].temperature;
        return input;
}

/* Chart 4, in the order in which it is read there. */
static enum news2_response on_chart_4(int total, bool three)
{
        if (total == 0)
                return NEWS2_RESPONSE_ROUTINE;
        if (total >= 7)
                return NEWS2_RESPONSE_HIGH;
        if (total == 5 || total == 6)
                return NEWS2_RESPONSE_MEDIUM;
        return three ? NEWS2_RESPONSE_LOW_MEDIUM : NEWS2_RESPONSE_LOW;
}

static void test_every_combination_of_parts_adds_up_and_gets_its_response(void **state)
{
        int combinations = 0, greatest = 0;

        (void)state;
        for (int n = 0; n < 1 << 14; n++) {
                int scores[NEWS2_PART_COUNT], total = 0;
                bool there = true, three = false;
                struct news2_result result;
                struct news2_input input;

                for (int part = 0; part < NEWS2_PART_COUNT; part++) {
                        scores[part] = n >> (2 * part) & 3;
                        there = there && possible[part][scores[part]];
                        three = three || scores[part] == 3;
                        total += scores[part];
                }
                if (!there)
                        continue;
                combinations++;
                greatest = total > greatest ? total : greatest;
                input = with_scores(scores);
                result = news2_score(&input);
                assert_int_equal(result.status, NEWS2_COMPLETE);
                assert_int_equal(result.total, total);
                assert_int_equal(result.at_least, total);
                assert_int_equal(result.single_three, three);
                assert_int_equal(result.response, on_chart_4(total, three));
        }
        assert_int_equal(combinations, 4 * 4 * 2 * 4 * 4 * 2 * 4);
        assert_int_equal(greatest, NEWS2_TOTAL_MAX);
}

static void forget(struct news2_input *input, enum news2_part part)
{
        switch (part) {
        case NEWS2_PART_RESPIRATION:
                input->respiration = NEWS2_MISSING;
                break;
        case NEWS2_PART_SPO2:
                input->spo2 = NEWS2_MISSING;
                break;
        case NEWS2_PART_OXYGEN:
                input->oxygen = NEWS2_OXYGEN_MISSING;
                break;
        case NEWS2_PART_SYSTOLIC:
                input->systolic = NEWS2_MISSING;
                break;
        case NEWS2_PART_PULSE:
                input->pulse = NEWS2_MISSING;
                break;
        case NEWS2_PART_CONSCIOUSNESS:
                input->consciousness = NEWS2_CONSCIOUSNESS_MISSING;
                break;
        case NEWS2_PART_TEMPERATURE:
                input->temperature = NEWS2_MISSING;
                break;
        case NEWS2_PART_COUNT:
                fail();
        }
}

static void test_whatever_is_missing_there_is_no_total_but_the_other_parts(void **state)
{
        const int scores[NEWS2_PART_COUNT] = {1, 1, 2, 1, 1, 3, 1};

        (void)state;
        for (int missing = 1; missing < 1 << NEWS2_PART_COUNT; missing++) {
                struct news2_input input = with_scores(scores);
                struct news2_result result;
                int sum = 0;

                for (int part = 0; part < NEWS2_PART_COUNT; part++)
                        if (missing >> part & 1)
                                forget(&input, (enum news2_part)part);
                        else
                                sum += scores[part];
                result = news2_score(&input);
                assert_int_equal(result.status, NEWS2_INCOMPLETE);
                assert_int_equal(result.total, 0);
                assert_int_equal(result.response, NEWS2_RESPONSE_NONE);
                assert_int_equal(result.at_least, sum);
                assert_int_equal(result.single_three, !(missing >> NEWS2_PART_CONSCIOUSNESS & 1));
                for (int part = 0; part < NEWS2_PART_COUNT; part++)
                        assert_int_equal(result.parts[part],
                                         missing >> part & 1 ? NEWS2_PART_MISSING : scores[part]);
        }
}

static void test_on_scale_2_from_93_percent_on_oxygen_must_be_known(void **state)
{
        (void)state;
        for (int32_t spo2 = 0; spo2 <= 100; spo2++) {
                struct news2_input input = healthy();

                input.scale_2_signed = true;
                input.oxygen = NEWS2_OXYGEN_MISSING;
                input.spo2 = spo2;
                assert_int_equal(news2_score(&input).parts[NEWS2_PART_SPO2] == NEWS2_PART_MISSING,
                                 spo2 >= 93);
        }
}

static void test_scale_2_needs_a_signed_decision_and_its_lack_is_noted(void **state)
{
        struct news2_input input = healthy();
        struct news2_result result;

        (void)state;
        input.spo2 = 90;
        result = news2_score(&input);
        assert_int_equal(result.spo2_scale, 1);
        assert_true(result.scale_1_note);
        assert_int_equal(result.parts[NEWS2_PART_SPO2], 3);
        input.scale_2_signed = true;
        result = news2_score(&input);
        assert_int_equal(result.spo2_scale, 2);
        assert_false(result.scale_1_note);
        assert_int_equal(result.parts[NEWS2_PART_SPO2], 0);
}

static void assert_refused(const struct news2_input *input, enum news2_status status)
{
        struct news2_result result = news2_score(input);

        assert_int_equal(result.status, status);
        assert_int_equal(result.total, 0);
        assert_int_equal(result.response, NEWS2_RESPONSE_NONE);
        for (int part = 0; part < NEWS2_PART_COUNT; part++)
                assert_int_equal(result.parts[part], NEWS2_PART_MISSING);
}

static void test_nobody_under_16_is_scored_and_from_16_on_everybody_is(void **state)
{
        (void)state;
        for (int32_t age = 0; age <= 130; age++) {
                struct news2_input input = healthy();

                input.age_years = age;
                if (age < 16)
                        assert_refused(&input, NEWS2_UNDER_16);
                else
                        assert_int_equal(news2_score(&input).status, NEWS2_COMPLETE);
        }
}

static void test_pregnancy_is_refused_and_what_is_unknown_is_asked(void **state)
{
        struct news2_input input = healthy();

        (void)state;
        input.pregnancy = NEWS2_PREGNANT;
        assert_refused(&input, NEWS2_IN_PREGNANCY);
        input.pregnancy = NEWS2_PREGNANCY_UNKNOWN;
        assert_refused(&input, NEWS2_ASK_PREGNANCY);
        input.age_years = NEWS2_MISSING;
        assert_refused(&input, NEWS2_ASK_AGE);
        input.age_years = -1;
        assert_refused(&input, NEWS2_ASK_AGE);
}

static void test_an_input_that_nobody_filled_is_never_scored(void **state)
{
        struct news2_input input = {.age_years = 0};

        (void)state;
        assert_refused(&input, NEWS2_UNDER_16);
        input.age_years = 40;
        assert_refused(&input, NEWS2_ASK_PREGNANCY);
}

static void test_extreme_numbers_are_no_measurements(void **state)
{
        static const int32_t extremes[] = {INT32_MAX, INT32_MIN, INT32_MIN + 1, -1};

        (void)state;
        for (size_t i = 0; i < COUNT(extremes); i++) {
                struct news2_input input = healthy();

                input.respiration = input.spo2 = input.systolic = input.pulse = input.temperature =
                        extremes[i];
                assert_int_equal(news2_score(&input).status, NEWS2_INCOMPLETE);
                assert_int_equal(news2_score(&input).at_least, 0);
        }
}

static void test_names_are_each_their_own(void **state)
{
        (void)state;
        for (int a = 0; a <= NEWS2_ASK_PREGNANCY; a++)
                for (int b = 0; b < a; b++)
                        assert_string_not_equal(news2_status_name((enum news2_status)a),
                                                news2_status_name((enum news2_status)b));
        assert_string_equal(news2_response_name(NEWS2_RESPONSE_LOW_MEDIUM), "low-medium");
        assert_string_equal(news2_response_name(NEWS2_RESPONSE_HIGH), "high");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_respiration_scores_as_on_the_chart),
                cmocka_unit_test(test_spo2_scores_as_on_the_chart_scale_1_on_air_and_on_oxygen),
                cmocka_unit_test(test_spo2_scores_as_on_the_chart_scale_2_on_air),
                cmocka_unit_test(test_spo2_scores_as_on_the_chart_scale_2_on_oxygen),
                cmocka_unit_test(test_systolic_pressure_scores_as_on_the_chart),
                cmocka_unit_test(test_pulse_scores_as_on_the_chart),
                cmocka_unit_test(test_temperature_scores_as_on_the_chart_in_tenths),
                cmocka_unit_test(test_oxygen_and_consciousness_score_as_on_the_chart),
                cmocka_unit_test(test_every_combination_of_parts_adds_up_and_gets_its_response),
                cmocka_unit_test(test_whatever_is_missing_there_is_no_total_but_the_other_parts),
                cmocka_unit_test(test_on_scale_2_from_93_percent_on_oxygen_must_be_known),
                cmocka_unit_test(test_scale_2_needs_a_signed_decision_and_its_lack_is_noted),
                cmocka_unit_test(test_nobody_under_16_is_scored_and_from_16_on_everybody_is),
                cmocka_unit_test(test_pregnancy_is_refused_and_what_is_unknown_is_asked),
                cmocka_unit_test(test_an_input_that_nobody_filled_is_never_scored),
                cmocka_unit_test(test_extreme_numbers_are_no_measurements),
                cmocka_unit_test(test_names_are_each_their_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
