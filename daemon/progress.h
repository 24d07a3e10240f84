/*
 * Does anything get less? Exchanges that end well and move nothing are the kind of trouble that no error shows: a store that takes
 * entries and never answers for them, or news that never becomes what the store has.
 *
 * Pure: it is told at each exchange's begin and good end what waits. It decides nothing but what to call it.
 */
#ifndef DAEMON_PROGRESS_H
#define DAEMON_PROGRESS_H

#include "common/entry.h"

enum { PROGRESS_PATIENCE = 3 }; /* exchanges in a row that ended well and changed nothing */

enum progress_state {
        PROGRESS_GOOD,
        PROGRESS_WORK_STUCK, /* what waited before waits after it, each time */
        PROGRESS_NEWS_STUCK, /* everything was fetched, and it is not what the store has, each time */
};

/* progress_state_name() - "good", "work is not answered", "news does not arrive" */
const char *progress_state_name(enum progress_state state);

struct progress {
        uint64_t first[LANE_COUNT]; /* seq of the oldest waiting entry at the begin; 0: none */
        uint32_t work, news;        /* how often in a row */
};

/* progress_begin() - an exchange begins; @first: as in struct progress */
void progress_begin(struct progress *progress, const uint64_t first[LANE_COUNT]);

/**
 * progress_end() - it ended well
 * @lanes:    lanes that were to be sent, from 0 up to it; 0: none was (another incarnation began, or nothing may go)
 * @fetched:  it reached the end of all feeds
 * @differs:  and what is here then is not what the store has
 */
void progress_end(struct progress *progress, const uint64_t first[LANE_COUNT], uint8_t lanes,
                  bool fetched, bool differs);

enum progress_state progress_state(const struct progress *progress);

#endif
