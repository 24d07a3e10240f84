/*
 * Bugs that are planted on purpose, for the simulator to find: a check that cannot fail proves nothing.
 *
 * In every product SIM_PLANT() is the constant false and leaves no code behind. Only the objects that are built for the
 * simulator (PANNIER_PLANTS) have them, and there one at a time is switched on. The list of names is tests/sim/plant.h's. A bug that
 * needs a memory gets one that is zero when a history begins.
 */
#ifndef COMMON_PLANT_H
#define COMMON_PLANT_H

#include <stdbool.h>

#ifdef PANNIER_PLANTS
#include "tests/sim/plant.h"
#define SIM_PLANT(name)        (sim_plant_active() == PLANT_##name)
#define SIM_PLANT_MEMORY(size) sim_plant_memory(size)
#else
#define SIM_PLANT(name)        false
#define SIM_PLANT_MEMORY(size) NULL
#endif

#endif
