/*
 * An outbox that lost entries which the replica still shows. Part of the engine (engine_internal.h).
 *
 * The outbox is the truth, and the replica disposable; but where the outbox is gone, or an older copy of it was put back, the
 * replica's pending entries are the last copy of somebody's work.
 */
#ifndef DAEMON_RESCUE_H
#define DAEMON_RESCUE_H

#include "daemon/engine.h"

/**
 * engine_rescue() - append to the outbox what the replica has pending, the store may not have, and the outbox lacks
 *
 * Ids and bodies stay, so an entry that did reach the store is a repeat. The request is not known any more: a caller that asks
 * again with the same id is refused. The replica must be built anew then, because its places are of another outbox; until
 * that is done each start rescues again, which appends nothing twice.
 *
 * Return: PANNIER_E_CORRUPT, with how many in its detail: build the replica anew; or another error
 */
int engine_rescue(struct engine *engine);

#endif
