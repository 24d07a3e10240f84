/*
 * What the engine says of itself, and the calls that only pass through: status, scopes, drafts, names.
 */
#include "daemon/engine_internal.h"

/* ---- status ---- */

static int count_conflict(void *context, const struct record *record, struct bytes stamps)
{
        const struct value *status = &record->values[catalogue_bind()->conflict.status];
        uint64_t *count = context;

        (void)stamps;
        if (status->form != VALUE_INTEGER ||
            status->integer == catalogue_bind()->conflict.status_open)
                (*count)++;
        return 0;
}

static int fill_scopes(struct engine *engine, struct engine_status *ret)
{
        struct replica_feed *feeds;
        size_t count;
        int r;

        arena_reset(&engine->arena);
        r = replica_feeds(engine->replica, &engine->arena, &feeds, &count);
        if (r < 0)
                return r;
        ret->complete = replica_fact(engine->replica, FACT_COMPLETE_MS) > 0;
        for (size_t i = 0; i < count; i++)
                if (feeds[i].granted && !feeds[i].complete)
                        ret->complete = false;
        return 0;
}

/* What waits, apart from who looked at whom: that is for the store, and no nurse waits for it. */
static int count_waiting(struct engine *engine, struct engine_status *ret)
{
        int64_t oldest_ms;
        uint64_t count;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                int r = outbox_waiting_of(engine->outbox, lane, &count, &oldest_ms);
                if (r < 0)
                        return r;
                if (lane == LANE_BULK)
                        ret->access_waiting = count;
                else if (oldest_ms &&
                         (!ret->oldest_waiting_ms || oldest_ms < ret->oldest_waiting_ms))
                        ret->oldest_waiting_ms = oldest_ms;
        }
        return 0;
}

static int fill_proof(struct engine *engine, struct engine_status *ret)
{
        enum replica_equality equality;
        struct replica_repairs repairs;
        int r = replica_equality(engine->replica, &equality);

        if (r >= 0)
                r = replica_repairs(engine->replica, &repairs);
        if (r < 0)
                return r;
        ret->proven = equality == REPLICA_EQUAL;
        ret->repaired = repairs.made;
        ret->repair_erased = repairs.erased;
        ret->repair_faults = repairs.faults;
        ret->repaired_ms = repairs.newest_ms;
        ret->contradiction = replica_fact(engine->replica, FACT_CONTRADICTION) != 0;
        return 0;
}

int engine_status(struct engine *engine, const struct engine_now *now, struct engine_status *ret)
{
        const struct outbox_counts *counts = outbox_counts(engine->outbox);
        const struct session *session = &engine->session;
        int64_t due_ms = schedule_deadline(&engine->schedule);
        int r;

        *ret = (struct engine_status){
                .device = engine->options.device,
                .incarnation = *outbox_incarnation(engine->outbox),
                .locality = replica_locality(engine->replica),
                .damaged = counts->damaged,
                .access_events = outbox_seq(engine->outbox, LANE_BULK),
                .exchanging = session->state != SESSION_IDLE,
                .upgrade_needed = replica_fact(engine->replica, FACT_PASSED_OVER) != 0,
                .enrolled = replica_fact(engine->replica, FACT_COMPLETE_MS) > 0,
                .last_complete_ms = replica_fact(engine->replica, FACT_COMPLETE_MS),
                .last_attempt_ms = engine->attempt_ms,
                .failure = session->failure,
                .next_ms =
                        due_ms == INT64_MAX ? now->wall_ms : now->wall_ms + (due_ms - now->boot_ms),
                .bytes_sent = (uint64_t)replica_fact(engine->replica, FACT_BYTES_SENT),
                .bytes_received = (uint64_t)replica_fact(engine->replica, FACT_BYTES_RECEIVED),
                .exchanges = (uint64_t)replica_fact(engine->replica, FACT_EXCHANGES),
                .last_bytes_sent = session->last_bytes_sent,
                .last_bytes_received = session->last_bytes_received,
                .last_round_trips = session->last_round_trips,
                .last_duration_ms = session->last_duration_ms,
                .flushes_outbox = db_flush_count(engine->options.outbox_db),
                .flushes_replica = db_flush_count(engine->options.replica_db),
        };
        memcpy(ret->counts, counts->states, sizeof(ret->counts));
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                ret->recorded += outbox_seq(engine->outbox, lane);
        r = count_waiting(engine, ret);
        if (r >= 0)
                r = drafts_count(engine->drafts, now->wall_ms, &ret->drafts, &ret->drafts_old);
        if (r >= 0)
                r = replica_count_people(engine->replica, &ret->people);
        if (r >= 0)
                r = record_each(replica_tables(engine->replica), catalogue_conflict_type(), NULL,
                                NULL, count_conflict, &ret->conflicts_open);
        if (r >= 0)
                r = fill_proof(engine, ret);
        if (r >= 0)
                r = outbox_refused_open(engine->outbox, &ret->refused_open);
        memcpy(ret->stopped, engine->session.stopped, sizeof(ret->stopped));
        return r < 0 ? r : fill_scopes(engine, ret);
}

/* Where the copy as a whole is not equal, the feeds are that the store did not name when it was asked. */
static bool feed_is_proven(enum replica_equality equality, bool asked,
                           const struct replica_feed *feed)
{
        return feed->granted && (equality == REPLICA_EQUAL ||
                                 (equality == REPLICA_DIFFERENT && asked && !feed->differs));
}

int engine_scopes(struct engine *engine,
                  int (*visit)(void *context, const struct engine_scope *scope), void *context)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        enum replica_equality equality = REPLICA_UNKNOWN;
        bool asked = false;
        struct replica_feed *feeds;
        size_t count;
        int r;

        r = replica_feeds(engine->replica, &arena, &feeds, &count);
        if (r >= 0)
                r = replica_equality(engine->replica, &equality);
        for (size_t i = 0; i < count && r >= 0; i++)
                asked = asked || feeds[i].differs;
        for (size_t i = 0; i < count && r >= 0; i++) {
                struct engine_scope scope = {.kind = feeds[i].key.kind,
                                             .id = feeds[i].key.id,
                                             .locality = feeds[i].key.locality,
                                             .complete = true,
                                             .proven = true};
                size_t first = i;

                /* the classes of a scope lie behind each other */
                for (; i < count && feeds[i].key.kind == scope.kind &&
                       uuid_equal(&feeds[i].key.id, &scope.id);
                     i++) {
                        if (!feeds[i].complete)
                                scope.complete = false;
                        if (!feed_is_proven(equality, asked, &feeds[i]))
                                scope.proven = false;
                        if (feeds[i].cursor.position > scope.position.position)
                                scope.position = (struct position){feeds[i].cursor.epoch,
                                                                   feeds[i].cursor.position};
                }
                i--;
                r = replica_members(engine->replica, feeds[first].number, &scope.people);
                if (r >= 0)
                        r = visit(context, &scope);
        }
        return r < 0 ? r : 0;
}

/* ---- drafts ---- */

static int known_staff(struct engine *engine, const struct uuid *staff,
                       const struct engine_now *now)
{
        const struct access_staff *known;

        return access_staff(engine->access, staff, engine_day(engine, now), &known);
}

int engine_draft_put(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *id, const struct uuid *person,
                     const struct catalogue_type *type, struct bytes content)
{
        struct engine_draft draft = {.id = *id,
                                     .person = person ? *person : UUID_NONE,
                                     .type = type,
                                     .content = content,
                                     .saved_ms = now->wall_ms};
        int r = known_staff(engine, staff, now);

        return r < 0 ? r : drafts_put(engine->drafts, staff, &draft);
}

int engine_draft_get(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *id,
                     int (*visit)(void *context, const struct engine_draft *draft), void *context)
{
        int r = known_staff(engine, staff, now);

        return r < 0 ? r : drafts_get(engine->drafts, staff, now->wall_ms, id, visit, context);
}

int engine_draft_list(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                      int (*visit)(void *context, const struct engine_draft *draft), void *context)
{
        int r = known_staff(engine, staff, now);

        return r < 0 ? r : drafts_list(engine->drafts, staff, now->wall_ms, visit, context);
}

int engine_draft_delete(struct engine *engine, const struct uuid *staff, const struct uuid *id)
{
        return drafts_delete(engine->drafts, staff, id);
}

/* ---- names ---- */

const char *engine_field_state_name(enum engine_field_state state)
{
        switch (state) {
        case FIELD_CONFIRMED:
                return "confirmed";
        case FIELD_WAITING:
                return "waiting";
        case FIELD_PARKED:
                return "parked";
        case FIELD_ANSWERED:
                return "answered";
        case FIELD_HELD:
                return "held";
        case FIELD_PROPOSED:
                return "proposed";
        case FIELD_QUARANTINED:
                return "quarantined";
        }
        return "unknown";
}

const char *exchange_failure_name(enum exchange_failure failure)
{
        switch (failure) {
        case EXCHANGE_OK:
                return "ok";
        case EXCHANGE_OFFLINE:
                return "offline";
        case EXCHANGE_DNS:
                return "dns";
        case EXCHANGE_CAPTIVE_PORTAL:
                return "captive portal";
        case EXCHANGE_PROXY:
                return "proxy";
        case EXCHANGE_TLS_UNTRUSTED:
                return "tls untrusted";
        case EXCHANGE_CERTIFICATE_EXPIRED:
                return "certificate expired";
        case EXCHANGE_CLOCK_WRONG:
                return "clock wrong";
        case EXCHANGE_REFUSED:
                return "refused";
        case EXCHANGE_RATE_LIMITED:
                return "rate limited";
        case EXCHANGE_STORE_UNAVAILABLE:
                return "store unavailable";
        case EXCHANGE_PROTOCOL:
                return "protocol";
        case EXCHANGE_UPGRADE:
                return "upgrade needed";
        case EXCHANGE_FORKED:
                return "forked";
        case EXCHANGE_STORE_BEHIND:
                return "store behind";
        case EXCHANGE_FAILURE_COUNT:
                break;
        }
        return "unknown";
}
