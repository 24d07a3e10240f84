#include "daemon/rescue.h"

#include "daemon/engine_internal.h"
#include "daemon/incarnation.h"

/* A commit holds COMMIT_SIZE_MAX with headers; bodies of a quarter of that leave room for one more of any size. */
enum { RESCUE_COMMIT_SIZE = COMMIT_SIZE_MAX / 4 };

struct rescue {
        struct engine *engine;
        struct writer_batch *batch;
        struct buffer moved; /* struct replica_moved, behind each other */
        uint64_t appended;
};

static void rescue_deinit(struct rescue *rescue)
{
        buffer_deinit(&rescue->moved);
}

static void note_moved(struct rescue *rescue, const struct uuid *entry, uint64_t place,
                       uint64_t seq)
{
        const struct replica_moved moved = {.entry = *entry, .place = place, .seq = seq};

        buffer_append(&rescue->moved, BYTES(&moved, sizeof(moved)));
}

static int append(struct rescue *rescue)
{
        struct writer_batch *batch = rescue->batch;
        int r = writer_batch_append(rescue->engine, batch);

        if (r < 0)
                return r;
        for (size_t i = 0; i < batch->count; i++)
                note_moved(rescue, &batch->items[i].id, batch->items[i].place, batch->items[i].seq);
        rescue->appended += batch->count;
        writer_batch_begin(rescue->engine, batch);
        return buffer_check(&rescue->moved);
}

/* The body as it was packed the first time: the same bytes, so that the store knows a repeat. */
static int rescue_entry(struct rescue *rescue, const struct replica_unsent *unsent)
{
        struct engine *engine = rescue->engine;
        struct entry_header header = {.device = engine->options.device,
                                      .id = unsent->entry,
                                      .locality = unsent->locality};
        struct outbox_item item = {
                .id = unsent->entry, .lane = unsent->lane, .locality = unsent->locality};
        struct entry_body body;
        int r;

        if (unsent->lane >= LANE_COUNT)
                return FAIL(PANNIER_E_CORRUPT, "a pending entry is in no lane");
        arena_reset(&engine->arena);
        r = entry_body_decode(unsent->body, &header, &engine->arena, &body);
        if (r < 0)
                return r;
        item.recorded_ms = body.recorded_ms;
        r = writer_batch_add_clear(engine, rescue->batch, &item, unsent->body);
        if (r < 0)
                return r;
        return rescue->batch->count == ENGINE_WRITE_MAX ||
                               rescue->batch->bodies.size > RESCUE_COMMIT_SIZE
                       ? append(rescue)
                       : 0;
}

static int rescue_visit(void *context, const struct replica_unsent *unsent)
{
        struct rescue *rescue = context;
        struct outbox_row row;
        int r = outbox_get(rescue->engine->outbox, &unsent->entry, &row);

        if (r < 0)
                return r;
        if (r == 0)
                return rescue_entry(rescue, unsent);
        note_moved(rescue, &unsent->entry, row.place, row.seq);
        return 0;
}

/* Durable before the outbox is touched: with what is appended its places may come to look as if they fitted the replica's. */
static int begin_rescue(struct engine *engine)
{
        int r = replica_full(engine->replica, true);

        if (r >= 0)
                r = replica_begin(engine->replica);
        if (r < 0)
                return r;
        r = replica_set_fact(engine->replica, FACT_RESCUE, RESCUE_BEGUN);
        if (r < 0) {
                replica_rollback(engine->replica);
                return r;
        }
        r = replica_commit(engine->replica);
        return r < 0 ? r : replica_flush(engine->replica);
}

static int write_places(struct rescue *rescue)
{
        struct engine *engine = rescue->engine;

        return replica_move_pending(engine->replica,
                                    (const struct replica_moved *)rescue->moved.data,
                                    rescue->moved.size / sizeof(struct replica_moved));
}

static int end_rescue(struct rescue *rescue)
{
        struct engine *engine = rescue->engine;
        uint64_t batch = outbox_next_batch(engine->outbox) - 1;
        int r = replica_begin(engine->replica);

        if (r < 0)
                return r;
        r = write_places(rescue);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_PLACE,
                                     (int64_t)outbox_place(engine->outbox));
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_BATCH, (int64_t)batch);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_RESCUE, RESCUE_HEADS);
        if (r < 0) {
                replica_rollback(engine->replica);
                return r;
        }
        r = replica_commit(engine->replica);
        return r < 0 ? r : replica_full(engine->replica, false);
}

bool engine_needs_rescue(const struct engine *engine)
{
        return replica_fact(engine->replica, FACT_RESCUE) == RESCUE_BEGUN ||
               (uint64_t)replica_fact(engine->replica, FACT_PLACE) > outbox_place(engine->outbox);
}

int engine_rescue(struct engine *engine)
{
        CLEANUP(rescue_deinit) struct rescue rescue = {.engine = engine, .batch = &engine->batch};
        int r = begin_rescue(engine);

        /* what the replica shows keeps its places, so new ones begin behind them */
        outbox_skip_places(engine->outbox, (uint64_t)replica_fact(engine->replica, FACT_PLACE));
        writer_batch_begin(engine, rescue.batch);
        if (r >= 0)
                r = replica_each_unsent(engine->replica, rescue_visit, &rescue);
        if (r >= 0)
                r = append(&rescue);
        if (r >= 0)
                r = outbox_note_rescued(engine->outbox, rescue.appended);
        return r < 0 ? r : end_rescue(&rescue);
}
