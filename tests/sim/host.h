/* A device's machine: pannierd's loop without its sockets, and the power button. */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "tests/sim/world.h"

struct engine_now host_now(const struct world *world, const struct device *device);

/* host_boot() - the machine starts: its clock since boot begins anew */
void host_boot(struct world *world, struct device *device);
/* host_stop() - the daemon ends in order */
void host_stop(struct world *world, struct device *device);
/* host_kill() - the daemon dies, the machine goes on */
void host_kill(struct world *world, struct device *device, int64_t after_ms);
/* host_off() - the machine is off, and nobody has planned that it comes back */
void host_off(struct device *device);
/* host_crash() - the machine's power goes and comes back after a while */
void host_crash(struct world *world, struct device *device, enum disk_fate fate, int64_t after_ms);

/* host_called() - after every call into the engine with its result: what it means for the machine, and the timer */
void host_called(struct world *world, struct device *device, int result);

void host_event(struct world *world, struct event *event);

#endif
