/*
 * Applying an answer in bounded transactions: receipts, records, then feeds with their cursors, then, at an end without
 * more, the erasing of people who left, and the end itself.
 *
 * A cut between two of them is harmless: records that came without their cursor come again and are not newer; people who
 * joined before their records' end are in a scope that is not complete; an end that was reached is finished at the next start.
 */
#include "daemon/session_check.h"
#include "daemon/session_internal.h"

#include "common/plant.h"
#include "daemon/rescue.h"

enum {
        STEP_RECORDS = 512, /* some 5 ms on a small machine */
        STEP_RECEIPTS = 1024,
        STEP_ERASE = 256,
        COUNT_RECORDS = 128,   /* counted anew at an end … */
        COUNT_REST_MS = 60000, /* … at most so often: an exchange costs what changed */
};

/* ---- how an exchange ends ---- */

void session_tell(struct engine *engine)
{
        struct engine_event event = {.kind = ENGINE_EVENT_EXCHANGE};

        if (engine->options.event)
                engine->options.event(engine->options.event_context, &event);
}

static void finish(struct engine *engine, const struct engine_now *now,
                   enum exchange_failure failure)
{
        struct session *session = &engine->session;

        session_check_drop(engine);
        if (engine->flush_ms == INT64_MAX)
                engine->flush_ms = now->boot_ms + FLUSH_DELAY_MS;
        session->state = SESSION_IDLE;
        session->failure = failure;
        session->last_bytes_sent = session->bytes_sent;
        session->last_bytes_received = session->bytes_received;
        session->last_round_trips = session->round_trips;
        session->last_duration_ms = now->boot_ms - session->began_boot_ms;
        arena_reset(&session->arena);
        if (session->answer.capacity > (size_t)64 << 10)
                buffer_wipe(&session->answer); /* a first sync's pages are not kept for ever */
        buffer_reset(&session->answer);
}

void session_done(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;
        uint64_t first[LANE_COUNT];

        finish(engine, now, EXCHANGE_OK);
        engine->caught_up = false;
        if (session->news) /* what came is written at the next turn: a crash then costs no first sync */
                engine->flush_ms = now->boot_ms;
        schedule_end(&engine->schedule, now->boot_ms, session->news,
                     outbox_counts(engine->outbox)->states[OUTCOME_NONE] > 0,
                     engine_random(engine));
        engine_note_waiting(engine, first);
        progress_end(&engine->progress, first, session->drawn ? 0 : session_lanes(engine),
                     session->fetched, replica_fact(engine->replica, FACT_DISTRUST) != 0);
        engine_budget_apply(engine, now);
        session_tell(engine);
}

void session_failed(struct engine *engine, const struct engine_now *now,
                    enum exchange_failure failure, int64_t retry_after_ms)
{
        uint64_t first[LANE_COUNT];

        finish(engine, now, failure);
        schedule_failed(&engine->schedule, now->boot_ms, failure, retry_after_ms,
                        engine_random(engine));
        engine_note_waiting(engine, first);
        session_tell(engine);
}

/* Once, behind a check: what it did is told at once. */
static bool has_report(struct session *session)
{
        bool report = session->report;

        session->report = false;
        return report;
}

int session_next(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;
        bool wanted = session->hello.vector_wanted && !session->listed_vector;
        bool confirm = session_may_confirm(engine) && !session->confirmed;
        bool sparing = session->level != BUDGET_ALL;
        bool more = session->more_to_send || (!sparing && (session->end.more || wanted));

        if (session->failure != EXCHANGE_OK) {
                session_failed(engine, now, session->failure, 0);
                return EXCHANGE_STOP;
        }
        session->news = session->news || session->moved;
        engine->news_waits = sparing && wanted;
        if (!more && !confirm) {
                if (session_check_begin(engine, now) || has_report(session)) {
                        session->state = SESSION_AGAIN;
                        return EXCHANGE_AGAIN;
                }
                session_done(engine, now);
                return EXCHANGE_DONE;
        }
        if (!session->moved && !wanted && !confirm) {
                /* asked to go on, and nothing moves: not for ever */
                if (session->stuck) {
                        session_failed(engine, now, EXCHANGE_PROTOCOL, 0);
                        return EXCHANGE_STOP;
                }
                session->stuck = true;
        } else if (session->moved) {
                session->stuck = false;
        }
        session->list_vector = session->list_vector || more;
        session->state = SESSION_AGAIN;
        return EXCHANGE_AGAIN;
}

/* ---- histories ---- */

/* Another history of the store: what is here is held against it before anything of it is taken. */
static int apply_history(struct engine *engine)
{
        int r = session_follow_histories(engine);

        engine->session.phase = PHASE_RECEIPTS;
        return r;
}

/* ---- receipts ---- */

/* What an operator dealt with is shown beside its record no longer. */
static int apply_closings(struct engine *engine)
{
        const struct wire_closings *closings = &engine->session.closings;
        int r = 0;

        for (size_t i = 0; i < closings->closings_count && r >= 0; i++) {
                const struct wire_closing *closing = &closings->closings[i];
                struct outbox_row row;

                r = outbox_get(engine->outbox, &closing->entry, &row);
                if (r > 0 && row.state == OUTCOME_QUARANTINED) {
                        r = replica_dismiss(engine->replica, row.place);
                        engine_event_add(engine,
                                         &(struct engine_event){.kind = ENGINE_EVENT_ENTRY,
                                                                .entry = closing->entry,
                                                                .state = OUTCOME_QUARANTINED});
                }
        }
        return r < 0 ? r : 0;
}

static int apply_receipts(struct engine *engine)
{
        struct session *session = &engine->session;
        int r = 0;

        for (size_t i = 0;
             i < STEP_RECEIPTS && session->receipts_next < session->receipts_count && r >= 0; i++) {
                const struct session_receipt *kept = &session->receipts[session->receipts_next++];

                session->applied++;
                r = replica_settle(engine->replica, kept->place, kept->receipt, kept->message);
                engine_event_add(engine, &(struct engine_event){.kind = ENGINE_EVENT_ENTRY,
                                                                .entry = kept->receipt->entry,
                                                                .state = kept->receipt->outcome});
        }
        if (r >= 0 && session->receipts_next == session->receipts_count)
                r = apply_closings(engine);
        if (r >= 0 && session->receipts_next == session->receipts_count) {
                session->phase = PHASE_GRANTS;
                if (session->batch)
                        r = replica_set_fact(engine->replica, FACT_BATCH, (int64_t)session->batch);
        }
        return r;
}

/* ---- grants ---- */

/* Before the records: a request that is made while they are applied names the new feeds. */
static int apply_grants(struct engine *engine)
{
        struct session *session = &engine->session;
        int r = 0;

        if (session->hello.grants_listed || session->records_count > 0 || session->feeds_count > 0)
                r = replica_told_void(engine->replica);
        if (r >= 0 && session->hello.grants_listed && session->downloads) {
                r = replica_set_grants(engine->replica, session->hello.grants,
                                       session->hello.grants_count);
                access_changed(engine->access, NULL);
        }
        session->phase = PHASE_RECORDS;
        return r;
}

/* ---- records ---- */

static int apply_row(struct engine *engine, const struct wire_records *records,
                     const struct wire_row *row)
{
        struct record *record = &engine->confirmed;
        struct cbor_reader reader;
        int r;

        *record = (struct record){
                .type = catalogue_type_by_number(records->type),
                .id = row->id,
                .person = row->person,
                .locality = records->locality,
                .author = row->author,
                .device = row->device,
                .role = row->role,
                .recorded_ms = row->recorded_ms,
                .position = row->position,
        };
        arena_reset(&engine->arena);
        cbor_reader_init(&reader, row->fields);
        r = record_decode_fields(&reader, &engine->arena, record);
        if (r >= 0)
                r = replica_confirm(engine->replica, record, records->epoch);
        return r < 0 ? r : 0;
}

static int apply_records(struct engine *engine)
{
        struct session *session = &engine->session;
        size_t left = STEP_RECORDS;

        while (left > 0) {
                struct wire_records *records;
                struct wire_row row;
                int r;

                if (session->records_next == session->records_count) {
                        session->phase = PHASE_FEEDS;
                        return 0;
                }
                records = &session->records[session->records_next];
                r = wire_records_next(records, &row);
                if (r < 0)
                        return r;
                if (r == 0) {
                        session->records_next++;
                        continue;
                }
                r = apply_row(engine, records, &row);
                if (r < 0)
                        return r;
                left--;
                session->applied++;
        }
        return 0;
}

/* ---- feeds ---- */

static int count_traffic(struct engine *engine)
{
        struct session *session = &engine->session;
        int r;

        /* of the whole exchange so far: what was counted by the round trips before is in the facts already */
        r = replica_set_fact(engine->replica, FACT_BYTES_SENT,
                             replica_fact(engine->replica, FACT_BYTES_SENT) +
                                     (int64_t)(session->bytes_sent - session->counted_sent));
        if (r >= 0)
                r = replica_set_fact(
                        engine->replica, FACT_BYTES_RECEIVED,
                        replica_fact(engine->replica, FACT_BYTES_RECEIVED) +
                                (int64_t)(session->bytes_received - session->counted_received));
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_EXCHANGES,
                                     replica_fact(engine->replica, FACT_EXCHANGES) + 1);
        session->counted_sent = session->bytes_sent;
        session->counted_received = session->bytes_received;
        return r;
}

static int apply_feeds(struct engine *engine)
{
        struct session *session = &engine->session;
        bool end = !session->end.more && session->downloads;
        int r = 0;

        for (size_t i = 0; i < session->feeds_count && r >= 0; i++)
                r = replica_take_feed(engine->replica, &session->feeds[i]);
        if (session->feeds_count > 0)
                access_changed(engine->access, NULL);
        /* with the cursors that move behind them: an upgraded build fetches them again */
        if (r >= 0 && session->passed_over)
                r = replica_set_fact(engine->replica, FACT_PASSED_OVER, 1);
        if (r >= 0)
                r = count_traffic(engine);
        if (r >= 0 && end && !session->more_to_send)
                r = replica_sweep(engine->replica);
        if (r >= 0 && end)
                r = replica_set_fact(engine->replica, FACT_ENDING, 1);
        session->erased = session->erased || (end && session->hello.leaving > 0);
        session->phase = end ? PHASE_ERASE : PHASE_AGAIN;
        return r;
}

/* ---- the end ---- */

struct forgetting {
        struct engine *engine;
        bool begun;
};

static int forget_entry(void *context, const struct uuid *entry)
{
        struct forgetting *forgetting = context;
        int r = 0;

        if (!forgetting->begun)
                r = outbox_begin(forgetting->engine->outbox);
        if (r < 0)
                return r;
        forgetting->begun = true;
        return outbox_erase_body(forgetting->engine->outbox, entry);
}

/* 1 there is more, 0 done. The outbox forgets first: what is left here when it fails is erased again. */
static int erase_some(struct engine *engine, bool *ret_erased)
{
        struct forgetting forgetting = {.engine = engine};
        int more, r;

        more = replica_erase(engine->replica, STEP_ERASE, forget_entry, &forgetting, ret_erased);
        if (more < 0) {
                if (forgetting.begun)
                        outbox_rollback(engine->outbox);
                return more;
        }
        if (forgetting.begun) {
                r = outbox_commit(engine->outbox);
                if (r < 0)
                        return r;
        }
        return more;
}

static int apply_erase(struct engine *engine)
{
        int r = engine->caught_up ? replica_leave_own(engine->replica) : 0;

        engine->session.applied++;
        if (r >= 0)
                r = erase_some(engine, &engine->session.erased);
        if (r == 0)
                engine->session.phase = PHASE_END;
        return r < 0 ? r : 0;
}

/* What came is everything up to the heads that the answer showed: one snapshot. */
static int pass_localities(struct engine *engine)
{
        const struct wire_store_hello *hello = &engine->session.hello;

        for (size_t i = 0; i < hello->localities_count; i++) {
                const struct wire_head *head = &hello->localities[i].head;
                struct position reached = {.epoch = head->epoch, .position = head->position};
                int r;

                r = replica_set_reached(engine->replica, &head->locality, &reached);
                if (r >= 0)
                        r = replica_pass(engine->replica, &head->locality, &reached);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Is the copy what the store has? Some of it is counted anew each time: what a disk did to it shows one day, too. */
static int compare(struct engine *engine)
{
        struct session *session = &engine->session;
        bool due = session->counted_boot_ms == 0 ||
                   session->began_boot_ms - session->counted_boot_ms >= COUNT_REST_MS;
        uint64_t wrong;
        int r = replica_count_some(engine->replica, due ? COUNT_RECORDS : 0, &wrong);

        if (due)
                session->counted_boot_ms = session->began_boot_ms;
        if (r >= 0 && session->reported > 0)
                r = replica_repairs_told(engine->replica, session->reported);
        session->reported = 0;
        return r < 0 ? r : replica_compare(engine->replica, &session->equality);
}

static int apply_end(struct engine *engine)
{
        struct session *session = &engine->session;
        uint8_t hash[HASH_SIZE];
        struct wire_feed_state *feeds;
        size_t count;
        int r;

        r = pass_localities(engine);
        if (r >= 0)
                r = replica_pass_rest(engine->replica);
        if (r >= 0)
                r = replica_complete(engine->replica);
        if (r >= 0)
                r = session_vector(engine, &engine->arena, &feeds, &count, hash);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_DISTRUST,
                                     memcmp(hash, session->end.vector_hash, HASH_SIZE) != 0);
        if (r >= 0)
                r = replica_told(engine->replica, session->end.vector_hash,
                                 session->end.digest_hash);
        if (r >= 0)
                r = compare(engine);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_ENDING, 0);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_CONFIRM, session->hello.leaving > 0);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_COMPLETE_MS, session->hello.now_ms);
        if (r >= 0 && replica_fact(engine->replica, FACT_RESCUE) != RESCUE_NONE)
                r = replica_set_fact(engine->replica, FACT_RESCUE, RESCUE_NONE);
        session->fetched = true;
        access_changed(engine->access, NULL);
        session->phase = PHASE_AGAIN;
        return r;
}

/* Power may have failed between an erasure and the emptying of its WAL: only then may it be spoken of. */
static void seal_again(struct engine *engine)
{
        engine->sealed = replica_seal(engine->replica) >= 0;
        if (!engine->sealed)
                error_clear(); /* the next end tries again */
}

bool session_may_confirm(const struct engine *engine)
{
        return engine->sealed && replica_fact(engine->replica, FACT_CONFIRM) != 0;
}

int session_finish_erasing(struct engine *engine)
{
        bool erased = false;
        int more = 1, r = 0;

        if (!replica_fact(engine->replica, FACT_ENDING)) {
                seal_again(engine);
                return 0;
        }
        r = replica_full(engine->replica, true);
        while (more > 0 && r >= 0) {
                r = engine_begin(engine);
                if (r < 0)
                        break;
                more = erase_some(engine, &erased);
                r = more;
                if (more == 0)
                        r = replica_set_fact(engine->replica, FACT_ENDING, 0);
                if (r >= 0)
                        r = engine_commit(engine);
                else
                        engine_rollback(engine);
        }
        if (r >= 0)
                r = replica_seal(engine->replica);
        engine->sealed = r >= 0;
        if (r >= 0)
                r = replica_full(engine->replica, false);
        return r;
}

/* ---- steps ---- */

static int apply_phase(struct engine *engine)
{
        switch (engine->session.phase) {
        case PHASE_HISTORY:
                return apply_history(engine);
        case PHASE_RECEIPTS:
                return apply_receipts(engine);
        case PHASE_GRANTS:
                return apply_grants(engine);
        case PHASE_RECORDS:
                return apply_records(engine);
        case PHASE_FEEDS:
                return apply_feeds(engine);
        case PHASE_ERASE:
                return apply_erase(engine);
        case PHASE_END:
                return apply_end(engine);
        case PHASE_AGAIN:
        case PHASE_COUNT:
                break;
        }
        return 0;
}

/* The phases that cost nothing go together: an exchange without news is one transaction. */
static int apply_phases(struct engine *engine)
{
        struct session *session = &engine->session;
        enum session_phase phase;
        int r;

        do {
                phase = session->phase;
                r = apply_phase(engine);
        } while (r >= 0 && session->phase != phase && session->phase != PHASE_AGAIN &&
                 session->records_count == 0 && session->receipts_count < STEP_RECEIPTS &&
                 !(session->phase == PHASE_END && session->erased));
        return r;
}

/* A planted bug: the cursors are durable before the records that they stand for. */
static int move_cursors_first(struct engine *engine)
{
        int r = engine_begin(engine);

        if (r >= 0 && engine->session.hello.grants_listed)
                r = replica_set_grants(engine->replica, engine->session.hello.grants,
                                       engine->session.hello.grants_count);
        for (size_t i = 0; i < engine->session.feeds_count && r >= 0; i++)
                r = replica_take_feed(engine->replica, &engine->session.feeds[i]);
        if (r >= 0)
                r = engine_commit(engine);
        return r < 0 ? r : replica_flush(engine->replica);
}

static int step(struct engine *engine)
{
        struct session *session = &engine->session;
        bool sealing = session->phase == PHASE_END && session->erased &&
                       !SIM_PLANT(ERASURE_REPORTED_BEFORE_DURABLE);
        int r = 0;

        if (SIM_PLANT(CURSOR_WITHOUT_BATCH) && session->phase == PHASE_RECORDS &&
            session->records_next == 0)
                r = move_cursors_first(engine);
        /* the erasures before it were not flushed: this commit makes all of them durable */
        if (r >= 0 && sealing) {
                engine->sealed = false;
                r = replica_full(engine->replica, true);
        }
        if (r >= 0)
                r = engine_begin(engine);
        if (r < 0)
                return r;
        arena_reset(&engine->arena);
        r = apply_phases(engine);
        if (r >= 0)
                r = engine_commit(engine);
        else
                engine_rollback(engine);
        if (r >= 0 && sealing)
                r = replica_seal(engine->replica);
        if (r >= 0 && sealing) {
                engine->sealed = true;
                r = replica_full(engine->replica, false);
        }
        return r;
}

/* Records that came before went with a commit that failed: no cursor may pass them, so they are fetched again. */
int session_check_losses(const struct engine *engine)
{
        if (replica_loss_count(engine->replica) == engine->session.losses)
                return 0;
        return FAIL(PANNIER_E_STORAGE, "what was received in this exchange could not be written");
}

int engine_exchange_step(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;
        int r;

        if (session->state != SESSION_APPLYING)
                return FAIL(PANNIER_E_BUSY, "nothing is to be applied");
        if (session->check)
                return session_check_step(engine, now);
        r = session_check_losses(engine);
        if (r >= 0)
                r = step(engine);
        if (r < 0) {
                bool ours = r == PANNIER_E_STORAGE || r == PANNIER_E_MEMORY ||
                            r == PANNIER_E_CORRUPT || r == PANNIER_E_INTERNAL;

                access_changed(engine->access, NULL);
                /* receipts that the replica did not take are in the outbox: it catches up from there */
                engine->behind = true;
                session_failed(engine, now, ours ? EXCHANGE_OK : EXCHANGE_PROTOCOL, 0);
                return ours ? r : EXCHANGE_STOP;
        }
        if (session->phase != PHASE_AGAIN)
                return EXCHANGE_STEP;
        return session_next(engine, now);
}

/* ---- pruning ---- */

static const int64_t keep_ms = (int64_t)35 * 24 * 60 * 60 * 1000;

int session_prune(struct engine *engine)
{
        /* only what the newest answer said: a backup may have been lost since an older one */
        for (size_t i = 0; i < engine->session.backup_count; i++) {
                const struct session_backup *backup = &engine->session.backups[i];
                int r;

                do
                        r = outbox_prune(engine->outbox, &backup->locality, &backup->position,
                                         engine->session.told_ms - keep_ms);
                while (r > 0);
                if (r < 0)
                        return r;
        }
        return 0;
}
