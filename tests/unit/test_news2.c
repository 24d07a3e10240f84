/* NEWS2 over its whole input range, against the RCP's chart 1 written down a second time, value by value. */
#include "unit.h"

#include "common/news2.h"

#include <string.h>

/* Somebody well: every part scores 0. */
static struct news2_input well(void)
{
        return (struct news2_input){
                .age_years = 80,
                .pregnancy = NEWS2_NOT_PREGNANT,
                .respiration = 16,
                .spo2 = 97,
                .oxygen = NEWS2_AIR,
                .systolic = 130,
                .pulse = 70,
                .consciousness = NEWS2_ALERT,
                .temperature = 370,
        };
}

/* Chart 1, column by column: a value of one column only. */
static int respiration_chart(int value)
{
        if (value <= 8 || value >= 25)
                return 3;
        if (value >= 21)
                return 2;
        return value <= 11 ? 1 : 0;
}

static int spo2_chart_1(int value)
{
        return value >= 96 ? 0 : value >= 94 ? 1 : value >= 92 ? 2 : 3;
}

static int spo2_chart_2(int value, bool oxygen)
{
        if (value >= 93 && oxygen)
                return value >= 97 ? 3 : value >= 95 ? 2 : 1;
        return value >= 88 ? 0 : value >= 86 ? 1 : value >= 84 ? 2 : 3;
}

static int systolic_chart(int value)
{
        if (value <= 90 || value >= 220)
                return 3;
        return value <= 100 ? 2 : value <= 110 ? 1 : 0;
}

static int pulse_chart(int value)
{
        if (value <= 40 || value >= 131)
                return 3;
        if (value >= 111)
                return 2;
        return value <= 50 || value >= 91 ? 1 : 0;
}

static int temperature_chart(int tenths)
{
        if (tenths <= 350)
                return 3;
        if (tenths >= 391)
                return 2;
        return tenths <= 360 || tenths >= 381 ? 1 : 0;
}

static void somebody_well_scores_0(void **state)
{
        struct news2_input input = well();
        struct news2_result result = news2_score(&input);

        (void)state;
        assert_int_equal(result.status, NEWS2_COMPLETE);
        assert_int_equal(result.total, 0);
        assert_int_equal(result.response, NEWS2_RESPONSE_ROUTINE);
        assert_false(result.single_three);
}

static void check_part(struct news2_input *input, enum news2_part part, int want)
{
        struct news2_result result = news2_score(input);

        assert_int_equal(result.status, NEWS2_COMPLETE);
        assert_int_equal(result.parts[part], want);
        assert_int_equal(result.total, want + (input->oxygen == NEWS2_OXYGEN ? 2 : 0));
        assert_int_equal(result.single_three, want == 3);
}

static void every_respiration_rate_scores_as_charted(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.respiration = 0; input.respiration <= 80; input.respiration++)
                check_part(&input, NEWS2_PART_RESPIRATION, respiration_chart(input.respiration));
}

static void every_saturation_scores_as_charted_on_either_scale(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.spo2 = 40; input.spo2 <= 100; input.spo2++) {
                input.scale_2_signed = false;
                input.oxygen = NEWS2_AIR;
                check_part(&input, NEWS2_PART_SPO2, spo2_chart_1(input.spo2));
                input.oxygen = NEWS2_OXYGEN;
                check_part(&input, NEWS2_PART_SPO2, spo2_chart_1(input.spo2));
                input.scale_2_signed = true;
                check_part(&input, NEWS2_PART_SPO2, spo2_chart_2(input.spo2, true));
                input.oxygen = NEWS2_AIR;
                check_part(&input, NEWS2_PART_SPO2, spo2_chart_2(input.spo2, false));
        }
}

static void every_systolic_pressure_scores_as_charted(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.systolic = 30; input.systolic <= 300; input.systolic++)
                check_part(&input, NEWS2_PART_SYSTOLIC, systolic_chart(input.systolic));
}

static void every_pulse_scores_as_charted(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.pulse = 0; input.pulse <= 300; input.pulse++)
                check_part(&input, NEWS2_PART_PULSE, pulse_chart(input.pulse));
}

static void every_tenth_of_a_degree_scores_as_charted(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.temperature = 250; input.temperature <= 450; input.temperature++)
                check_part(&input, NEWS2_PART_TEMPERATURE, temperature_chart(input.temperature));
}

static void everything_but_alert_scores_3(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.consciousness = NEWS2_CONFUSION; input.consciousness <= NEWS2_UNRESPONSIVE;
             input.consciousness++)
                check_part(&input, NEWS2_PART_CONSCIOUSNESS, 3);
}

static void the_total_is_the_sum_of_the_parts(void **state)
{
        static const int32_t respirations[] = {8, 9, 12, 21, 25};
        static const int32_t saturations[] = {83, 85, 87, 92, 94, 96, 100};
        static const int32_t pressures[] = {90, 100, 110, 219, 220};
        static const int32_t pulses[] = {40, 50, 90, 110, 130, 131};
        static const int32_t temperatures[] = {350, 360, 380, 390, 391};
        struct news2_input input = well();
        unsigned int n, count = 5 * 7 * 5 * 6 * 5 * 2 * 2 * 2;

        (void)state;
        for (n = 0; n < count; n++) {
                unsigned int i = n;
                struct news2_result result;
                int want;

                input.respiration = respirations[i % 5];
                input.spo2 = saturations[(i /= 5) % 7];
                input.systolic = pressures[(i /= 7) % 5];
                input.pulse = pulses[(i /= 5) % 6];
                input.temperature = temperatures[(i /= 6) % 5];
                input.oxygen = (i /= 5) % 2 ? NEWS2_OXYGEN : NEWS2_AIR;
                input.consciousness = (i /= 2) % 2 ? NEWS2_VOICE : NEWS2_ALERT;
                input.scale_2_signed = (i / 2) % 2 != 0;
                want = respiration_chart(input.respiration) + systolic_chart(input.systolic) +
                       pulse_chart(input.pulse) + temperature_chart(input.temperature) +
                       (input.scale_2_signed
                                ? spo2_chart_2(input.spo2, input.oxygen == NEWS2_OXYGEN)
                                : spo2_chart_1(input.spo2)) +
                       (input.oxygen == NEWS2_OXYGEN ? 2 : 0) +
                       (input.consciousness == NEWS2_VOICE ? 3 : 0);
                result = news2_score(&input);
                assert_int_equal(result.status, NEWS2_COMPLETE);
                assert_int_equal(result.total, want);
                assert_int_equal(result.at_least, want);
        }
}

static void nothing_missing_is_scored_as_normal(void **state)
{
        unsigned int missing;

        (void)state;
        for (missing = 1; missing < 1u << NEWS2_PART_COUNT; missing++) {
                struct news2_input input = well();
                struct news2_result result;
                unsigned int part;

                if (missing & 1u << NEWS2_PART_RESPIRATION)
                        input.respiration = NEWS2_MISSING;
                if (missing & 1u << NEWS2_PART_SPO2)
                        input.spo2 = NEWS2_MISSING;
                if (missing & 1u << NEWS2_PART_OXYGEN)
                        input.oxygen = NEWS2_OXYGEN_MISSING;
                if (missing & 1u << NEWS2_PART_SYSTOLIC)
                        input.systolic = NEWS2_MISSING;
                if (missing & 1u << NEWS2_PART_PULSE)
                        input.pulse = NEWS2_MISSING;
                if (missing & 1u << NEWS2_PART_CONSCIOUSNESS)
                        input.consciousness = NEWS2_CONSCIOUSNESS_MISSING;
                if (missing & 1u << NEWS2_PART_TEMPERATURE)
                        input.temperature = NEWS2_MISSING;
                result = news2_score(&input);
                assert_int_equal(result.status, NEWS2_INCOMPLETE);
                assert_int_equal(result.response, NEWS2_RESPONSE_NONE);
                for (part = 0; part < NEWS2_PART_COUNT; part++)
                        assert_int_equal(result.parts[part],
                                         missing & 1u << part ? NEWS2_PART_MISSING : 0);
        }
}

static void a_three_shows_although_something_is_missing(void **state)
{
        struct news2_input input = well();
        struct news2_result result;

        (void)state;
        input.temperature = NEWS2_MISSING;
        input.pulse = 140;
        result = news2_score(&input);
        assert_int_equal(result.status, NEWS2_INCOMPLETE);
        assert_true(result.single_three);
        assert_int_equal(result.at_least, 3);
}

static void on_scale_2_a_high_saturation_needs_to_know_about_oxygen(void **state)
{
        struct news2_input input = well();

        (void)state;
        input.scale_2_signed = true;
        input.oxygen = NEWS2_OXYGEN_MISSING;
        input.spo2 = 92;
        assert_int_equal(news2_score(&input).parts[NEWS2_PART_SPO2], 0);
        input.spo2 = 93;
        assert_int_equal(news2_score(&input).parts[NEWS2_PART_SPO2], NEWS2_PART_MISSING);
}

static void what_cannot_be_measured_counts_as_missing(void **state)
{
        struct news2_input input = well();

        (void)state;
        input.spo2 = 101;
        assert_int_equal(news2_score(&input).status, NEWS2_INCOMPLETE);
        input = well();
        input.respiration = -1;
        assert_int_equal(news2_score(&input).status, NEWS2_INCOMPLETE);
        input = well();
        input.temperature = 3700; /* hundredths */
        assert_int_equal(news2_score(&input).status, NEWS2_INCOMPLETE);
        input = well();
        input.pulse = INT32_MAX;
        assert_int_equal(news2_score(&input).status, NEWS2_INCOMPLETE);
}

static void exactly_one_saturation_scale_is_used_and_named(void **state)
{
        struct news2_input input = well();

        (void)state;
        assert_int_equal(news2_score(&input).spo2_scale, 1);
        assert_true(news2_score(&input).scale_1_note);
        input.scale_2_signed = true;
        assert_int_equal(news2_score(&input).spo2_scale, 2);
        assert_false(news2_score(&input).scale_1_note);
}

static void assert_refused(const struct news2_input *input, enum news2_status status)
{
        struct news2_result result = news2_score(input);
        size_t i;

        assert_int_equal(result.status, status);
        assert_int_equal(result.total, 0);
        assert_int_equal(result.response, NEWS2_RESPONSE_NONE);
        for (i = 0; i < NEWS2_PART_COUNT; i++)
                assert_int_equal(result.parts[i], NEWS2_PART_MISSING);
}

static void children_and_pregnancy_are_refused_and_the_unknown_is_asked(void **state)
{
        struct news2_input input = well();

        (void)state;
        for (input.age_years = 0; input.age_years < 16; input.age_years++)
                assert_refused(&input, NEWS2_UNDER_16);
        assert_int_equal(news2_score(&input).status, NEWS2_COMPLETE);
        input.age_years = NEWS2_MISSING;
        assert_refused(&input, NEWS2_ASK_AGE);
        input.age_years = -1;
        assert_refused(&input, NEWS2_ASK_AGE);
        input = well();
        input.pregnancy = NEWS2_PREGNANT;
        assert_refused(&input, NEWS2_IN_PREGNANCY);
        input.pregnancy = NEWS2_PREGNANCY_UNKNOWN;
        assert_refused(&input, NEWS2_ASK_PREGNANCY);
}

static void the_response_follows_total_and_single_three(void **state)
{
        struct news2_input input = well();

        (void)state;
        input.pulse = 91; /* 1 */
        assert_int_equal(news2_score(&input).response, NEWS2_RESPONSE_LOW);
        input.pulse = 131; /* 3 in one part */
        assert_int_equal(news2_score(&input).response, NEWS2_RESPONSE_LOW_MEDIUM);
        input.temperature = 395; /* 5 */
        assert_int_equal(news2_score(&input).response, NEWS2_RESPONSE_MEDIUM);
        input.respiration = 10; /* 6 */
        assert_int_equal(news2_score(&input).response, NEWS2_RESPONSE_MEDIUM);
        input.respiration = 22; /* 7 */
        assert_int_equal(news2_score(&input).response, NEWS2_RESPONSE_HIGH);
}

static void the_highest_total_is_20(void **state)
{
        struct news2_input input = well();

        (void)state;
        input.respiration = 30;
        input.spo2 = 80;
        input.oxygen = NEWS2_OXYGEN;
        input.systolic = 70;
        input.pulse = 150;
        input.consciousness = NEWS2_UNRESPONSIVE;
        input.temperature = 340;
        assert_int_equal(news2_score(&input).total, NEWS2_TOTAL_MAX);
}

static void names_are_there_for_all(void **state)
{
        int i;

        (void)state;
        for (i = NEWS2_COMPLETE; i <= NEWS2_ASK_PREGNANCY; i++)
                assert_string_not_equal(news2_status_name((enum news2_status)i), "unknown");
        for (i = NEWS2_RESPONSE_NONE; i <= NEWS2_RESPONSE_HIGH; i++)
                assert_string_not_equal(news2_response_name((enum news2_response)i), "unknown");
        assert_string_equal(news2_status_name((enum news2_status)99), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(somebody_well_scores_0),
                cmocka_unit_test(every_respiration_rate_scores_as_charted),
                cmocka_unit_test(every_saturation_scores_as_charted_on_either_scale),
                cmocka_unit_test(every_systolic_pressure_scores_as_charted),
                cmocka_unit_test(every_pulse_scores_as_charted),
                cmocka_unit_test(every_tenth_of_a_degree_scores_as_charted),
                cmocka_unit_test(everything_but_alert_scores_3),
                cmocka_unit_test(the_total_is_the_sum_of_the_parts),
                cmocka_unit_test(nothing_missing_is_scored_as_normal),
                cmocka_unit_test(a_three_shows_although_something_is_missing),
                cmocka_unit_test(on_scale_2_a_high_saturation_needs_to_know_about_oxygen),
                cmocka_unit_test(what_cannot_be_measured_counts_as_missing),
                cmocka_unit_test(exactly_one_saturation_scale_is_used_and_named),
                cmocka_unit_test(children_and_pregnancy_are_refused_and_the_unknown_is_asked),
                cmocka_unit_test(the_response_follows_total_and_single_three),
                cmocka_unit_test(the_highest_total_is_20),
                cmocka_unit_test(names_are_there_for_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
