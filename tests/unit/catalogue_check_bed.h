/* What the tests of the catalogue's checks share: one record with its person and baseline, set field by field. */
#ifndef TESTS_UNIT_CATALOGUE_CHECK_BED_H
#define TESTS_UNIT_CATALOGUE_CHECK_BED_H

#include "unit.h"

#include "common/catalogue_check.h"
#include "common/date.h"
#include "common/error.h"

#include <pannier/error.h>
#include <string.h>

#define NOW_MS ((int64_t)1795291200000) /* 2026-11-21, evening */

struct fixture {
        struct arena arena;
        struct record record, person, baseline;
        struct catalogue_check_input input;
        struct catalogue_check_result result;
};

/* Of a record's fields by name; a code by its code, a date as YYYY-MM-DD. A name that is not in the catalogue fails the test. */
int index_of(const struct record *record, const char *name);
void set_integer(struct record *record, const char *name, int64_t integer);
void set_text(struct record *record, const char *name, const char *text);
void set_code(struct record *record, const char *name, const char *code);
void set_date(struct record *record, const char *name, const char *text);
void clear(struct record *record, const char *name);
const struct value *value_of(const struct record *record, const char *name);
bool has_code(const struct record *record, const char *name, const char *code);
/* is_derived() - did the last check set the field? changed() - this edit changes it */
bool is_derived(const struct fixture *fixture, const char *name);
void changed(struct fixture *fixture, const char *name);
/* record_of() - an empty record of a type; begin() - a creation of one on the device; begin_observations() - with all seven inputs, of a grown person */
struct record record_of(const char *type);
void begin(struct fixture *fixture, const char *type);
void begin_observations(struct fixture *fixture);
/* check() - ask the catalogue; good() - and it has nothing to say; bad() - and it refuses this field for this reason */
int check(struct fixture *fixture);
void good(struct fixture *fixture);
void bad(struct fixture *fixture, enum quarantine_reason reason, const char *field);

#endif
