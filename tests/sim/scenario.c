/*
 * Histories that somebody has asked about: "what if a tablet is three days without a network, the patient moves to another team and the
 * clock is wrong?" Each is a plan that is written down instead of drawn; the seed still decides what exactly is written and
 * when messages arrive.
 */
#include "tests/sim/scenario.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

struct scenario {
        const char *name, *text;
        size_t devices;
        struct step steps[40]; /* ends with after_ms below 0 */
};

#define END                                                                                        \
        {                                                                                          \
                .after_ms = -1                                                                     \
        }
#define AT(gap, symbol, number)                                                                    \
        {                                                                                          \
                .after_ms = (gap), .kind = STEP_##symbol, .device = (number)-1                     \
        }
#define LASTS(gap, symbol, number, time)                                                           \
        {                                                                                          \
                .after_ms = (gap), .kind = STEP_##symbol, .device = (number)-1,                    \
                .for_ms = (int64_t)(time)                                                          \
        }

static const struct scenario scenarios[] = {
        {"weekend",
         "tablet 1 is three days without a network while both tablets go on working",
         2,
         {AT(5 * SECOND, RECORD, 1), AT(MINUTE, RECORD, 2),
          LASTS(HOUR, CUT_OFF, 1, INT64_C(72) * HOUR), AT(HOUR, EDIT, 1), AT(HOUR, EDIT, 2),
          AT(6 * HOUR, RECORD, 1), AT(12 * HOUR, EDIT, 2), AT(6 * HOUR, BATCH, 1),
          AT(HOUR, REBOOT, 1), AT(6 * HOUR, EDIT, 1), AT(HOUR, EDIT, 2), AT(12 * HOUR, LOOK, 1),
          AT(12 * HOUR, RECORD, 1), AT(18 * HOUR, DECIDE, 2), END}},
        {"moved",
         "people move to another team while a tablet that has unsent work about them is offline",
         3,
         {AT(5 * SECOND, RECORD, 1), AT(MINUTE, RECORD, 3), LASTS(MINUTE, CUT_OFF, 1, 20 * HOUR),
          AT(MINUTE, RECORD, 1), AT(MINUTE, EDIT, 1), AT(HOUR, MOVE, 1), AT(MINUTE, MOVE, 1),
          AT(MINUTE, MOVE, 1), AT(HOUR, EDIT, 3), AT(HOUR, EDIT, 1), AT(HOUR, MOVE, 1),
          AT(20 * HOUR, LOOK, 1), END}},
        {"clock",
         "a tablet starts in 1970, works a day, and learns the time again",
         2,
         {AT(5 * SECOND, RECORD, 1), LASTS(MINUTE, CUT_OFF, 1, 10 * HOUR),
          LASTS(MINUTE, CLOCK, 1, 1), AT(MINUTE, REBOOT, 1), AT(HOUR, RECORD, 1), AT(HOUR, EDIT, 1),
          AT(MINUTE, EDIT, 2), AT(HOUR, EDIT, 1), LASTS(8 * HOUR, CLOCK, 1, 2), AT(HOUR, EDIT, 1),
          END}},
        {"handover",
         "everybody comes back at once, the network is bad, and the store's power is cut",
         4,
         {LASTS(SECOND, CUT_OFF, 1, 2 * HOUR), LASTS(SECOND, CUT_OFF, 2, 2 * HOUR),
          LASTS(SECOND, CUT_OFF, 3, 2 * HOUR), AT(MINUTE, RECORD, 1), AT(MINUTE, RECORD, 2),
          AT(MINUTE, RECORD, 3), AT(MINUTE, BATCH, 1), AT(MINUTE, MEET, 2), AT(MINUTE, EDIT, 3),
          LASTS(110 * MINUTE, LINK, 1, HOUR), LASTS(SECOND, LINK, 2, HOUR),
          AT(SECOND, STORE_POWER, 1), AT(SECOND, EDIT, 1), AT(SECOND, EDIT, 2),
          AT(MINUTE, STORE_POWER, 1), AT(SECOND, RECORD, 4), AT(MINUTE, STORE_KILL, 1), END}},
        {"card",
         "a tablet's card fails, fills up and loses power while somebody writes",
         2,
         {AT(SECOND, RECORD, 1), AT(SECOND, POWER, 1), AT(SECOND, RECORD, 1), AT(SECOND, EDIT, 1),
          AT(2 * HOUR, DISK_FULL, 1), AT(SECOND, RECORD, 1), AT(SECOND, RECORD, 1),
          AT(MINUTE, DISK_ERROR, 1), AT(SECOND, EDIT, 1), AT(SECOND, RECORD, 1),
          AT(HOUR, REPLICA, 1), AT(HOUR, EDIT, 1), AT(SECOND, POWER, 1), AT(SECOND, BATCH, 1),
          END}},
        {"restored",
         "tablet 1 is three days offline, in 1970, while people move; then the store comes back as "
         "it was before",
         3,
         {AT(5 * SECOND, RECORD, 1),
          AT(MINUTE, RECORD, 2),
          AT(MINUTE, STORE_IMAGE, 1),
          AT(MINUTE, RECORD, 2),
          AT(MINUTE, EDIT, 1),
          LASTS(HOUR, CUT_OFF, 1, INT64_C(72) * HOUR),
          LASTS(MINUTE, CLOCK, 1, 1),
          AT(MINUTE, REBOOT, 1),
          AT(HOUR, RECORD, 1),
          AT(HOUR, EDIT, 1),
          AT(HOUR, MOVE, 1),
          AT(MINUTE, MOVE, 1),
          AT(12 * HOUR, EDIT, 2),
          AT(6 * HOUR, EDIT, 3),
          AT(HOUR, MOVE, 1),
          AT(12 * HOUR, RECORD, 3),
          LASTS(6 * HOUR, STORE_BACK, 1, 2),
          AT(6 * HOUR, EDIT, 2),
          AT(6 * HOUR, EDIT, 1),
          LASTS(24 * HOUR, CLOCK, 1, 2),
          AT(MINUTE, LOOK, 1),
          AT(HOUR, DECIDE, 2),
          END}},
        {"swapped",
         "a tablet's card is set back to a copy of last week, and another card is cloned",
         2,
         {AT(5 * SECOND, RECORD, 1), AT(MINUTE, IMAGE, 1), AT(HOUR, RECORD, 1),
          AT(24 * HOUR, EDIT, 1), AT(24 * HOUR, RECORD, 2), AT(72 * HOUR, RECORD, 1),
          AT(5 * MINUTE, BACK, 1), AT(30 * MINUTE, RECORD, 1), AT(HOUR, CLONE, 2),
          AT(HOUR, RECORD, 2), AT(MINUTE, EDIT, 2), AT(MINUTE, RECORD, 2), AT(HOUR, EDIT, 1), END}},
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

bool scenario_plan(const char *name, uint64_t seed, struct plan *ret)
{
        struct random random;

        random_init(&random, seed, 5);
        for (size_t i = 0; i < SCENARIOS; i++) {
                if (strcmp(scenarios[i].name, name) != 0)
                        continue;
                *ret = (struct plan){.devices = scenarios[i].devices, .synced = UINT8_MAX};
                for (; scenarios[i].steps[ret->count].after_ms >= 0; ret->count++) {
                        ret->steps[ret->count] = scenarios[i].steps[ret->count];
                        ret->steps[ret->count].draw = random_next(&random);
                }
                return true;
        }
        return false;
}

void scenario_list(FILE *out)
{
        for (size_t i = 0; i < SCENARIOS; i++)
                (void)fprintf(out, "scenario  %-12s %s\n", scenarios[i].name, scenarios[i].text);
}
