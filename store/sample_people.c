/* One person: who they are, who looks after them, where they live, what must be known about them. */
#include "store/sample_internal.h"
#include "store/sample_words.h"

#include "common/date.h"
#include "common/nhs_number.h"

#include <stdio.h>

enum { STEM_FIRST = 999000000, STEM_COUNT = 1000000 };

/* The next valid number of the range that is never issued, from a place that the seed gives. */
static void next_nhs_number(struct sample *sample, char ret[NHS_NUMBER_SIZE])
{
        char stem[16];

        do {
                (void)snprintf(stem, sizeof stem, "%09u", STEM_FIRST + sample->stem);
                sample->stem = (sample->stem + 1) % STEM_COUNT;
                stem[9] = nhs_number_check_digit(stem);
        } while (stem[9] == 0 ||
                 stem[8] == stem[9]); /* the second also passes over ten equal digits */
        stem[10] = '\0';
        (void)snprintf(ret, NHS_NUMBER_SIZE, "%.10s", stem);
}

static void write_identity(struct sample *sample, struct sample_person *person)
{
        struct sheet *sheet = sample->sheets[SHEET_PEOPLE];
        struct draw *draw = &sample->draw;
        char text[SAMPLE_NAME_SIZE];

        sheet_text(sheet, SAMPLE_LOCALITY);
        sheet_text(sheet, person->nhs);
        sheet_text(sheet, "verified");
        sheet_text(sheet, words_pick(&words_family, draw));
        sheet_text(sheet, words_pick(person->female ? &words_female : &words_male, draw));
        sheet_date(sheet, person->born);
        sheet_text(sheet, person->female ? "female" : "male");
        if (person->in_home) {
                sample_home_name(sample, person->home, text);
                sheet_format(sheet, "%s, " SAMPLE_LOCALITY, text);
        } else {
                sheet_format(sheet, "%d %s %s, " SAMPLE_LOCALITY, draw_between(draw, 1, 240),
                             words_pick(&words_street, draw), words_pick(&words_street_kind, draw));
        }
        sheet_format(sheet, "ZZ99 %d%c%c", draw_between(draw, 1, 9),
                     'A' + (int)draw_below(draw, 24), 'A' + (int)draw_below(draw, 24));
        sheet_format(sheet, "0161 496 0%03u", draw_below(draw, 1000));
        sheet_text(sheet, draw_chance(draw, 70) ? "phone" : "through_contact");
        sheet_text(sheet, words_pick(&words_language, draw));
        sample_practice_code(draw_below(draw, sample->practices), text);
        sheet_text(sheet, text);
        sample_neighbourhood_name(sample, person->neighbourhood, text);
        sheet_text(sheet, text);
        sample_row(sample, SHEET_PEOPLE);
}

/* Starts the row of something that hangs on the person; loaded again it is the same thing. */
static struct sheet *begin_row(struct sample *sample, enum sample_sheet which,
                               const struct sample_person *person)
{
        sheet_text(sample->sheets[which], SAMPLE_LOCALITY);
        sheet_text(sample->sheets[which], person->nhs);
        return sample->sheets[which];
}

static struct sheet *begin_row_with_id(struct sample *sample, enum sample_sheet which,
                                       const struct sample_person *person, uint32_t number)
{
        struct uuid id = sample_id(sample, which, person->number, number);

        sheet_text(sample->sheets[which], SAMPLE_LOCALITY);
        sheet_uuid(sample->sheets[which], &id);
        sheet_text(sample->sheets[which], person->nhs);
        return sample->sheets[which];
}

static void write_care(struct sample *sample, const struct sample_person *person)
{
        struct draw *draw = &sample->draw;
        char place[SAMPLE_NAME_SIZE], nurse[SAMPLE_NAME_SIZE];
        struct sheet *sheet;
        uint32_t tier = draw_below(draw, 100);

        sample_neighbourhood_name(sample, person->neighbourhood, place);
        sample_staff_name(sample, sample_nurse(sample, person->neighbourhood, draw), nurse);
        sheet = begin_row(sample, SHEET_ASSIGNMENTS, person);
        sheet_format(sheet, "%s district nurses", place);
        sheet_text(sheet, tier < 15 ? "high_impact" : tier < 60 ? "neighbourhood" : "prevention");
        sheet_text(sheet, nurse);
        sheet_text(sheet, "active");
        sheet_text(sheet, "2026-01-05");
        sample_row(sample, SHEET_ASSIGNMENTS);
        if (!person->in_home)
                return;
        sheet = begin_row(sample, SHEET_RESIDENCES, person);
        sample_home_name(sample, person->home, place);
        sheet_text(sheet, place);
        sheet_format(sheet, "%d", draw_between(draw, 1, 60));
        sheet_text(sheet, "current");
        sheet_text(sheet, "2025-09-01");
        sample_row(sample, SHEET_RESIDENCES);
}

static void write_contact(struct sample *sample, const struct sample_person *person)
{
        static const char *const relations[] = {"Daughter", "Son",       "Wife",  "Husband",
                                                "Niece",    "Neighbour", "Friend"};
        struct draw *draw = &sample->draw;
        bool female = draw_chance(draw, 60);
        struct sheet *sheet = begin_row_with_id(sample, SHEET_CONTACTS, person, 0);
        const char *given = words_pick(female ? &words_female : &words_male, draw);

        sheet_format(sheet, "%s %s", given, words_pick(&words_family, draw));
        sheet_text(sheet, relations[draw_below(draw, sizeof relations / sizeof *relations)]);
        sheet_format(sheet, "0161 496 0%03u", draw_below(draw, 1000));
        sample_row(sample, SHEET_CONTACTS);
}

static void write_allergy(struct sample *sample, const struct sample_person *person)
{
        static const char *const severities[] = {"mild", "moderate", "severe"};
        struct draw *draw = &sample->draw;
        struct sheet *sheet = begin_row_with_id(sample, SHEET_ALLERGIES, person, 0);

        sheet_text(sheet, words_pick(&words_substance, draw));
        sheet_text(sheet, words_pick(&words_reaction, draw));
        sheet_text(sheet, severities[draw_below(draw, 3)]);
        sheet_text(sheet, "active");
        sample_row(sample, SHEET_ALLERGIES);
}

static void write_baseline(struct sample *sample, const struct sample_person *person)
{
        struct sheet *sheet = begin_row_with_id(sample, SHEET_BASELINES, person, 0);

        sheet_text(sheet, person->lungs ? "scale_2" : "scale_1");
        sheet_text(sheet, person->lungs ? "Dr Sample, respiratory clinic" : "");
        sheet_text(sheet, "no");
        sample_row(sample, SHEET_BASELINES);
}

static void write_medicines(struct sample *sample, const struct sample_person *person)
{
        struct draw *draw = &sample->draw;
        uint32_t first = draw_below(draw, words_medicine.count), count = draw_below(draw, 5);

        for (uint32_t i = 0; i < count; i++) {
                struct sheet *sheet = begin_row(sample, SHEET_MEDICINES, person);

                sheet_text(sheet, words_medicine.list[(first + i) % words_medicine.count]);
                sheet_text(sheet, draw_chance(draw, 70) ? "One" : "Two");
                sheet_text(sheet, "oral");
                sheet_text(sheet, "2026-02-01");
                sample_row(sample, SHEET_MEDICINES);
        }
}

void sample_write_person(struct sample *sample, struct sample_person *person)
{
        struct draw *draw = &sample->draw;

        *draw = (struct draw){sample->options->seed ^ ((uint64_t)(person->number + 1) << 20)};
        next_nhs_number(sample, person->nhs);
        person->female = draw_chance(draw, 58);
        person->born =
                date_of_instant(sample->options->now_ms) - draw_between(draw, 58 * 365, 99 * 365);
        person->neighbourhood = person->number % sample->neighbourhoods;
        person->in_home = draw_chance(draw, 18);
        person->home = draw_below(draw, sample->homes);
        person->lungs = draw_chance(draw, 7);
        write_identity(sample, person);
        write_care(sample, person);
        write_contact(sample, person);
        if (draw_chance(draw, 20))
                write_allergy(sample, person);
        if (person->lungs || draw_chance(draw, 10))
                write_baseline(sample, person);
        write_medicines(sample, person);
}
