/* Carrying out the plan's steps: what staff, operators and bad luck do. */
#ifndef TESTS_SIM_WORK_H
#define TESTS_SIM_WORK_H

#include "tests/sim/world.h"

/* staff_step() - somebody works on a device */
void staff_step(struct world *world, struct device *device, const struct step *step);
/* operator_step() - somebody works at the store */
void operator_step(struct world *world, struct device *device, const struct step *step);
/* fault_step() - something goes wrong */
void fault_step(struct world *world, struct device *device, const struct step *step);
/* image_step() - an older state of a disk comes back, or a disk is copied to another machine */
void image_step(struct world *world, struct device *device, const struct step *step);
/* hostile_step() - somebody who has an identity, or has listened, sends what no device would */
void hostile_step(struct world *world, const struct step *step);

#endif
