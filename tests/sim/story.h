/*
 * What happened, twice: as a hash over every event, to see that one seed gives one history, and as lines for people.
 */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include "common/bytes.h"

#include <stdio.h>

struct story {
        FILE *out; /* NULL: nothing is told */
        int64_t began_ms, now_ms;
        uint64_t hash;
};

void story_init(struct story *story, FILE *out, int64_t now_ms);
void story_mix(struct story *story, struct bytes data);
void story_mix_number(struct story *story, uint64_t number);
/* story_tell() - one line: when, who, what. @who is NULL for the store, else a device's name */
void story_tell(struct story *story, const char *who, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
