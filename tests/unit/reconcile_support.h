/* One record and one entry, for tests of reconcile(): a record type made by hand, one field or group per rule. */
#ifndef TESTS_UNIT_RECONCILE_SUPPORT_H
#define TESTS_UNIT_RECONCILE_SUPPORT_H

#include "store/reconcile.h"

enum place { /* in `fields` */
             LATEST,
             REVIEW,
             PROPOSE,
             STATE,
             FIXED,
             STORE,
             STREET, /* group of latest */
             TOWN,
             REACTION, /* group of review, with an order that is raised at once */
             SEVERITY,
             NEEDS,    /* set */
             WORDS,    /* map */
             PRIORITY, /* only upward */
             GRADE,    /* review, raised at once */
             ASKED,    /* propose, one option only proposed even at creation */
             MADE_COUNT
};

enum { OPEN = 1, DONE = 2, GONE = 3, SHUT = 4 };
enum { LOW = 1, MIDDLE = 2, HIGH = 3 };

extern const struct catalogue_field made_fields[MADE_COUNT];
extern const struct catalogue_type made_type;

struct world {
        struct arena arena;
        struct record record;
        struct stamps stamps;
        struct conflict conflicts[MADE_COUNT];
        size_t conflict_count;
        struct reconcile_result result;
};

struct edit {
        struct entry_change changes[8];
        size_t count;
        uint64_t base;
        struct uuid chain[8];
        size_t chain_count;
        struct stamp stamp;
        const char *reason;
        uint16_t role;
        bool by_store;
};

void world_init(struct world *world);
void world_deinit(struct world *world);

/* made_id() - the id of an entry by its number */
struct uuid made_id(unsigned number);
struct value made_integer(int64_t number);
struct stamp made_stamp(uint64_t position, int64_t time_ms, unsigned entry);

/* world_set() - what stands in a field, and who set it when */
void world_set(struct world *world, enum place place, int64_t number, const struct stamp *stamp);
/* world_dispute() - a conflict is open about the field's unit, with a value of @other_entry */
void world_dispute(struct world *world, enum place place, unsigned other_entry);

/* An entry at position 11, time 2000, number 50, of role 1, that sets one or two fields. */
struct edit edit_one(enum place place, int64_t number);
struct edit edit_two(enum place a, int64_t a_value, enum place b, int64_t b_value);
/* edit_packed() - a change of a set or map, in hexadecimal */
struct edit edit_packed(struct world *world, enum place place, const char *digits);

/* world_run() - reconcile() it; the result is in the world, which stays as it was */
void world_run(struct world *world, struct edit *edit, bool create);

enum field_effect world_effect(const struct world *world, enum place place);
int64_t world_value(const struct world *world, enum place place); /* 0: none */
enum entry_outcome outcome_of(enum field_effect effect);

struct bytes world_hex(struct world *world, const char *digits);
void world_set_packed(struct world *world, enum place place, const char *digits);
/* world_set_needs() - the set {1, 2}, of which entry 40 added 2 at position 10 */
void world_set_needs(struct world *world);
void world_assert_packed(struct world *world, enum place place, const char *digits);

#endif
