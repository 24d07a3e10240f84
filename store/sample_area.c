/* The place itself: neighbourhoods, organisations, teams, who serves whom, and the people who work there. */
#include "store/sample_internal.h"
#include "store/sample_words.h"

#include <stdio.h>

/* A draw of its own for a numbered thing, so that its name does not depend on what was drawn before. */
static struct draw draw_for(const struct sample *sample, uint64_t what, uint64_t number)
{
        struct draw draw = {sample->options->seed * 1000003 + what * 1000000007 + number};

        (void)draw_next(&draw);
        return draw;
}

void sample_neighbourhood_name(const struct sample *sample, uint32_t number,
                               char ret[SAMPLE_NAME_SIZE])
{
        uint32_t count = words_neighbourhood.count;
        const char *name = words_neighbourhood.list[(number + sample->options->seed) % count];

        if (number < count)
                (void)snprintf(ret, SAMPLE_NAME_SIZE, "%s", name);
        else
                (void)snprintf(ret, SAMPLE_NAME_SIZE, "%s %u", name, number / count + 1);
}

void sample_home_name(const struct sample *sample, uint32_t number, char ret[SAMPLE_NAME_SIZE])
{
        uint32_t names = words_home.count, kinds = words_home_kind.count;
        const char *name = words_home.list[(number + sample->options->seed) % names];
        const char *kind = words_home_kind.list[(number / names + number) % kinds];
        uint32_t round = number / (names * kinds);

        if (round == 0)
                (void)snprintf(ret, SAMPLE_NAME_SIZE, "%s %s", name, kind);
        else
                (void)snprintf(ret, SAMPLE_NAME_SIZE, "%s %s %u", name, kind, round + 1);
}

void sample_staff_name(const struct sample *sample, uint32_t number, char ret[SAMPLE_NAME_SIZE])
{
        struct draw draw = draw_for(sample, 1, number);
        const struct words *given = draw_chance(&draw, 75) ? &words_female : &words_male;
        const char *first = words_pick(given, &draw);

        (void)snprintf(ret, SAMPLE_NAME_SIZE, "%s %s (%u)", first, words_pick(&words_family, &draw),
                       number + 1);
}

void sample_practice_code(uint32_t number, char ret[SAMPLE_NAME_SIZE])
{
        (void)snprintf(ret, SAMPLE_NAME_SIZE, "ZZ%05u", number + 1);
}

static void phone(struct sheet *sheet, struct draw *draw)
{
        sheet_format(sheet, "0161 496 0%03u", draw_below(draw, 1000)); /* kept for drama by Ofcom */
}

static void write_places(struct sample *sample)
{
        struct sheet *sheet = sample->sheets[SHEET_PLACES];
        char name[SAMPLE_NAME_SIZE];

        for (uint32_t i = 0; i <= sample->neighbourhoods; i++) {
                sheet_text(sheet, SAMPLE_LOCALITY);
                sheet_text(sheet, i == 0 ? "locality" : "neighbourhood");
                sheet_text(sheet, i == 0 ? "" : SAMPLE_LOCALITY);
                if (i > 0)
                        sample_neighbourhood_name(sample, i - 1, name);
                sheet_text(sheet, i == 0 ? SAMPLE_LOCALITY : name);
                sheet_text(sheet, i == 0 ? "Z08000001" : "");
                sample_row(sample, SHEET_PLACES);
        }
}

struct organisation {
        const char *types, *name, *ods, *cqc;
        int beds;
};

static void write_organisation(struct sample *sample, const struct organisation *organisation)
{
        struct sheet *sheet = sample->sheets[SHEET_ORGANISATIONS];
        struct draw *draw = &sample->draw;

        sheet_text(sheet, SAMPLE_LOCALITY);
        sheet_text(sheet, organisation->types);
        sheet_text(sheet, organisation->name);
        sheet_text(sheet, organisation->ods);
        sheet_text(sheet, organisation->cqc);
        sheet_format(sheet, "%d %s %s, " SAMPLE_LOCALITY, draw_between(draw, 1, 180),
                     words_pick(&words_street, draw), words_pick(&words_street_kind, draw));
        sheet_format(sheet, "ZZ99 %d%c%c", draw_between(draw, 1, 9),
                     'A' + (int)draw_below(draw, 24), 'A' + (int)draw_below(draw, 24));
        phone(sheet, draw);
        if (organisation->beds)
                sheet_int(sheet, organisation->beds);
        else
                sheet_text(sheet, "");
        sample_row(sample, SHEET_ORGANISATIONS);
}

static void write_organisations(struct sample *sample)
{
        char name[SAMPLE_NAME_SIZE], code[SAMPLE_NAME_SIZE], cqc[SAMPLE_NAME_SIZE];

        write_organisation(sample, &(struct organisation){"community_trust",
                                                          SAMPLE_LOCALITY " Community Health",
                                                          "ZZC", "", 0});
        write_organisation(sample,
                           &(struct organisation){"local_authority", SAMPLE_LOCALITY " Council",
                                                  "ZZL", "", 0});
        write_organisation(
                sample,
                &(struct organisation){"vcse", "Good Neighbours " SAMPLE_LOCALITY, "ZZV", "", 0});
        for (uint32_t i = 0; i < sample->practices; i++) {
                (void)snprintf(name, sizeof name, "%s Medical Practice %u",
                               words_street.list[i % words_street.count], i + 1);
                sample_practice_code(i, code);
                write_organisation(sample,
                                   &(struct organisation){"gp_practice", name, code, "", 0});
        }
        for (uint32_t i = 0; i < sample->homes; i++) {
                bool nursing = draw_chance(&sample->draw, 30);

                sample_home_name(sample, i, name);
                (void)snprintf(cqc, sizeof cqc, "1-99%07u", i + 1);
                write_organisation(
                        sample,
                        &(struct organisation){nursing ? "care_home_nursing;care_home_residential"
                                                       : "care_home_residential",
                                               name, "", cqc, draw_between(&sample->draw, 12, 70)});
        }
}

static void write_team(struct sample *sample, const char *organisation, const char *name,
                       const char *kind)
{
        struct sheet *sheet = sample->sheets[SHEET_TEAMS];

        sheet_text(sheet, SAMPLE_LOCALITY);
        sheet_text(sheet, organisation);
        sheet_text(sheet, name);
        sheet_text(sheet, kind);
        phone(sheet, &sample->draw);
        phone(sheet, &sample->draw);
        sample_row(sample, SHEET_TEAMS);
}

static void write_teams(struct sample *sample)
{
        char place[SAMPLE_NAME_SIZE], name[SAMPLE_NAME_SIZE + 32];

        for (uint32_t i = 0; i < sample->neighbourhoods; i++) {
                sample_neighbourhood_name(sample, i, place);
                (void)snprintf(name, sizeof name, "%s district nurses", place);
                write_team(sample, "ZZC", name, "district_nursing");
                (void)snprintf(name, sizeof name, "%s neighbourhood team", place);
                write_team(sample, "ZZC", name, "neighbourhood");
        }
        write_team(sample, "ZZC", SAMPLE_LOCALITY " telemedicine hub", "telemedicine_hub");
        write_team(sample, "ZZV", "Good Neighbours visitors", "prevention");
        for (uint32_t i = 0; i < sample->homes; i++) {
                sample_home_name(sample, i, place);
                (void)snprintf(name, sizeof name, "%s station", place);
                write_team(sample, place, name, "care_home_station");
        }
}

static void write_serves(struct sample *sample)
{
        struct sheet *sheet = sample->sheets[SHEET_SERVES];
        char name[SAMPLE_NAME_SIZE];

        for (uint32_t i = 0; i < sample->homes; i++) {
                sample_home_name(sample, i, name);
                sheet_text(sheet, SAMPLE_LOCALITY);
                sheet_text(sheet, SAMPLE_LOCALITY " telemedicine hub");
                sheet_text(sheet, name);
                sheet_text(sheet, "telemedicine");
                sheet_text(sheet, "2025-04-01");
                sample_row(sample, SHEET_SERVES);
        }
}

/* Staff by number: the first is the hub's nurse, the second a carer of the first home, then nurses with others between. */
static const char *role_of(uint32_t number)
{
        static const char *const others[] = {"coordinator",           "social_worker",
                                             "health_care_assistant", "pharmacist",
                                             "nurse_practitioner",    "allied_health"};

        if (number == 0)
                return "telemedicine_nurse";
        if (number == 1)
                return "care_home_staff";
        return number % 2 == 0 ? "community_nurse"
                               : others[number / 2 % (sizeof others / sizeof *others)];
}

static void team_of(const struct sample *sample, uint32_t number, char ret[SAMPLE_NAME_SIZE + 32])
{
        char place[SAMPLE_NAME_SIZE];

        if (number == 0) {
                (void)snprintf(ret, SAMPLE_NAME_SIZE + 32, "%s",
                               SAMPLE_LOCALITY " telemedicine hub");
        } else if (number == 1) {
                sample_home_name(sample, 0, place);
                (void)snprintf(ret, SAMPLE_NAME_SIZE + 32, "%s station", place);
        } else {
                sample_neighbourhood_name(sample, number / 2 % sample->neighbourhoods, place);
                (void)snprintf(ret, SAMPLE_NAME_SIZE + 32, "%s district nurses", place);
        }
}

uint32_t sample_nurse(const struct sample *sample, uint32_t neighbourhood, struct draw *draw)
{
        uint32_t pairs = (sample->staff - 2) / 2 /
                         sample->neighbourhoods; /* nurses of each neighbourhood, at least */
        uint32_t half = neighbourhood +
                        sample->neighbourhoods * (pairs > 1 ? draw_below(draw, pairs - 1) + 1 : 1);

        return half * 2 < sample->staff ? half * 2 : 2;
}

static void write_staff(struct sample *sample)
{
        struct sheet *staff = sample->sheets[SHEET_STAFF],
                     *members = sample->sheets[SHEET_MEMBERSHIPS];
        char name[SAMPLE_NAME_SIZE], team[SAMPLE_NAME_SIZE + 32];

        for (uint32_t i = 0; i < sample->staff; i++) {
                sample_staff_name(sample, i, name);
                sheet_text(staff, SAMPLE_LOCALITY);
                sheet_text(staff, name);
                sheet_text(staff, role_of(i));
                sheet_format(staff, "TEST %06u", i + 1);
                phone(staff, &sample->draw);
                sample_row(sample, SHEET_STAFF);

                team_of(sample, i, team);
                sheet_text(members, SAMPLE_LOCALITY);
                sheet_text(members, name);
                sheet_text(members, team);
                sheet_text(members, "2025-04-01");
                sample_row(sample, SHEET_MEMBERSHIPS);
        }
}

void sample_write_area(struct sample *sample)
{
        write_places(sample);
        write_organisations(sample);
        write_teams(sample);
        write_serves(sample);
        write_staff(sample);
}
