/*
 * Histories that fork, as the session sees them: what is put into a request (gaps, receipts of a history that the store lost) and
 * what is done to the replica when another history begins.
 */
#include "common/plant.h"
#include "daemon/incarnation.h"
#include "daemon/session_internal.h"

/* ---- gaps ---- */

static int put_gap(void *context, const struct wire_gap *gap, int64_t found_ms)
{
        (void)found_ms;
        wire_put_gap(gap, context);
        return buffer_check(context);
}

int session_put_gaps(struct engine *engine, struct buffer *out)
{
        return outbox_gaps(engine->outbox, false, put_gap, out);
}

int session_mend(struct engine *engine, const struct engine_now *now)
{
        int r = outbox_find_gaps(engine->outbox, now->wall_ms);

        /* the chain cannot go on over what is gone: what is left goes on under another name */
        return r <= 0 ? r : outbox_draw(engine->outbox, now->wall_ms, "entries were missing");
}

/* ---- receipts that go with entries ---- */

int session_again_add(struct session_again *list, const struct outbox_row *row)
{
        struct session_word word = {.batch = row->batch};

        if (row->receipt.size == 0 || row->state != OUTCOME_NONE)
                return 0;
        if (list->count == list->capacity) {
                size_t more = list->capacity ? list->capacity * 2 : 64;
                struct session_word *grown = arena_alloc(list->arena, more * sizeof(*grown));

                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
                if (list->count)
                        memcpy(grown, list->items, list->count * sizeof(*grown));
                list->items = grown;
                list->capacity = more;
        }
        word.receipt = arena_copy(list->arena, row->receipt);
        if (!word.receipt.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        list->items[list->count++] = word;
        return 0;
}

static int compare_words(const void *a, const void *b)
{
        const struct session_word *x = a, *y = b;

        return (x->batch > y->batch) - (x->batch < y->batch);
}

/* Those of one batch, under its one signature. */
static int put_batch(struct engine *engine, struct session_again *list, size_t first, size_t count,
                     struct buffer *out)
{
        struct wire_receipt *receipts = arena_alloc(list->arena, count * sizeof(*receipts));
        struct wire_again again = {.receipts = receipts};
        struct outbox_word word;
        int r = outbox_word(engine->outbox, list->items[first].batch, &word);

        if (r <= 0)
                return r;
        if (!receipts)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        if (out->size + word.hashes.size > SESSION_AGAIN_MAX)
                return 0; /* without their receipts the entries are judged as new ones */
        again.now_ms = word.now_ms;
        again.hashes = word.hashes;
        memcpy(again.signature, word.signature.data, SIGNATURE_SIZE);
        for (size_t i = 0; i < count; i++) {
                struct wire_reader reader;
                struct wire_message read;

                wire_reader_init(&reader, list->items[first + i].receipt, list->arena);
                r = wire_next(&reader, &read);
                if (r < 0 && r != PANNIER_E_MEMORY)
                        continue;
                if (r < 0)
                        return r;
                if (r > 0 && read.kind == WIRE_KIND_RECEIPTS && read.receipts.receipts_count == 1)
                        receipts[again.receipts_count++] = read.receipts.receipts[0];
        }
        wire_put_again(&again, out);
        return buffer_check(out);
}

int session_again_put(struct engine *engine, struct session_again *list, struct buffer *out)
{
        size_t first = 0;
        int r = 0;

        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), compare_words);
        while (first < list->count && r >= 0) {
                size_t count = 1;

                while (first + count < list->count &&
                       list->items[first + count].batch == list->items[first].batch)
                        count++;
                r = put_batch(engine, list, first, count, out);
                first += count;
        }
        return r;
}

/* ---- another history ---- */

struct waiting {
        struct engine *engine;
        const struct uuid *locality;
};

/* What waits again is shown as waiting again. */
static int show_waiting(void *context, const struct outbox_row *row)
{
        struct waiting *waiting = context;
        struct engine *engine = waiting->engine;
        struct entry_header header;
        struct entry_body body;
        int r;

        if (row->damaged || row->erased || row->sealed.size == 0 || row->receipt.size == 0)
                return 0;
        arena_reset(&engine->arena);
        r = engine_open_body(engine, row, &engine->arena, &header, &body);
        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_MALFORMED || r == PANNIER_E_INVALID ||
            r == PANNIER_E_TOO_NEW) {
                error_clear(); /* told by doctor and by the outbox list; the others go on */
                return 0;
        }
        if (r < 0 || !uuid_equal(&header.locality, waiting->locality))
                return r;
        engine_event_add(engine, &(struct engine_event){.kind = ENGINE_EVENT_ENTRY,
                                                        .entry = row->id,
                                                        .record = body.record,
                                                        .person = body.person});
        return replica_wait_again(engine->replica, &(struct replica_entry){
                                                           .place = row->place,
                                                           .id = row->id,
                                                           .device = header.device,
                                                           .locality = header.locality,
                                                           .lane = row->lane,
                                                           .seq = row->seq,
                                                           .body = &body,
                                                           .clear = buffer_view(&engine->clear),
                                                   });
}

static int follow_history(struct engine *engine, const struct wire_head *head)
{
        struct waiting waiting = {.engine = engine, .locality = &head->locality};
        struct outbox_left left;
        uint64_t epoch;
        int r = replica_history(engine->replica, &head->locality, &epoch);

        if (r == 0)
                return replica_begin_history(engine->replica, &head->locality, head->epoch);
        if (r < 0 || epoch == head->epoch || SIM_PLANT(EPOCH_IGNORED))
                return r < 0 ? r : 0;
        r = outbox_left_get(engine->outbox, &head->locality, epoch, &left);
        if (r < 0)
                return r;
        access_changed(engine->access, NULL);
        if (r == 0) /* of how it ended nothing is known: nothing of it is certain */
                left = (struct outbox_left){0};
        r = replica_fork(engine->replica, &head->locality, head->epoch, left.position, left.whole);
        if (r >= 0)
                r = outbox_each(engine->outbox, 1u << OUTCOME_NONE, 0, show_waiting, &waiting);
        return r < 0 ? r : 0;
}

int session_follow_histories(struct engine *engine)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_head *heads;
        size_t count;
        int r = outbox_heads(engine->outbox, &arena, &heads, &count);

        for (size_t i = 0; i < count && r >= 0; i++)
                r = follow_history(engine, &heads[i]);
        return r < 0 ? r : 0;
}
