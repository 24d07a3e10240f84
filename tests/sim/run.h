/*
 * Runs of histories: one, in this process; or many, in as many processes as there are cores. A history that crashes the
 * simulator takes one process with it and is reported like a violation.
 */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/plan.h"
#include "tests/sim/plant.h"

#include <stdio.h>

struct sim_result {
        uint64_t seed, hash;
        uint64_t events, round_trips, entries;
        bool violated;
        char violation[400];
};

struct sim_request {
        uint64_t seed;
        enum sim_plant plant;
        const struct plan *plan; /* NULL: drawn from the seed */
        FILE *story;             /* NULL: untold */
        bool deep;               /* also what takes long */
};

/* run_one() - one history, in this process */
void run_one(const struct sim_request *request, struct sim_result *ret);

struct run_many {
        const uint64_t *seeds; /* NULL: @from, @from + 1, … */
        uint64_t from, count;
        enum sim_plant plant;
        uint32_t jobs;
        uint32_t seconds; /* begin no history after so long; 0: run all */
        bool twice;       /* each history twice: the same hash */
        bool deep;
};

/**
 * run_many() - histories on all cores
 * @visit: told of each result, in no order; returns true to stop the run
 *
 * Return: how many histories ended, or an error of the system
 */
int64_t run_many(const struct run_many *run,
                 bool (*visit)(void *context, const struct sim_result *result), void *context);

/**
 * run_shrink() - make the plan of a failing history as small as it still fails
 * @plan:     of the failing history; made smaller
 * @ret_kept: the places that its steps had in the plan it began as
 *
 * Classes of steps are taken out first, then steps from the end, then single ones.
 */
void run_shrink(const struct sim_request *request, struct plan *plan, size_t *ret_kept);

#endif
