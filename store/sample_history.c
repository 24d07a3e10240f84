/* What was done for one person in the months before now: visits with their notes, observations that belong together. */
#include "store/sample_internal.h"
#include "store/sample_words.h"

#include "common/date.h"

enum { HISTORY_DAYS = 300, MINUTE_MS = 60000 };

/* A working moment of the past, the same day for the same (person, number) in every run of the seed. */
static int64_t past_moment(struct sample *sample)
{
        struct draw *draw = &sample->draw;
        int64_t day = sample->options->now_ms / DAY_MS - 1 - draw_below(draw, HISTORY_DAYS);

        return day * DAY_MS + (int64_t)draw_between(draw, 8 * 60, 17 * 60) * MINUTE_MS;
}

static void begin_fact(struct sample *sample, enum sample_sheet which,
                       const struct sample_person *person, uint32_t number, int64_t recorded_ms)
{
        struct sheet *sheet = sample->sheets[which];
        struct uuid id = sample_id(sample, which, person->number, number);
        char nurse[SAMPLE_NAME_SIZE];

        sample_staff_name(sample, sample_nurse(sample, person->neighbourhood, &sample->draw),
                          nurse);
        sheet_text(sheet, SAMPLE_LOCALITY);
        sheet_uuid(sheet, &id);
        sheet_text(sheet, person->nhs);
        sheet_text(sheet, nurse);
        sheet_instant(sheet, recorded_ms);
}

static void note(struct sheet *sheet, const struct words *words, struct draw *draw)
{
        char text[320];

        words_note(words, draw, text, sizeof text);
        sheet_text(sheet, text);
}

static void write_visit(struct sample *sample, const struct sample_person *person, uint32_t number)
{
        struct sheet *sheet = sample->sheets[SHEET_VISITS];
        struct draw *draw = &sample->draw;
        int64_t arrived = past_moment(sample);
        int64_t left = arrived + (int64_t)draw_between(draw, 12, 55) * MINUTE_MS;

        begin_fact(sample, SHEET_VISITS, person, number, left + 2 * (int64_t)MINUTE_MS);
        sheet_text(sheet, person->in_home ? "care_home" : "home");
        sheet_instant(sheet, arrived);
        sheet_instant(sheet, left);
        sheet_text(sheet, "yes");
        note(sheet, &words_subjective, draw);
        note(sheet, &words_objective, draw);
        note(sheet, &words_assessment, draw);
        note(sheet, &words_plan, draw);
        sheet_text(sheet, draw_chance(draw, 92) ? "completed" : "partly");
        sample_row(sample, SHEET_VISITS);
}

/* Values move together: somebody who is ill breathes faster, is warmer, and has a faster pulse. */
static void write_observations(struct sample *sample, const struct sample_person *person,
                               uint32_t number)
{
        struct sheet *sheet = sample->sheets[SHEET_OBSERVATIONS];
        struct draw *draw = &sample->draw;
        int64_t taken = past_moment(sample);
        int ill = draw_chance(draw, 12) ? draw_between(draw, 1, 5) : 0;
        int systolic = draw_near(draw, 132 - 4 * ill, 16);

        begin_fact(sample, SHEET_OBSERVATIONS, person, number, taken + 3 * (int64_t)MINUTE_MS);
        sheet_instant(sheet, taken);
        sheet_int(sheet, draw_near(draw, 16 + 2 * ill, 2));
        sheet_int(sheet,
                  person->lungs ? draw_near(draw, 90 - ill, 2) : draw_near(draw, 97 - ill, 1));
        sheet_text(sheet, person->lungs && draw_chance(draw, 25) ? "oxygen" : "air");
        sheet_text(sheet, person->lungs ? "scale_2" : "scale_1");
        sheet_int(sheet, systolic);
        sheet_int(sheet, systolic * 6 / 10);
        sheet_int(sheet, draw_near(draw, 76 + 8 * ill, 9));
        sheet_text(sheet, ill > 3 && draw_chance(draw, 30) ? "C" : "A");
        sheet_tenths(sheet, draw_near(draw, 367 + 4 * ill, 4));
        sample_row(sample, SHEET_OBSERVATIONS);
}

void sample_write_history(struct sample *sample, const struct sample_person *person)
{
        for (uint32_t i = 0; i < sample->options->visits; i++)
                write_visit(sample, person, i);
        for (uint32_t i = 0; i < sample->options->observations; i++)
                write_observations(sample, person, i);
}
