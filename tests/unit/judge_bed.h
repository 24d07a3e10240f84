/* The bed of all tests of the judge: one locality, made anew for each test, and what they ask of it again and again. */
#ifndef TESTS_UNIT_JUDGE_BED_H
#define TESTS_UNIT_JUDGE_BED_H

#include "tests/unit/judge_support.h"

extern struct judge_test test;

int set_up(void **state);
int tear_down(void **state);

void assert_outcome(const struct fate *fate, enum entry_outcome outcome);
void assert_refused(const struct fate *fate, uint16_t reason);
void assert_text_value(const struct value *value, const char *text);
void assert_field(const char *type, const struct uuid *id, const char *field, const char *text);
void assert_code(const char *type, const struct uuid *id, const char *field, const char *code);

/* contact() - a contact person with a name (review) and a phone (latest): the record that most tests edit; all tablets saw it */
struct uuid contact(const struct uuid *person, const char *name);
struct paper rename_contact(int tablet, int staff, const struct uuid *id, const char *name);

struct paper assign(int tablet, int staff, const struct uuid *person, int team, const char *status);
bool in_team(const struct uuid *person, int team);

#endif
