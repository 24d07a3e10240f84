/* What pannier-sim was asked to do, and doing it. */
#ifndef TESTS_SIM_COMMAND_H
#define TESTS_SIM_COMMAND_H

#include "tests/sim/run.h"

enum { COMMAND_SEEDS_MAX = 4096 };

struct command {
        struct run_many run;
        uint64_t seeds[COMMAND_SEEDS_MAX]; /* of --file */
        size_t seed_count;
        const char *known; /* file of plants and the seeds that find them */
        const char *keep;  /* file that failing seeds are appended to */
        bool seeds_given, all_plants, json, replay, shrink, list, done;
        const char *scenario; /* told instead of a seed's history */
        const char *only;     /* steps to keep, as --replay printed them */
        uint32_t without;     /* classes of steps, bits */
};

/* command_read() - 0; or the exit status where the command line is wrong, or all was said (--help); `done` then */
int command_read(int argc, char **argv, struct command *ret);
/* command_run() - 0 nothing was found that should not be and everything that should; 1 otherwise; or of sysexits.h */
int command_run(const struct command *command);

/* command_replay() - one history as a story (replay.c) */
int command_replay(const struct command *command);
/* command_plants() - which planted bugs are found (hunt.c). Return: how many, or below 0 */
int command_plants(const struct command *command, size_t *ret_looked_for);

#endif
