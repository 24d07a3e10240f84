/*
 * Inside of the engine: what engine.c (life, status, time), writer.c (local writes), view.c (reads), audit.c (access events),
 * session*.c (exchanges) and doctor.c share. Nobody else includes it.
 */
#ifndef DAEMON_ENGINE_INTERNAL_H
#define DAEMON_ENGINE_INTERNAL_H

#include "daemon/engine.h"

#include "common/body.h"
#include "common/compress.h"
#include "common/error.h"
#include "daemon/access.h"
#include "daemon/bundles.h"
#include "daemon/drafts.h"
#include "daemon/outbox.h"
#include "daemon/replica.h"
#include "daemon/schedule.h"
#include "daemon/session.h"
#include "daemon/writer.h"

#include <string.h>

enum {
        AUDIT_MAX = 512,       /* access events that wait; more are written at once */
        FLUSH_DELAY_MS = 500,  /* the replica is written so long after it was changed */
        REST_MS = 5000,        /* after a task that failed */
        AUDIT_DELAY_MS = 800,  /* at most a second of them can be lost */
        AUDIT_SAME_MS = 60000, /* one staff member looking at one person again is the same event */
        RESUME_JITTER_MS =
                15 * 60 * 1000, /* after the end of a day on which a budget was used up */
        EVENTS_MAX =
                4096, /* told after one commit; what is behind them is told by the next status */
        CATCH_UP_STEP = 256, /* entries per transaction at the start */
};

struct audit_event {
        struct uuid staff;
        uint16_t role;
        struct uuid person; /* UUID_NONE: a list or a search */
        uint16_t what;      /* option of access_event.what */
        struct engine_now now;
        bool written;
};

struct audit {
        struct audit_event *events;
        size_t count; /* those that are written stay for a while, to tell the same event */
        size_t waiting;
        int64_t due_ms; /* boot clock; INT64_MAX: nothing waits */
};

struct engine {
        struct engine_options options;
        uint8_t caseload_key[AEAD_KEY_SIZE];
        struct buffer ca_certificate;
        struct outbox *outbox;
        struct drafts *drafts;
        struct bundles *bundles;
        struct bundle_export *exporting; /* a bundle in the making; NULL: none */
        struct replica *replica;
        struct access *access;
        struct body_codec *codec;
        struct compressor *compressor;
        struct schedule schedule;
        struct session session;
        struct engine_link link;
        struct budget budget;
        struct progress progress;
        int64_t resume_jitter_ms;
        bool news_waits; /* the store has news that the budget held back */
        struct audit audit;
        struct engine_event *events; /* of the open transaction */
        size_t event_count;
        int64_t attempt_ms; /* wall, of the last exchange */
        int64_t prune_ms;   /* boot clock of the next pruning */
        int64_t flush_ms; /* boot clock at which the replica is to be written; INT64_MAX: nothing waits */
        bool sealed; /* the newest erasure is in the file, and nothing of it in the WAL: it may be said */
        bool caught_up; /* the replica took entries from the outbox since the last end: own work about people whom no feed has may be among it */
        int64_t check_due_ms,
                check_wait_ms; /* boot clock: the store is not asked who differs before; after a check that did not help */
        int64_t rest_ms;    /* boot clock: no task before, since one has failed */
        bool behind;        /* the outbox has entries that the replica could not take yet */
        struct arena arena; /* scratch of one call */
        struct buffer clear, packed;
        struct writer_batch batch;
        struct engine_record shown; /* too large for a stack that is used by visits within visits */
        struct overlay overlay;
        struct record confirmed;
};

/* ---- engine.c ---- */

uint32_t engine_random(struct engine *engine);
int64_t engine_day(const struct engine *engine, const struct engine_now *now);
/* engine_floor() - wall time, but never before the last time that the store told */
int64_t engine_floor(const struct engine *engine, const struct engine_now *now);

/* Replica transactions that end with their events being told. */
int engine_begin(struct engine *engine);
int engine_commit(struct engine *engine);
void engine_rollback(struct engine *engine);
void engine_event_add(struct engine *engine, const struct engine_event *event);

/* engine_catch_up() - apply to the replica what only the outbox has */
int engine_catch_up(struct engine *engine);

/* engine_open_body() - decode a row's body; everything borrows from engine->clear and @arena */
int engine_open_body(struct engine *engine, const struct outbox_row *row, struct arena *arena,
                     struct entry_header *ret_header, struct entry_body *ret);

/* ---- engine_budget.c ---- */

int engine_budget_load(struct engine *engine, const struct engine_now *now);
/* engine_budget_apply() - tell the schedule what may go now; the day may be another */
void engine_budget_apply(struct engine *engine, const struct engine_now *now);
/* engine_budget_keep() - write what was spent, where it is worth it */
void engine_budget_keep(struct engine *engine);
/* engine_waiting() - seq of the oldest waiting entry of each lane, 0: none */
int engine_waiting(struct engine *engine, uint64_t ret_first[LANE_COUNT]);
/* engine_note_waiting() - the same, and tell the schedule what there is to send */
void engine_note_waiting(struct engine *engine, uint64_t ret_first[LANE_COUNT]);

/* ---- audit.c ---- */

int audit_note(struct engine *engine, const struct access_staff *staff,
               const struct engine_now *now, const struct uuid *person, uint16_t what);
int audit_flush(struct engine *engine, const struct engine_now *now);

/* ---- session.c ---- */

void session_init(struct session *session);
void session_deinit(struct session *session);
/* session_bundle_forget() - a bundle in the making is not finished (session_bundle.c) */
void session_bundle_forget(struct engine *engine);
/* session_finish_erasing() - erase what an end that was reached before a crash has left to erase */
int session_finish_erasing(struct engine *engine);
/* session_prune() - drop from the outbox what is settled, in a verified backup and 35 days old */
int session_prune(struct engine *engine);

#endif
