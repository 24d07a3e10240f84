/*
 * The overlay: what a record looks like with the device's own pending entries on top of its confirmed state.
 *
 * Pure. It knows the catalogue's rules as far as a screen must foretell them: what takes effect at once is shown in place,
 * what will wait for somebody's decision is shown beside the confirmed value, never in its place (docs/protocol.md, own pending work).
 */
#ifndef DAEMON_OVERLAY_H
#define DAEMON_OVERLAY_H

#include "common/wire_messages.h"
#include "daemon/engine.h"

struct overlay_edit { /* one entry on the record, oldest first */
        struct uuid entry, device;
        struct entry_body body;
        enum entry_outcome state; /* OUTCOME_NONE: waiting */
        struct position position; /* of the receipt; zero: none */
        const struct wire_effect *effects;
        size_t effect_count;
        uint64_t
                stale; /* bit per field index: the confirmed value was changed by somebody else since */
};

struct overlay {
        bool exists;          /* there is a visible record */
        struct record record; /* visible; borrows from what it was made of and from the arena */
        enum engine_field_state states[FIELD_COUNT_MAX];
        struct value beside[FIELD_COUNT_MAX];
        bool pending; /* any field is not confirmed */
};

/**
 * overlay_build() - put edits on top of a confirmed record
 * @confirmed: NULL where the store has confirmed none
 * @arena:     owns packed values that are made here
 *
 * Return: 0, PANNIER_E_MALFORMED (a set that cannot be read), PANNIER_E_MEMORY
 */
int overlay_build(const struct catalogue_type *type, const struct record *confirmed,
                  const struct overlay_edit *edits, size_t count, struct arena *arena,
                  struct overlay *ret);

/* overlay_is_active() - does the edit still show in the visible record? Not once it was quarantined. */
bool overlay_is_active(const struct overlay_edit *edit);

/**
 * overlay_is_over() - has the edit's effect arrived: receipt there, and the confirmed record is as new as it
 * @confirmed: position of the confirmed record, or up to where everything was received
 */
bool overlay_is_over(const struct overlay_edit *edit, const struct position *confirmed);

/**
 * overlay_stale() - which fields of a pending edit somebody else changed, now that a new confirmed state is here
 * @before: the confirmed state up to now; NULL: not known
 * @after:  the new one
 * @edits:  all edits on the record, those that are over included: what they set is nobody else's change
 * @index:  of the edit that is asked about
 *
 * Return: bits to add to edits[index].stale
 */
uint64_t overlay_stale(const struct record *before, const struct record *after,
                       const struct overlay_edit *edits, size_t count, size_t index);

#endif
