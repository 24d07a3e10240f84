/*
 * The bed of the tests of both engines with one tablet: a store with people, a device of a nurse, and the few things that a
 * nurse does in most of them. Numbers name entries: the same number, the same id.
 */
#ifndef TESTS_UNIT_ENGINE_BED_H
#define TESTS_UNIT_ENGINE_BED_H

#include "tests/unit/engine_support.h"

extern struct rig rig;
extern struct station tablet; /* of rig.team */

/* bed_make(), bed_unmake() - set-up and tear-down of a test: rig and tablet in a folder of the test's own */
int bed_make(void **state);
int bed_unmake(void **state);

struct engine_status status_of(struct station *station);
/* people() - how many people a staff member finds; @query "": all they may see */
size_t people(struct station *station, const struct uuid *staff, const char *query);

struct uuid new_id(uint32_t number);
/* alert(), edit_text() - the nurse records an alert about a dog, or changes the text of one; return of engine_write() */
int alert(struct station *station, uint32_t number, const struct uuid *person, const char *text);
int edit_text(struct station *station, uint32_t number, const struct uuid *record,
              const char *text);
/* meet() - the nurse records somebody new, Nora New; the person's id is new_id(@number) */
int meet(struct station *station, uint32_t number);
/* state_of() - of the entry with a number: see station_state() */
int state_of(struct station *station, uint32_t number);

#endif
