/*
 * A planned entry: one local write between what was asked for and what is recorded. Part of the engine (engine_internal.h).
 */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

#include "daemon/engine_internal.h"

struct plan {
        struct engine *engine;
        const struct engine_now *now;
        const struct access_staff *staff;
        const struct engine_entry *in;
        const struct catalogue_type *type;
        struct record record; /* as the author's screen shows it, the entry included */
        struct record
                person; /* whom it is about, as shown here; of no type: not looked for, or not here */
        struct uuid locality;
        struct position base;
        struct entry_change changes[FIELD_COUNT_MAX];
        size_t change_count;
        uint64_t changed; /* bits by field index */
        const struct catalogue_field *fault;
        uint64_t fixes; /* place of the quarantined entry that it stands for; 0: none */
};

/* fix_begin() - plan->in names a quarantined entry: what was meant by it, with what plan->in sets anew; in engine->arena */
int fix_begin(struct plan *plan, struct engine_entry *ret);

/**
 * plan_entry() - validate, and fill record, locality, base and changes
 *
 * Return: 0, or as engine_write(); plan->fault is then the field that was wrong, if it was one
 */
int plan_entry(struct plan *plan);

#endif
