/*
 * An outbox that lost entries which the replica still shows. Part of the engine (engine_internal.h).
 *
 * The outbox is the truth, and the replica disposable; but where the outbox is gone, or an older copy of it was put back, the
 * replica's pending entries are the last copy of somebody's work, and its caseload is what that somebody works with.
 */
#ifndef DAEMON_RESCUE_H
#define DAEMON_RESCUE_H

#include "daemon/engine.h"

enum rescue_state {
        RESCUE_NONE = 0,
        RESCUE_BEGUN = 1, /* the outbox is being filled */
        RESCUE_HEADS =
                2, /* the heads that it knows are not those that its entries were written under */
};

/* engine_needs_rescue() - does the replica know entries that the outbox lacks, or was a rescue interrupted? */
bool engine_needs_rescue(const struct engine *engine);

/**
 * engine_rescue() - append to the outbox what the replica has pending, the store may not have, and the outbox lacks
 *
 * Ids and bodies stay, so an entry that did reach the store is a repeat. What the caller had asked for is not known any more: who
 * asks again with the same id is refused. Interrupted anywhere, the next start does the rest.
 *
 * Return: 0, or an error; PANNIER_E_STORAGE: nothing is lost, try again
 */
int engine_rescue(struct engine *engine);

#endif
