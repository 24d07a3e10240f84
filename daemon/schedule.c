/*
 * One due time, and rules that move it. A failure only ever delays; what a person or a nurse's work asks for
 * brings it forward, but never before the time that the store itself asked for.
 */
#include "daemon/schedule.h"

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/* 75 … 125 % of @wait_ms: devices that failed together do not come back together */
static int64_t jittered(int64_t wait_ms, uint32_t random)
{
        return wait_ms - wait_ms / 4 + (int64_t)((uint64_t)(wait_ms / 2) * random / UINT32_MAX);
}

static int64_t poll_min(const struct schedule *schedule)
{
        int64_t wait_ms =
                schedule->policy.poll_min_ms ? schedule->policy.poll_min_ms : SCHEDULE_POLL_MIN_MS;

        return schedule->metered ? wait_ms * SCHEDULE_METERED_FACTOR : wait_ms;
}

static int64_t poll_max(const struct schedule *schedule)
{
        int64_t wait_ms =
                schedule->policy.poll_max_ms ? schedule->policy.poll_max_ms : SCHEDULE_POLL_MAX_MS;

        return larger(schedule->metered ? wait_ms * SCHEDULE_METERED_FACTOR : wait_ms,
                      poll_min(schedule));
}

void schedule_init(struct schedule *schedule, int64_t now_ms)
{
        *schedule = (struct schedule){
                .up = true,
                .due_ms = now_ms,
                .attempt_ms = INT64_MIN,
                .not_before_ms = INT64_MIN,
        };
        schedule->wait_ms = poll_min(schedule);
}

void schedule_set_policy(struct schedule *schedule, const struct schedule_policy *policy)
{
        schedule->policy = *policy;
        schedule->wait_ms =
                larger(smaller(schedule->wait_ms, poll_max(schedule)), poll_min(schedule));
}

static void bring_forward(struct schedule *schedule, int64_t due_ms)
{
        schedule->due_ms = larger(smaller(schedule->due_ms, due_ms), schedule->not_before_ms);
}

void schedule_work(struct schedule *schedule, int64_t now_ms, bool urgent, uint32_t random)
{
        int64_t soon_ms = urgent                          ? SCHEDULE_SOON_URGENT_MS
                          : schedule->level != BUDGET_ALL ? SCHEDULE_SOON_SPARING_MS
                          : schedule->metered             ? SCHEDULE_SOON_METERED_MS
                                                          : SCHEDULE_SOON_MS;

        schedule->work = schedule->own = true;
        schedule->urgent = schedule->urgent || urgent;
        if (schedule->failures == 0) {
                bring_forward(schedule, now_ms + soon_ms);
                return;
        }
        /* The link failed a moment ago: routine work waits for the next attempt, urgent work does not wait long. */
        if (urgent)
                bring_forward(schedule, larger(now_ms + soon_ms,
                                               schedule->attempt_ms +
                                                       jittered(SCHEDULE_RETRY_URGENT_MS, random)));
}

void schedule_now(struct schedule *schedule, int64_t now_ms)
{
        schedule->asked = true;
        bring_forward(schedule, now_ms);
}

void schedule_level(struct schedule *schedule, enum budget_level level, int64_t resume_ms)
{
        schedule->level = level;
        schedule->resume_ms = resume_ms;
}

void schedule_waiting(struct schedule *schedule, bool own, bool urgent)
{
        schedule->own = own;
        schedule->urgent = urgent;
}

void schedule_link(struct schedule *schedule, int64_t now_ms, bool up, bool metered,
                   uint32_t random)
{
        int64_t due_ms;
        bool was_up = schedule->up, came = up && (!was_up || schedule->failures > 0);

        schedule->up = up;
        schedule->metered = metered;
        schedule->wait_ms =
                larger(smaller(schedule->wait_ms, poll_max(schedule)), poll_min(schedule));
        if (!came)
                return;
        schedule->failures = 0;
        due_ms = now_ms + (int64_t)((uint64_t)SCHEDULE_UP_JITTER_MS * random / UINT32_MAX);
        /* a link that comes and goes is not tried at every twitch */
        if (was_up && schedule->attempt_ms != INT64_MIN)
                due_ms = larger(due_ms, schedule->attempt_ms + SCHEDULE_RETRY_URGENT_MS);
        bring_forward(schedule, due_ms);
}

enum budget_level schedule_begin(struct schedule *schedule, int64_t now_ms)
{
        schedule->running = true;
        schedule->work = false;
        schedule->attempt_ms = now_ms;
        return schedule->asked ? BUDGET_ALL : schedule->level;
}

void schedule_end(struct schedule *schedule, int64_t now_ms, bool news, bool work, uint32_t random)
{
        bool came_meanwhile = schedule->work;

        schedule->running = schedule->asked = false;
        schedule->failures = 0;
        schedule->not_before_ms = INT64_MIN;
        schedule->work = work || came_meanwhile;
        schedule->wait_ms =
                news ? poll_min(schedule)
                     : smaller(schedule->wait_ms + schedule->wait_ms / 2, poll_max(schedule));
        schedule->due_ms = now_ms + jittered(schedule->wait_ms, random);
        if (came_meanwhile)
                bring_forward(schedule, now_ms + (schedule->metered ? SCHEDULE_SOON_METERED_MS
                                                                    : SCHEDULE_SOON_MS));
}

/* How long to stay away: short for what mends itself, long for what a person has to mend. */
static int64_t backoff(const struct schedule *schedule, enum exchange_failure failure)
{
        uint32_t doublings = schedule->failures - 1 < 12 ? schedule->failures - 1 : 12;
        int64_t wait_ms =
                smaller((int64_t)SCHEDULE_BACKOFF_MS << doublings, SCHEDULE_BACKOFF_MAX_MS);

        switch (failure) {
        case EXCHANGE_TLS_UNTRUSTED:
        case EXCHANGE_CERTIFICATE_EXPIRED:
        case EXCHANGE_REFUSED:
        case EXCHANGE_UPGRADE:
        case EXCHANGE_FORKED:
        case EXCHANGE_STORE_BEHIND:
                /* the first few attempts are quick: an operator may be standing beside it */
                return schedule->failures > 3 ? SCHEDULE_REFUSED_MS : wait_ms;
        case EXCHANGE_OK:
        case EXCHANGE_OFFLINE:
        case EXCHANGE_DNS:
        case EXCHANGE_CAPTIVE_PORTAL:
        case EXCHANGE_PROXY:
        case EXCHANGE_CLOCK_WRONG:
        case EXCHANGE_RATE_LIMITED:
        case EXCHANGE_STORE_UNAVAILABLE:
        case EXCHANGE_PROTOCOL:
        case EXCHANGE_FAILURE_COUNT:
                break;
        }
        return wait_ms;
}

void schedule_failed(struct schedule *schedule, int64_t now_ms, enum exchange_failure failure,
                     int64_t retry_after_ms, uint32_t random)
{
        schedule->running = false;
        schedule->failures++;
        schedule->due_ms = now_ms + jittered(backoff(schedule, failure), random);
        schedule->not_before_ms = INT64_MIN;
        if (retry_after_ms > 0) {
                /* jitter only upwards, earlier than asked for is rude: and those who were all told the same do not come together */
                retry_after_ms = smaller(retry_after_ms, SCHEDULE_RETRY_AFTER_MAX_MS);
                schedule->not_before_ms =
                        now_ms + retry_after_ms +
                        (int64_t)((uint64_t)(retry_after_ms / 4) * random / UINT32_MAX);
                schedule->due_ms = larger(schedule->due_ms, schedule->not_before_ms);
        }
}

static bool may_go(const struct schedule *schedule)
{
        switch (schedule->level) {
        case BUDGET_ALL:
                return true;
        case BUDGET_OWN:
                return schedule->asked || schedule->own || schedule->urgent;
        case BUDGET_URGENT:
                return schedule->asked || schedule->urgent;
        }
        return true;
}

int64_t schedule_deadline(const struct schedule *schedule)
{
        if (schedule->running)
                return INT64_MAX;
        return may_go(schedule) ? schedule->due_ms : larger(schedule->due_ms, schedule->resume_ms);
}

int64_t schedule_patience_ms(const struct schedule *schedule)
{
        return schedule->not_before_ms;
}
