/*
 * When the next exchange is due: soon after local work, otherwise with adaptive, jittered, capped waits.
 *
 * Pure: it is told what happened and when (boot clock), and gives a deadline. It knows no link and no message.
 */
#ifndef DAEMON_SCHEDULE_H
#define DAEMON_SCHEDULE_H

#include "daemon/budget.h"
#include "daemon/engine.h"

/* What the store may set (WIRE_POLICY); 0: the default. */
struct schedule_policy {
        int64_t poll_min_ms, poll_max_ms; /* waits between two exchanges without cause */
};

struct schedule {
        struct schedule_policy policy;
        bool up, metered;
        bool running;          /* an exchange is in flight: nothing is due */
        bool work;             /* own entries wait */
        int64_t due_ms;        /* boot clock; INT64_MAX: never */
        int64_t wait_ms;       /* the current poll wait, before jitter */
        uint32_t failures;     /* in a row */
        int64_t attempt_ms;    /* boot clock of the last attempt; INT64_MIN: none */
        int64_t not_before_ms; /* what the store asked for (Retry-After) */
        /* What the budget of the day lets through, and what there is. */
        enum budget_level level;
        int64_t resume_ms; /* boot clock: everything goes again */
        bool asked;       /* a person asked for an exchange: the budget does not stand in its way */
        bool own, urgent; /* own entries wait that are somebody's work; urgent ones */
};

/* schedule_init() - due at once */
void schedule_init(struct schedule *schedule, int64_t now_ms);
void schedule_set_policy(struct schedule *schedule, const struct schedule_policy *policy);

/* schedule_work() - own entries were recorded; @urgent: of the urgent lane. @random: 0 … UINT32_MAX for the jitter */
void schedule_work(struct schedule *schedule, int64_t now_ms, bool urgent, uint32_t random);

/* schedule_now() - a person asked, or the store has news: due at once, but not before what the store asked for, whatever the budget */
void schedule_now(struct schedule *schedule, int64_t now_ms);

/* schedule_link() - a link that comes up, or that changed after failures, makes an exchange due within SCHEDULE_UP_JITTER_MS */
void schedule_link(struct schedule *schedule, int64_t now_ms, bool up, bool metered,
                   uint32_t random);

/**
 * schedule_level() - what the budget lets through from now on
 * @resume_ms: boot clock: when the day is over
 *
 * Below BUDGET_ALL no exchange is due but for work that may go, or where a person asked.
 */
void schedule_level(struct schedule *schedule, enum budget_level level, int64_t resume_ms);

/* schedule_waiting() - what there is to send, after an exchange or at the start */
void schedule_waiting(struct schedule *schedule, bool own, bool urgent);

/* schedule_begin() - a request was made. Return: what may go with it */
enum budget_level schedule_begin(struct schedule *schedule, int64_t now_ms);

/**
 * schedule_end() - an exchange ended well
 * @news:  it brought or sent something: look again soon, things are happening
 * @work:  own entries still wait (recorded meanwhile)
 */
void schedule_end(struct schedule *schedule, int64_t now_ms, bool news, bool work, uint32_t random);

/* schedule_failed() - it did not; @retry_after_ms 0: nothing was asked for */
void schedule_failed(struct schedule *schedule, int64_t now_ms, enum exchange_failure failure,
                     int64_t retry_after_ms, uint32_t random);

/* schedule_deadline() - boot clock; INT64_MAX while running */
int64_t schedule_deadline(const struct schedule *schedule);

/* schedule_patience_ms() - boot clock up to which the store asked not to be asked; INT64_MIN: it did not */
int64_t schedule_patience_ms(const struct schedule *schedule);

enum {
        SCHEDULE_SOON_URGENT_MS = 50,
        SCHEDULE_SOON_MS = 500,               /* gathers what is written together */
        SCHEDULE_SOON_METERED_MS = 5000,      /* routine work on a metered link */
        SCHEDULE_SOON_SPARING_MS = 60 * 1000, /* routine work where the budget is used up */
        SCHEDULE_RETRY_URGENT_MS =
                5000, /* urgent work tries again so soon, however long the link is down */
        SCHEDULE_UP_JITTER_MS = 3000, /* a ward full of devices comes back at the same moment */
        SCHEDULE_POLL_MIN_MS = 60 * 1000,
        SCHEDULE_POLL_MAX_MS = 15 * 60 * 1000,
        SCHEDULE_METERED_FACTOR = 4, /* polls on a metered link are so much rarer */
        SCHEDULE_BACKOFF_MS = 2000,  /* first wait after a failure; doubles */
        SCHEDULE_BACKOFF_MAX_MS = 5 * 60 * 1000,
        SCHEDULE_REFUSED_MS = 15 * 60 * 1000, /* failures that a person must mend */
        SCHEDULE_RETRY_AFTER_MAX_MS = 60 * 60 * 1000,
};

#endif
