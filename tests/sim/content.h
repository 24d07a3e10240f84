/* The replica against the store's projection of its feeds, record by record, and what is left in its files. */
#ifndef TESTS_SIM_CONTENT_H
#define TESTS_SIM_CONTENT_H

#include "tests/sim/world.h"

/* content_compare() - every record that the device may hold is there as the store has it, and no other. Return: 0 compared, or an error */
int content_compare(struct world *world, struct storage *storage, struct device *device);

#endif
