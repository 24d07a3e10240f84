/*
 * The store's machine: one writer, one reader and the engine between them, as pannier-store runs them, without its threads.
 * Requests that arrive while a commit is on its way go into the next one; each phase is an event of its own, so that power may go in between.
 */
#ifndef TESTS_SIM_SERVER_H
#define TESTS_SIM_SERVER_H

#include "tests/sim/fields.h"
#include "tests/sim/world.h"

/* server_start() - open the databases; PANNIER_E_STORAGE where the disk does not let it */
int server_start(struct world *world);
/* server_stop() - close them; calls that wait are lost */
void server_stop(struct world *world);
/* server_crash() - the power of the store's machine goes; it comes back later */
void server_crash(struct world *world, enum disk_fate fate, int64_t after_ms);

/* server_trouble() - an error of the storage: the power is gone, or it closes and opens its databases again */
void server_trouble(struct world *world, int error);

void server_request(struct world *world, struct event *event);
void server_commit(struct world *world, const struct event *event);
void server_reply(struct world *world, const struct event *event);
void server_expire(struct world *world, const struct event *event);

/* server_put() - an operator, or an import, writes a record. Between server_begin() and server_end() */
int server_begin(struct world *world);
int server_put(struct world *world, const struct catalogue_type *type, const struct uuid *record,
               const struct uuid *person, const struct sim_field *fields, size_t count);
void server_end(struct world *world, int error);

#endif
