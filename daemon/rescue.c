#include "daemon/rescue.h"

#include "daemon/engine_internal.h"
#include "daemon/incarnation.h"

/* A commit holds COMMIT_SIZE_MAX with headers; bodies of half of that leave room for one more of any size. */
enum { RESCUE_COMMIT_SIZE = COMMIT_SIZE_MAX / 4 };

struct rescue {
        struct engine *engine;
        struct writer_batch *batch;
        int appended, unreadable;
};

static int append(struct rescue *rescue)
{
        int r = writer_batch_append(rescue->engine, rescue->batch);

        if (r < 0)
                return r;
        rescue->appended += (int)rescue->batch->count;
        writer_batch_begin(rescue->engine, rescue->batch);
        return 0;
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
        struct outbox_row row;
        int r = outbox_get(engine->outbox, &unsent->entry, &row);

        if (r != 0)
                return r < 0 ? r : 0;
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
        int r = rescue_entry(rescue, unsent);

        /* One that cannot be read is lost with the outbox; the others are not. */
        if (r != PANNIER_E_CORRUPT && r != PANNIER_E_MALFORMED && r != PANNIER_E_INVALID)
                return r;
        error_clear();
        rescue->unreadable++;
        return 0;
}

/* From here on the replica never again passes for one that fits this outbox, whatever its places come to be. */
static int mark_replica(struct engine *engine)
{
        int r = replica_full(engine->replica, true);

        if (r >= 0)
                r = replica_begin(engine->replica);
        if (r < 0)
                return r;
        r = replica_set_fact(engine->replica, FACT_PLACE, INT64_MAX);
        if (r < 0) {
                replica_rollback(engine->replica);
                return r;
        }
        r = replica_commit(engine->replica);
        return r < 0 ? r : replica_flush(engine->replica);
}

int engine_rescue(struct engine *engine)
{
        struct rescue rescue = {.engine = engine, .batch = &engine->batch};
        int r = mark_replica(engine);

        writer_batch_begin(engine, rescue.batch);
        if (r >= 0)
                r = replica_each_unsent(engine->replica, rescue_visit, &rescue);
        if (r >= 0)
                r = append(&rescue);
        if (r >= 0 && rescue.appended > 0)
                r = outbox_note_rescued(engine->outbox, (uint64_t)rescue.appended);
        if (r < 0)
                return r;
        return FAIL(PANNIER_E_CORRUPT,
                    "the outbox lost entries; the replica gave back %d of them that the store may "
                    "not have, and %d could not be read",
                    rescue.appended, rescue.unreadable);
}
