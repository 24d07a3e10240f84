/*
 * Life of the engine, its transactions, and what follows from time.
 *
 * A write goes: replica transaction open, outbox appended and flushed, replica committed. The outbox is the truth; if the replica's
 * commit is lost, FACT_PLACE says from where to apply again what only the outbox has.
 */
#include "daemon/engine_internal.h"
#include "daemon/session_check.h"

#include "common/plant.h"
#include "daemon/rescue.h"

/* ---- databases ---- */

static int open_outbox(const char *path, struct db **ret)
{
        struct db_options options = {.durability = SIM_PLANT(ACKNOWLEDGE_BEFORE_FSYNC) ? DB_NORMAL
                                                                                       : DB_FULL,
                                     .cache_kib = 1024,
                                     .exclusive = true,
                                     .secure_delete = true};

        return db_open(path, &options, ret);
}

/* Does the file read as a database of ours, at this version or an older one? */
static int open_replica(const char *path, struct bytes key, struct db **ret)
{
        struct db_options options = {.durability = DB_NORMAL,
                                     .key = key,
                                     .cache_kib = 3072,
                                     .exclusive = true,
                                     .secure_delete = true};

        return db_open(path, &options, ret);
}

int engine_open_databases(const char *outbox_path, const char *replica_path, struct bytes key,
                          bool rebuild, struct db **ret_outbox, struct db **ret_replica)
{
        CLEANUP(db_freep) struct db *outbox_db = NULL;
        CLEANUP(db_freep) struct db *replica_db = NULL;
        int r;

        r = open_outbox(outbox_path, &outbox_db);
        if (r < 0)
                return r;
        if (rebuild) {
                r = db_remove(replica_path);
                if (r < 0)
                        return r;
        }
        r = open_replica(replica_path, key, &replica_db);
        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_TOO_NEW) {
                r = db_remove(replica_path);
                if (r >= 0)
                        r = open_replica(replica_path, key, &replica_db);
        }
        if (r < 0)
                return r;
        *ret_outbox = TAKE(outbox_db);
        *ret_replica = TAKE(replica_db);
        return 0;
}

/* Indexes too, against their table: one that lacks a row is met only when the row is written. */
static int check_structure(struct db *db)
{
        sqlite3_stmt *stmt = NULL;
        int r = db_prepare(db, "PRAGMA integrity_check(1)", &stmt);

        if (r >= 0)
                r = db_step(db, stmt);
        if (r > 0 && !bytes_equal(db_column_bytes(stmt, 0), bytes_text("ok")))
                r = FAIL(PANNIER_E_CORRUPT, "the outbox: %.*s", (int)db_column_bytes(stmt, 0).size,
                         (const char *)db_column_bytes(stmt, 0).data);
        if (stmt)
                db_reset(stmt);
        return r < 0 ? r : 0;
}

int engine_check_outbox(const char *path, const struct engine_options *options)
{
        CLEANUP(db_freep) struct db *db = NULL;
        CLEANUP(outbox_freep) struct outbox *outbox = NULL;
        struct outbox_options wanted = {.key = options->key,
                                        .device = options->device,
                                        .caseload_key = options->caseload_key.data,
                                        .random = options->random};
        int r = open_outbox(path, &db);

        wanted.db = db;
        if (r >= 0)
                r = outbox_new(&wanted, &outbox);
        return r < 0 ? r : check_structure(db);
}

/* ---- events ---- */

void engine_event_add(struct engine *engine, const struct engine_event *event)
{
        if (engine->options.event && engine->event_count < EVENTS_MAX)
                engine->events[engine->event_count++] = *event;
}

static void tell_events(struct engine *engine)
{
        size_t count = engine->event_count;

        engine->event_count = 0;
        for (size_t i = 0; i < count; i++)
                engine->options.event(engine->options.event_context, &engine->events[i]);
}

static void watch_record(void *context, const struct catalogue_type *type,
                         const struct uuid *record, const struct uuid *person)
{
        struct engine *engine = context;

        if (engine->access)
                access_changed(engine->access, type);
        engine_event_add(engine, &(struct engine_event){.kind = ENGINE_EVENT_RECORD,
                                                        .record = *record,
                                                        .person = *person,
                                                        .type = type});
}

static void watch_person(void *context, const struct uuid *person, bool gone)
{
        engine_event_add(context, &(struct engine_event){.kind = ENGINE_EVENT_PERSON,
                                                         .person = *person,
                                                         .gone = gone});
}

int engine_begin(struct engine *engine)
{
        if (replica_lost(engine->replica)) {
                /* a disk that failed took what had been shown: the outbox gives it back */
                int r;

                access_changed(engine->access, NULL);
                r = engine_catch_up(engine);
                if (r < 0)
                        return r;
        }
        return replica_begin(engine->replica);
}

int engine_commit(struct engine *engine)
{
        int r = replica_commit(engine->replica);

        if (r < 0)
                engine->event_count = 0;
        else
                tell_events(engine);
        return r;
}

void engine_rollback(struct engine *engine)
{
        replica_rollback(engine->replica);
        if (engine->access)
                access_changed(engine->access, NULL); /* it may have looked at what is gone again */
        engine->event_count = 0;
}

/* ---- time ---- */

uint32_t engine_random(struct engine *engine)
{
        uint32_t random;

        engine->options.random(&random, sizeof(random));
        return random;
}

int64_t engine_floor(const struct engine *engine, const struct engine_now *now)
{
        int64_t told_ms = replica_fact(engine->replica, FACT_COMPLETE_MS);

        return now->wall_ms > told_ms ? now->wall_ms : told_ms;
}

int64_t engine_day(const struct engine *engine, const struct engine_now *now)
{
        return scope_day(engine_floor(engine, now));
}

/* ---- start ---- */

int engine_open_body(struct engine *engine, const struct outbox_row *row, struct arena *arena,
                     struct entry_header *ret_header, struct entry_body *ret)
{
        int r;

        buffer_reset(&engine->packed);
        buffer_reset(&engine->clear);
        r = entry_header_decode(row->header, ret_header);
        if (r >= 0)
                r = outbox_open_body(engine->outbox, row, &engine->packed);
        if (r >= 0)
                r = body_unpack(engine->codec, buffer_view(&engine->packed), &engine->clear);
        if (r >= 0)
                r = entry_body_decode(buffer_view(&engine->clear), ret_header, arena, ret);
        return r;
}

struct catch_up {
        struct engine *engine;
        uint64_t place;
        size_t count;
};

static int catch_up_row(void *context, const struct outbox_row *row)
{
        struct catch_up *catch_up = context;
        struct engine *engine = catch_up->engine;
        struct entry_header header;
        struct entry_body body;
        int r = 0;

        catch_up->place = row->place;
        if (!row->damaged && !row->erased && row->sealed.size) {
                arena_reset(&engine->arena);
                r = engine_open_body(engine, row, &engine->arena, &header, &body);
                if (r >= 0)
                        r = replica_pend(engine->replica,
                                         &(struct replica_entry){
                                                 .place = row->place,
                                                 .id = row->id,
                                                 .device = header.device,
                                                 .locality = header.locality,
                                                 .lane = row->lane,
                                                 .seq = row->seq,
                                                 .body = &body,
                                                 .clear = buffer_view(&engine->clear),
                                                 .state = row->state,
                                                 .receipt = row->state == OUTCOME_NONE
                                                                    ? BYTES_NONE
                                                                    : row->receipt,
                                         });
                /* A body that cannot be read is told by doctor and by the outbox list; the others go on. */
                if (r == PANNIER_E_CORRUPT || r == PANNIER_E_MALFORMED || r == PANNIER_E_INVALID ||
                    r == PANNIER_E_TOO_NEW)
                        r = 0;
        }
        if (r < 0)
                return r;
        return ++catch_up->count == CATCH_UP_STEP;
}

/* One transaction of entries; 1 there are more, 0 done */
static int catch_up_entries(struct engine *engine)
{
        struct catch_up catch_up = {.engine = engine};
        int more, r;

        catch_up.place = (uint64_t)replica_fact(engine->replica, FACT_PLACE);
        if (catch_up.place >= outbox_place(engine->outbox))
                return 0;
        r = engine_begin(engine);
        if (r < 0)
                return r;
        more = outbox_each(engine->outbox, 0, catch_up.place, catch_up_row, &catch_up);
        r = more < 0 ? more
                     : replica_set_fact(engine->replica, FACT_PLACE, (int64_t)catch_up.place);
        if (r < 0) {
                engine_rollback(engine);
                return r;
        }
        r = engine_commit(engine);
        engine->caught_up = true;
        return r < 0 ? r : more;
}

static int catch_up_receipt(void *context, const struct outbox_row *row)
{
        struct catch_up *catch_up = context;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        catch_up->place = row->batch;
        if (row->damaged || row->state == OUTCOME_NONE)
                return 0; /* one that waits again has the receipt of a history that is gone */
        arena_reset(&catch_up->engine->arena);
        wire_reader_init(&reader, row->receipt, &catch_up->engine->arena);
        r = wire_next(&reader, &message);
        if (r <= 0 || message.kind != WIRE_KIND_RECEIPTS || message.receipts.receipts_count != 1)
                return 0; /* its row fits its hash, so a newer Pannier wrote it */
        return replica_settle(catch_up->engine->replica, row->place, &message.receipts.receipts[0],
                              row->receipt);
}

/* Receipts are durable in the outbox before the replica hears of them: it may have missed the newest batches. */
static int catch_up_receipts(struct engine *engine)
{
        struct catch_up catch_up = {.engine = engine};
        int r;

        catch_up.place = (uint64_t)replica_fact(engine->replica, FACT_BATCH);
        r = engine_begin(engine);
        if (r < 0)
                return r;
        r = outbox_each_batch(engine->outbox, catch_up.place, catch_up_receipt, &catch_up);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_BATCH, (int64_t)catch_up.place);
        if (r >= 0)
                return engine_commit(engine);
        engine_rollback(engine);
        return r;
}

static int drop_closed(void *context, const struct wire_closing *closing, uint64_t place)
{
        struct engine *engine = context;

        (void)closing;
        return place ? replica_dismiss(engine->replica, place) : 0;
}

/* Refused entries that were dealt with are shown beside their records no longer. */
static int catch_up_closings(struct engine *engine)
{
        int r = engine_begin(engine);

        if (r < 0)
                return r;
        r = outbox_closing_each(engine->outbox, drop_closed, engine);
        if (r >= 0)
                return engine_commit(engine);
        engine_rollback(engine);
        return r;
}

int engine_catch_up(struct engine *engine)
{
        int r;

        if (engine_needs_rescue(engine)) {
                r = engine_rescue(engine);
                if (r < 0)
                        return r;
        }
        do
                r = catch_up_entries(engine);
        while (r > 0);
        if (r >= 0)
                r = catch_up_receipts(engine);
        if (r >= 0)
                r = catch_up_closings(engine);
        engine->behind = r < 0;
        return r;
}

/* ---- life ---- */

static int check_catalogue(struct engine *engine)
{
        int64_t version = catalogue_get()->version;
        int r;

        if (replica_fact(engine->replica, FACT_CATALOGUE) == version)
                return 0;
        r = engine_begin(engine);
        if (r < 0)
                return r;
        /* what is searched may have changed with the fields */
        r = replica_people_rebuild(engine->replica);
        if (r >= 0 && replica_fact(engine->replica, FACT_PASSED_OVER)) {
                r = replica_fetch_again(engine->replica);
                if (r >= 0)
                        r = replica_set_fact(engine->replica, FACT_PASSED_OVER, 0);
        }
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_CATALOGUE, version);
        if (r >= 0)
                return engine_commit(engine);
        engine_rollback(engine);
        return r;
}

static int open_parts(struct engine *engine)
{
        struct engine_options *options = &engine->options;
        struct outbox_options outbox = {.db = options->outbox_db,
                                        .key = options->key,
                                        .device = options->device,
                                        .caseload_key = engine->caseload_key,
                                        .random = options->random};
        struct drafts_options drafts = {.db = options->outbox_db,
                                        .device = options->device,
                                        .caseload_key = engine->caseload_key,
                                        .random = options->random};
        struct bundles_options bundles = {.db = options->outbox_db,
                                          .device = options->device,
                                          .caseload_key = engine->caseload_key,
                                          .random = options->random};
        struct replica_watch watch = {
                .record = watch_record, .person = watch_person, .context = engine};
        int r;

        r = outbox_new(&outbox, &engine->outbox);
        if (r >= 0)
                r = drafts_new(&drafts, &engine->drafts);
        if (r >= 0)
                r = bundles_new(&bundles, &engine->bundles);
        if (r >= 0)
                r = replica_new(options->replica_db, &options->device, &watch, &engine->replica);
        if (r >= 0)
                r = access_new(engine->replica, &options->device, &engine->access);
        if (r >= 0)
                r = body_codec_new(&engine->codec);
        if (r >= 0)
                r = compressor_new(&engine->compressor);
        return r;
}

static int allocate(struct engine *engine)
{
        engine->events = calloc(EVENTS_MAX, sizeof(*engine->events));
        engine->audit.events = calloc(AUDIT_MAX, sizeof(*engine->audit.events));
        engine->audit.due_ms = INT64_MAX;
        if (!engine->events || !engine->audit.events)
                return FAIL(PANNIER_E_MEMORY, "engine");
        buffer_append(&engine->ca_certificate, engine->options.ca_certificate);
        return buffer_check(&engine->ca_certificate);
}

/* Everything but the databases, which stay the caller's where the start fails. */
static void close_parts(struct engine *engine)
{
        session_check_drop(engine);
        session_deinit(&engine->session);
        compressor_free(engine->compressor);
        body_codec_free(engine->codec);
        access_free(engine->access);
        replica_free(engine->replica);
        drafts_free(engine->drafts);
        session_bundle_forget(engine);
        bundles_free(engine->bundles);
        outbox_free(engine->outbox);
        arena_deinit(&engine->arena);
        buffer_wipe(&engine->clear);
        buffer_wipe(&engine->packed);
        buffer_wipe(&engine->batch.bodies);
        buffer_deinit(&engine->ca_certificate);
        crypto_wipe(engine->caseload_key, sizeof(engine->caseload_key));
        free(engine->audit.events);
        free(engine->events);
}

static int start(struct engine *engine, const struct engine_now *now)
{
        uint64_t first[LANE_COUNT];
        int r;

        r = allocate(engine);
        if (r >= 0)
                r = open_parts(engine);
        if (r >= 0)
                r = check_catalogue(engine);
        if (r >= 0)
                r = engine_catch_up(engine);
        if (r >= 0)
                r = session_finish_erasing(engine);
        if (r < 0)
                return r;
        engine->caught_up =
                true; /* maybe before a power cut, which took the exchange behind it away */
        schedule_init(&engine->schedule, now->boot_ms);
        engine_note_waiting(engine, first);
        engine->link = (struct engine_link){.up = true};
        r = engine_budget_load(engine, now);
        if (r < 0)
                return r;
        engine->prune_ms = now->boot_ms;
        engine->flush_ms = INT64_MAX;
        /* What a power cut left in the WAL behind its last whole commit belongs to nobody any more, and could be about somebody. */
        return replica_seal(engine->replica);
}

int engine_new(const struct engine_options *options, const struct engine_now *now,
               struct engine **ret)
{
        struct engine *engine;
        int r;

        if (options->caseload_key.size != AEAD_KEY_SIZE)
                return FAIL(PANNIER_E_INVALID, "the caseload key has %d bytes", AEAD_KEY_SIZE);
        engine = calloc(1, sizeof(*engine));
        if (!engine)
                return FAIL(PANNIER_E_MEMORY, "engine");
        engine->options = *options;
        memcpy(engine->caseload_key, options->caseload_key.data, AEAD_KEY_SIZE);
        session_init(&engine->session);
        r = start(engine, now);
        if (r < 0) {
                close_parts(engine);
                free(engine);
                return r;
        }
        *ret = engine;
        return 0;
}

struct engine *engine_free(struct engine *engine)
{
        if (!engine)
                return NULL;
        (void)audit_flush(engine, NULL);
        engine_budget_keep(engine);
        (void)replica_flush(engine->replica); /* what does not reach the file is in the outbox */
        close_parts(engine);
        db_free(engine->options.replica_db);
        db_free(engine->options.outbox_db);
        free(engine);
        return NULL;
}

/* ---- deadlines ---- */

int64_t engine_deadline(const struct engine *engine)
{
        int64_t due_ms = schedule_deadline(&engine->schedule);

        if (engine->audit.due_ms < due_ms)
                due_ms = engine->audit.due_ms;
        if (engine->flush_ms < due_ms)
                due_ms = engine->flush_ms;
        return engine->rest_ms > due_ms ? engine->rest_ms : due_ms;
}

/* A commit of the replica is gathered with others; here its time is set, or it has come. */
static int flush_replica(struct engine *engine, const struct engine_now *now)
{
        int r;

        if (!replica_unwritten(engine->replica)) {
                engine->flush_ms = INT64_MAX;
                return 0;
        }
        if (engine->flush_ms == INT64_MAX)
                engine->flush_ms = now->boot_ms + FLUSH_DELAY_MS;
        if (now->boot_ms < engine->flush_ms)
                return 0;
        engine->flush_ms = INT64_MAX;
        r = replica_flush(engine->replica);
        if (r < 0)
                access_changed(engine->access, NULL); /* its rows went with the transaction */
        return r;
}

void engine_sync_now(struct engine *engine, const struct engine_now *now)
{
        schedule_now(&engine->schedule, now->boot_ms);
}

bool engine_wants_wait(const struct engine *engine)
{
        return engine->session.state == SESSION_IDLE && engine->schedule.up &&
               !engine->schedule.metered && engine->schedule.failures == 0 &&
               engine->schedule.level == BUDGET_ALL &&
               replica_fact(engine->replica, FACT_COMPLETE_MS) > 0;
}

static const int64_t prune_every_ms = INT64_C(6) * 60 * 60 * 1000;

static int do_tasks(struct engine *engine, const struct engine_now *now)
{
        int r;

        engine_budget_apply(engine, now); /* it may be another day */
        if (replica_lost(engine->replica))
                engine->behind = true;
        if (engine->behind) {
                r = engine_catch_up(engine);
                if (r < 0)
                        return r;
        }
        r = flush_replica(engine, now);
        if (r < 0)
                return r;
        if (now->boot_ms >= engine->audit.due_ms) {
                r = audit_flush(engine, now);
                if (r < 0)
                        return r;
        }
        if (engine->session.state == SESSION_IDLE && now->boot_ms >= engine->prune_ms) {
                engine->prune_ms = now->boot_ms + prune_every_ms;
                r = session_prune(engine);
                if (r < 0)
                        return r;
        }
        if (now->boot_ms < schedule_deadline(&engine->schedule))
                return ENGINE_NOTHING;
        return ENGINE_EXCHANGE;
}

/* What failed may fail again at once, and for ever: no task is due before it has rested. */
int engine_tick(struct engine *engine, const struct engine_now *now)
{
        int r;

        if (now->boot_ms < engine->rest_ms)
                return ENGINE_NOTHING;
        r = do_tasks(engine, now);
        if (r < 0)
                engine->rest_ms = now->boot_ms + REST_MS;
        return r;
}
