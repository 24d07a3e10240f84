#include "common/news2.h"

#include <stddef.h>

enum {
        AGE_MIN = 16,
        SINGLE_THREE = 3,
        TOTAL_MEDIUM = 5,
        TOTAL_HIGH = 7,
};

/* What no instrument shows is a slip of the finger, and must not score as normal. */
static bool measurable(int32_t value, int32_t max)
{
        return value >= 0 && value <= max; /* NEWS2_MISSING is below 0 */
}

/* One column of the chart: up to `last` the part scores `score`; the last row is open. */
struct band {
        int32_t last;
        int8_t score;
};

static int8_t score_in(const struct band *bands, int32_t value)
{
        while (value > bands->last)
                bands++;
        return bands->score;
}

static int8_t score_respiration(int32_t value)
{
        static const struct band bands[] = {{8, 3}, {11, 1}, {20, 0}, {24, 2}, {INT32_MAX, 3}};

        if (!measurable(value, 200))
                return NEWS2_PART_MISSING;
        return score_in(bands, value);
}

static int8_t score_spo2_scale_1(int32_t value)
{
        static const struct band bands[] = {{91, 3}, {93, 2}, {95, 1}, {INT32_MAX, 0}};

        if (!measurable(value, 100))
                return NEWS2_PART_MISSING;
        return score_in(bands, value);
}

/* From 93 % on it matters whether the person gets oxygen: too much of it harms on this scale. */
static int8_t score_spo2_scale_2(int32_t value, enum news2_oxygen oxygen)
{
        static const struct band low[] = {{83, 3}, {85, 2}, {87, 1}, {INT32_MAX, 0}};
        static const struct band on_oxygen[] = {{94, 1}, {96, 2}, {INT32_MAX, 3}};

        if (!measurable(value, 100))
                return NEWS2_PART_MISSING;
        if (value <= 92)
                return score_in(low, value);
        switch (oxygen) {
        case NEWS2_AIR:
                return 0;
        case NEWS2_OXYGEN:
                return score_in(on_oxygen, value);
        case NEWS2_OXYGEN_MISSING:
                return NEWS2_PART_MISSING;
        }
        return NEWS2_PART_MISSING;
}

static int8_t score_oxygen(enum news2_oxygen oxygen)
{
        switch (oxygen) {
        case NEWS2_AIR:
                return 0;
        case NEWS2_OXYGEN:
                return 2;
        case NEWS2_OXYGEN_MISSING:
                return NEWS2_PART_MISSING;
        }
        return NEWS2_PART_MISSING;
}

static int8_t score_systolic(int32_t value)
{
        static const struct band bands[] = {{90, 3}, {100, 2}, {110, 1}, {219, 0}, {INT32_MAX, 3}};

        if (!measurable(value, 400))
                return NEWS2_PART_MISSING;
        return score_in(bands, value);
}

static int8_t score_pulse(int32_t value)
{
        static const struct band bands[] = {{40, 3},  {50, 1},  {90, 0},
                                            {110, 1}, {130, 2}, {INT32_MAX, 3}};

        if (!measurable(value, 400))
                return NEWS2_PART_MISSING;
        return score_in(bands, value);
}

static int8_t score_consciousness(enum news2_consciousness consciousness)
{
        switch (consciousness) {
        case NEWS2_ALERT:
                return 0;
        case NEWS2_CONFUSION:
        case NEWS2_VOICE:
        case NEWS2_PAIN:
        case NEWS2_UNRESPONSIVE:
                return 3;
        case NEWS2_CONSCIOUSNESS_MISSING:
                return NEWS2_PART_MISSING;
        }
        return NEWS2_PART_MISSING;
}

static int8_t score_temperature(int32_t tenths)
{
        static const struct band bands[] = {{350, 3}, {360, 1}, {380, 0}, {390, 1}, {INT32_MAX, 2}};

        if (!measurable(tenths, 500))
                return NEWS2_PART_MISSING;
        return score_in(bands, tenths);
}

/* May this person be scored at all? NEWS2_COMPLETE: yes. */
static enum news2_status judge_person(const struct news2_input *input)
{
        if (input->age_years == NEWS2_MISSING || input->age_years < 0)
                return NEWS2_ASK_AGE;
        if (input->age_years < AGE_MIN)
                return NEWS2_UNDER_16;
        switch (input->pregnancy) {
        case NEWS2_NOT_PREGNANT:
                return NEWS2_COMPLETE;
        case NEWS2_PREGNANT:
                return NEWS2_IN_PREGNANCY;
        case NEWS2_PREGNANCY_UNKNOWN:
                return NEWS2_ASK_PREGNANCY;
        }
        return NEWS2_ASK_PREGNANCY;
}

static enum news2_response respond(uint8_t total, bool single_three)
{
        if (total >= TOTAL_HIGH)
                return NEWS2_RESPONSE_HIGH;
        if (total >= TOTAL_MEDIUM)
                return NEWS2_RESPONSE_MEDIUM;
        if (single_three)
                return NEWS2_RESPONSE_LOW_MEDIUM;
        return total > 0 ? NEWS2_RESPONSE_LOW : NEWS2_RESPONSE_ROUTINE;
}

static void score_parts(const struct news2_input *input, struct news2_result *result)
{
        result->parts[NEWS2_PART_RESPIRATION] = score_respiration(input->respiration);
        if (result->spo2_scale == 2)
                result->parts[NEWS2_PART_SPO2] = score_spo2_scale_2(input->spo2, input->oxygen);
        else
                result->parts[NEWS2_PART_SPO2] = score_spo2_scale_1(input->spo2);
        result->parts[NEWS2_PART_OXYGEN] = score_oxygen(input->oxygen);
        result->parts[NEWS2_PART_SYSTOLIC] = score_systolic(input->systolic);
        result->parts[NEWS2_PART_PULSE] = score_pulse(input->pulse);
        result->parts[NEWS2_PART_CONSCIOUSNESS] = score_consciousness(input->consciousness);
        result->parts[NEWS2_PART_TEMPERATURE] = score_temperature(input->temperature);
}

struct news2_result news2_score(const struct news2_input *input)
{
        struct news2_result result = {
                .status = judge_person(input),
                .spo2_scale = input->scale_2_signed ? 2 : 1,
                .scale_1_note = !input->scale_2_signed,
        };
        bool complete = true;

        for (size_t i = 0; i < NEWS2_PART_COUNT; i++)
                result.parts[i] = NEWS2_PART_MISSING;
        if (result.status != NEWS2_COMPLETE)
                return result;
        score_parts(input, &result);
        for (size_t i = 0; i < NEWS2_PART_COUNT; i++) {
                if (result.parts[i] == NEWS2_PART_MISSING) {
                        complete = false;
                        continue;
                }
                result.at_least = (uint8_t)(result.at_least + result.parts[i]);
                result.single_three = result.single_three || result.parts[i] == SINGLE_THREE;
        }
        if (!complete) {
                result.status = NEWS2_INCOMPLETE;
                return result;
        }
        result.total = result.at_least;
        result.response = respond(result.total, result.single_three);
        return result;
}

const char *news2_status_name(enum news2_status status)
{
        switch (status) {
        case NEWS2_COMPLETE:
                return "complete";
        case NEWS2_INCOMPLETE:
                return "incomplete";
        case NEWS2_UNDER_16:
                return "under 16";
        case NEWS2_IN_PREGNANCY:
                return "in pregnancy";
        case NEWS2_ASK_AGE:
                return "ask age";
        case NEWS2_ASK_PREGNANCY:
                return "ask pregnancy";
        }
        return "unknown";
}

const char *news2_response_name(enum news2_response response)
{
        switch (response) {
        case NEWS2_RESPONSE_NONE:
                return "none";
        case NEWS2_RESPONSE_ROUTINE:
                return "routine";
        case NEWS2_RESPONSE_LOW:
                return "low";
        case NEWS2_RESPONSE_LOW_MEDIUM:
                return "low-medium";
        case NEWS2_RESPONSE_MEDIUM:
                return "medium";
        case NEWS2_RESPONSE_HIGH:
                return "high";
        }
        return "unknown";
}
