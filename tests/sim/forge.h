/* Requests whose signatures are good, and nothing else. */
#ifndef TESTS_SIM_FORGE_H
#define TESTS_SIM_FORGE_H

#include "tests/sim/world.h"

/* forge_request() - one of the hostile machine's; replaces what @out holds */
void forge_request(struct world *world, struct random *random, struct buffer *out);

#endif
