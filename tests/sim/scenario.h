/* Plans that are written down: what people ask about, by name. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "tests/sim/plan.h"

#include <stdio.h>

/* scenario_plan() - false: there is none of this name */
bool scenario_plan(const char *name, uint64_t seed, struct plan *ret);
/* scenario_list() - names and what they are, one a line */
void scenario_list(FILE *out);

#endif
