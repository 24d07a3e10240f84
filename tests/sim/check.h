/*
 * What must always hold, and what must hold in the end. Each check has a file of its own; the first violation is kept.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "tests/sim/world.h"

/* ---- while things happen ---- */

/* check_answer() - an answer to request number @exchange leaves the store: it holds nothing that the device may not have at this moment */
void check_answer(struct world *world, struct device *device, uint64_t exchange, struct bytes body);
/* check_event() - the device's engine tells something */
void check_event(struct device *device, const struct engine_event *event);
/* check_acknowledged() - staff was told that an entry is recorded */
void check_acknowledged(struct world *world, struct device *device, const struct uuid *entry);
/* check_shown() - what the device shows of an entry now; OUTCOME_NONE: it waits, or is not there */
enum entry_outcome check_shown(struct device *device, const struct uuid *entry);
/* check_kept() - is the entry in the outbox? */
bool check_kept(struct device *device, const struct uuid *entry);
/* check_started() - a device started: what was acknowledged is there */
void check_started(struct world *world, struct device *device);
/* check_tick() - a timer came; the engine does not call for the next one without getting on */
void check_tick(struct world *world, struct device *device, int result);
/* check_completed() - an exchange reached its end: what the device may not hold is gone */
void check_completed(struct world *world, struct device *device, const struct engine_now *now);
/* check_repairs() - nothing had to be repaired but what was damaged, set back or lost */
void check_repairs(struct world *world, struct device *device);
void check_stopped(struct world *world, struct device *device);
/* check_server_started() - the store started: what it had signed is there */
void check_server_started(struct world *world);

/* ---- when the faults have stopped ---- */

/* check_equal() - is the device proven equal to the store? @ret_why: what is missing */
bool check_equal(struct world *world, struct device *device, const char **ret_why);
/* check_log() - what became of edits, against rules of its own */
void check_log(struct world *world, struct storage *storage);
/* check_contents() - the replicas, record by record; false: one was found damaged and is fetched again: ask again when it was */
bool check_contents(struct world *world);
/* check_end() - everything that the end of a history is held against */
void check_end(struct world *world);
/* check_tell() - for whoever looks for the reason of a violation: what lies in the outboxes */
void check_tell(struct world *world);

#endif
