/* The bed of all tests of an exchange: a store with one person in a team, and a tablet that is granted it; made anew for each test. */
#ifndef TESTS_UNIT_EXCHANGE_BED_H
#define TESTS_UNIT_EXCHANGE_BED_H

#include "tests/unit/exchange_support.h"

extern struct store_test test;
extern struct store_side side;
extern struct tablet tablet;
extern struct reply reply;
extern struct uuid person;

int set_up(void **state);
int tear_down(void **state);

uint64_t entries_in_log(void);
/* write_alerts() - numbers 1 to @count about the person; alert_id() is the id of entry and record */
void write_alerts(uint32_t count);
struct uuid alert_id(uint32_t number);
bool alert_exists(uint32_t number);

#endif
