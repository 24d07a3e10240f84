/*
 * What the world was promised: every entry that staff was told is recorded, byte for byte, and every outcome that a device or
 * a message said it has. The end of a history is held against it.
 */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "common/entry.h"

struct promise {
        struct uuid id;
        size_t device;
        struct bytes header, body; /* as they travel; of the arena */
        enum entry_outcome told;   /* by a receipt that left the store; OUTCOME_NONE: not yet */
        enum entry_outcome shown;  /* by the device */
        bool parked;               /* it was told so once */
        uint64_t history;          /* the store's history in which it was told */
        uint32_t outcomes;         /* bits: all that it was ever told */
        bool gone;        /* with the card of its device, which was restored from an older state */
        struct bytes saw; /* of an edit of one text: what the screen showed there; of the arena */
        bool has_seen;
};

struct ledger {
        struct promise *promises;
        size_t count, capacity;
        uint32_t *index; /* open addressing, place + 1 */
        size_t index_size;
        struct arena arena;
};

void ledger_deinit(struct ledger *ledger);
/* ledger_find() - NULL: nobody was promised it. Two devices may have used one id */
struct promise *ledger_find(struct ledger *ledger, const struct uuid *id, size_t device);
/* ledger_add() - bytes are copied; what is there already stays as it is */
struct promise *ledger_add(struct ledger *ledger, const struct uuid *id, size_t device,
                           struct bytes header, struct bytes body);
/* ledger_saw() - what the author of an entry saw where it writes */
void ledger_saw(struct ledger *ledger, struct promise *promise, struct bytes text);

#endif
