/*
 * Bundles: what an exchange would send, for somebody else to carry (engine_bundle.h).
 *
 * A part is a whole request of its own: a hello that says only what helps to judge the entries, then runs. Nothing of what the
 * device is to be sent, or has erased, is in it: it may arrive late, twice, or in another order. For the same reason only
 * receipts are taken from what comes back. "Parked" is not an outcome and may be out of date; the entry waits on and is sent again.
 */
#include "daemon/incarnation.h"
#include "daemon/session_internal.h"

#include "common/bundle.h"
#include "daemon/bundles.h"
#include "daemon/engine_bundle.h"

struct bundle_export {
        struct bundle_sender sender;
        struct uuid incarnation;
        struct session_sent sent;
        uint64_t entries;
        uint32_t part;
        bool ended;
};

void session_bundle_forget(struct engine *engine)
{
        if (engine->exporting)
                bundle_sender_wipe(&engine->exporting->sender);
        free(TAKE(engine->exporting));
}

/* ---- making one ---- */

/* What must be so before entries leave, as before an exchange; while one is out its answer is about the outbox as it was. */
static int prepare(struct engine *engine, const struct engine_now *now)
{
        int r = audit_flush(engine, now);

        if (r >= 0)
                r = session_load_trust(engine);
        if (r >= 0 && engine->session.state == SESSION_IDLE)
                r = session_mend(engine, now);
        if (r < 0)
                return r;
        if (!engine->session.can_seal)
                return FAIL(PANNIER_E_INVALID,
                            "this device does not know the store's seal key yet: it needs one "
                            "exchange with a store of this version before it can seal a bundle");
        if (outbox_counts(engine->outbox)->states[OUTCOME_NONE] == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "nothing waits here: there is nothing to carry");
        return 0;
}

static int note_export(struct engine *engine, const struct engine_now *now,
                       const struct bundle_sender *sender)
{
        struct bundle_row row = {.id = sender->bundle,
                                 .made_ms = now->wall_ms,
                                 .place_last = outbox_place(engine->outbox)};
        uint8_t secret[BUNDLE_SECRET_SIZE];
        int r = outbox_first_waiting_place(engine->outbox, &row.place_first);

        if (r < 0)
                return r;
        bundle_secret(sender, secret);
        r = bundles_add(engine->bundles, &row, sender->encapsulated, secret);
        crypto_wipe(secret, sizeof(secret));
        return r;
}

int engine_bundle_begin(struct engine *engine, const struct engine_now *now, struct uuid *ret)
{
        struct bundle_export *export;
        uint8_t seed[HPKE_SEED_SIZE];
        struct uuid id;
        int r = prepare(engine, now);

        session_bundle_forget(engine);
        if (r < 0)
                return r;
        export = calloc(1, sizeof(*export));
        if (!export)
                return FAIL(PANNIER_E_MEMORY, "no memory for a bundle");
        engine->exporting = export;
        engine->options.random(&id, sizeof(id));
        engine->options.random(seed, sizeof(seed));
        r = bundle_sender_init(&export->sender, &engine->options.device, &id,
                               engine->session.seal_point, seed);
        crypto_wipe(seed, sizeof(seed));
        if (r >= 0)
                r = note_export(engine, now, &export->sender);
        if (r < 0) {
                session_bundle_forget(engine);
                return r;
        }
        export->incarnation = *outbox_incarnation(engine->outbox);
        export->sent.lanes = LANE_COUNT;
        *ret = id;
        return 0;
}

static int put_hello(struct engine *engine, const struct engine_now *now, struct arena *arena,
                     struct buffer *out)
{
        const struct outbox_counts *counts = outbox_counts(engine->outbox);
        struct wire_lane lanes[LANE_COUNT];
        const struct uuid *parked;
        struct wire_head *heads;
        size_t parked_count;
        struct wire_device_hello hello = {
                .protocol = WIRE_PROTOCOL,
                .catalogue = catalogue_get()->version,
                .software = bytes_text("pannierd " PANNIER_VERSION),
                .incarnation = *outbox_incarnation(engine->outbox),
                .now_ms = now->wall_ms,
                .quality = now->quality,
                .boot_id = now->boot_id,
                .boot_ms = now->boot_ms,
                .lanes = lanes,
                .lanes_count = LANE_COUNT,
                .waiting = counts->states[OUTCOME_NONE],
        };
        int r;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                outbox_lane(engine->outbox, lane, &lanes[lane]);
        r = outbox_heads(engine->outbox, arena, &heads, &hello.heads_count);
        if (r >= 0)
                r = outbox_told(engine->outbox, &hello.told_ms);
        if (r >= 0)
                r = outbox_parked(engine->outbox, arena, &parked, &parked_count);
        if (r >= 0)
                r = wire_parked_hash(parked, parked_count, hello.parked_hash);
        if (r < 0)
                return r;
        hello.heads = heads;
        wire_put_device_hello(&hello, out);
        return buffer_check(out);
}

static int put_part(struct engine *engine, const struct engine_now *now, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT, packed = BUFFER_INIT;
        struct bundle_export *export = engine->exporting;
        bool last;
        int r = put_hello(engine, now, &arena, &clear);

        if (r >= 0)
                r = session_put_entries(engine, &arena, &export->sent, &clear);
        if (r >= 0)
                r = compress_message(engine->compressor, buffer_view(&clear), &packed);
        if (r < 0)
                return r;
        /* what was written meanwhile goes with the next one */
        last = !export->sent.more || export->sent.count == 0 ||
               export->part == WIRE_BUNDLE_PARTS_MAX - 1;
        r = bundle_put(&export->sender, engine->options.key, export->part, last,
                       buffer_view(&packed), out);
        if (r < 0)
                return r;
        export->entries += export->sent.count;
        export->ended = last;
        export->part++;
        return 1;
}

static int find_export(struct engine *engine, const struct uuid *id)
{
        const struct bundle_export *export = engine->exporting;

        if (export && uuid_equal(&export->sender.bundle, id) &&
            uuid_equal(&export->incarnation, outbox_incarnation(engine->outbox)))
                return 0;
        session_bundle_forget(engine);
        return FAIL(PANNIER_E_NOT_FOUND, "this bundle is not in the making: begin a new one");
}

int engine_bundle_part(struct engine *engine, const struct engine_now *now, const struct uuid *id,
                       struct buffer *out)
{
        int r = find_export(engine, id);

        if (r < 0 || engine->exporting->ended)
                return r;
        r = put_part(engine, now, out);
        if (r < 0) /* a number is never used for two different parts */
                session_bundle_forget(engine);
        return r;
}

int engine_bundle_handed(struct engine *engine, const struct engine_now *now, const struct uuid *id,
                         struct bytes receiver, uint64_t *ret_entries)
{
        int r = find_export(engine, id);

        if (r < 0)
                return r;
        if (!engine->exporting->ended)
                return FAIL(PANNIER_E_INVALID, "parts of the bundle were not fetched yet");
        r = bundles_handed(engine->bundles, id, now->wall_ms, engine->exporting->entries, receiver);
        if (r < 0)
                return r;
        *ret_entries = engine->exporting->entries;
        session_bundle_forget(engine);
        return 0;
}

/* ---- receipts that came back ---- */

struct taking {
        struct engine *engine;
        struct arena arena;
        struct buffer answer; /* what `receipts` borrow from */
        struct engine_bundle_taken *taken;
        struct session_receipt *changed;
        size_t changed_count, changed_capacity;
        int64_t store_ms;
        uint64_t batch; /* newest that was written; 0: none */
};

static void taking_deinit(struct taking *taking)
{
        arena_deinit(&taking->arena);
        buffer_wipe(&taking->answer);
}

static int keep_changed(struct taking *taking, const struct wire_receipt *receipt, uint64_t place,
                        struct bytes message)
{
        if (taking->changed_count == taking->changed_capacity) {
                size_t more = taking->changed_capacity ? taking->changed_capacity * 2 : 64;
                struct session_receipt *grown = arena_alloc(&taking->arena, more * sizeof(*grown));

                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
                if (taking->changed_count)
                        memcpy(grown, taking->changed, taking->changed_count * sizeof(*grown));
                taking->changed = grown;
                taking->changed_capacity = more;
        }
        message = arena_copy(&taking->arena, message);
        if (!message.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        taking->changed[taking->changed_count++] =
                (struct session_receipt){.receipt = receipt, .message = message, .place = place};
        return 0;
}

/* Is it of a history of the store that this device knows to be over? An entry that is not here, or damaged, says nothing of it. 1, 0 */
static int is_stale(struct outbox *outbox, const struct wire_receipt *receipt)
{
        struct entry_header header;
        struct outbox_row row;
        int r = outbox_get(outbox, &receipt->entry, &row);

        if (r <= 0)
                return r;
        if (entry_header_decode(row.header, &header) < 0) {
                error_clear();
                return 0;
        }
        return outbox_receipt_gone(outbox, &header.locality, receipt);
}

static int take_one(struct taking *taking, int64_t now_ms, struct wire_receipt *receipt)
{
        struct outbox *outbox = taking->engine->outbox;
        struct bytes message;
        uint64_t place;
        int r;

        if (receipt->outcome == OUTCOME_PARKED) {
                taking->taken->parked++;
                return 0;
        }
        r = is_stale(outbox, receipt);
        if (r != 0) {
                taking->taken->stale += r > 0;
                return r < 0 ? r : 0;
        }
        r = outbox_settle(outbox, now_ms, receipt, &place, &message);
        if (r < 0)
                return r;
        if (r != OUTBOX_CHANGED) {
                taking->taken->known += r == OUTBOX_UNCHANGED;
                return 0;
        }
        taking->taken->settled++;
        return keep_changed(taking, receipt, place, message);
}

static int check_signature(const struct engine *engine, const struct wire_receipts *message,
                           struct bytes hashes)
{
        CLEANUP(buffer_deinit) struct buffer signed_bytes = BUFFER_INIT;
        int r;

        if (!engine->session.signing_key)
                return FAIL(PANNIER_E_CRYPTO, "the store has not said which key it signs with");
        wire_receipts_signed(&engine->options.device, message->now_ms, hashes, &signed_bytes);
        r = buffer_check(&signed_bytes);
        return r < 0 ? r
                     : public_key_verify(engine->session.signing_key, buffer_view(&signed_bytes),
                                         message->signature);
}

/* The signature is checked over what came, before anything of it is looked at. */
static int take_message(struct taking *taking, const struct wire_receipts *message)
{
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;
        struct engine *engine = taking->engine;
        size_t before = taking->changed_count, count = message->receipts_count;
        struct wire_receipt *receipts =
                arena_alloc(&taking->arena, (count + 1) * sizeof(*receipts));
        uint64_t batch = outbox_next_batch(engine->outbox);
        int r;

        if (!receipts)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        if (count)
                memcpy(receipts, message->receipts, count * sizeof(*receipts));
        wire_receipt_hashes(receipts, count, &hashes);
        r = buffer_check(&hashes);
        if (r >= 0)
                r = check_signature(engine, message, buffer_view(&hashes));
        for (size_t i = 0; i < count && r >= 0; i++)
                r = take_one(taking, message->now_ms, &receipts[i]);
        if (r < 0)
                return r;
        taking->store_ms = message->now_ms;
        if (taking->changed_count == before)
                return 0;
        taking->batch = batch;
        return outbox_batch(engine->outbox, message->now_ms, buffer_view(&hashes),
                            message->signature);
}

/* An answer that went by a courier: only its receipts count. */
static int take_answer(struct taking *taking)
{
        struct wire_reader reader;
        struct wire_message message;
        bool ended = false;
        int r;

        wire_reader_init(&reader, buffer_view(&taking->answer), &taking->arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                if (message.kind == WIRE_KIND_RECEIPTS)
                        r = take_message(taking, &message.receipts);
                ended = message.kind == WIRE_KIND_END;
                if (r < 0)
                        return r;
        }
        return r < 0 || ended ? r : FAIL(PANNIER_E_MALFORMED, "the receipts were cut");
}

static int settle(struct taking *taking)
{
        struct outbox *outbox = taking->engine->outbox;
        int r = outbox_begin(outbox);

        if (r < 0)
                return r;
        r = take_answer(taking);
        if (r >= 0)
                return outbox_commit(outbox);
        outbox_rollback(outbox);
        return r;
}

/* They are durable in the outbox; what the screens show follows, or is caught up later. */
static int show(struct taking *taking)
{
        struct engine *engine = taking->engine;
        int r;

        if (taking->batch == 0)
                return 0;
        r = engine_begin(engine);
        if (r < 0)
                return r;
        for (size_t i = 0; i < taking->changed_count && r >= 0; i++) {
                const struct session_receipt *kept = &taking->changed[i];

                r = replica_settle(engine->replica, kept->place, kept->receipt, kept->message);
                engine_event_add(engine, &(struct engine_event){.kind = ENGINE_EVENT_ENTRY,
                                                                .entry = kept->receipt->entry,
                                                                .state = kept->receipt->outcome});
        }
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_BATCH, (int64_t)taking->batch);
        if (r >= 0)
                return engine_commit(engine);
        engine_rollback(engine);
        engine->behind = true; /* the next tick catches up */
        return r;
}

/* Opens what came for this device: the body of an answer, in clear. */
static int open_message(struct taking *taking, struct bytes message)
{
        CLEANUP(buffer_wipe) struct buffer body = BUFFER_INIT;
        struct engine *engine = taking->engine;
        uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE], secret[BUNDLE_SECRET_SIZE];
        struct wire_reader reader;
        struct wire_message read;
        int r;

        wire_reader_init(&reader, message, &taking->arena);
        r = wire_next(&reader, &read);
        if (r < 0)
                return r;
        if (r == 0 || read.kind != WIRE_KIND_BUNDLE_RECEIPTS)
                return FAIL(PANNIER_E_MALFORMED, "these are not receipts of a bundle");
        if (!uuid_equal(&read.bundle_receipts.device, &engine->options.device))
                return FAIL(PANNIER_E_REFUSED, "these receipts are for another device");
        taking->taken->bundle = read.bundle_receipts.bundle;
        r = bundles_secret(engine->bundles, &read.bundle_receipts.bundle, encapsulated, secret);
        if (r < 0)
                return r;
        r = bundle_receipts_open(&read.bundle_receipts, encapsulated, secret, &body);
        crypto_wipe(secret, sizeof(secret));
        return r < 0 ? r
                     : decompress_message(engine->compressor, buffer_view(&body), WIRE_ANSWER_MAX,
                                          &taking->answer);
}

int engine_bundle_receipts(struct engine *engine, const struct engine_now *now,
                           struct bytes message, struct engine_bundle_taken *ret)
{
        struct engine_bundle_taken taken = {0};
        CLEANUP(taking_deinit) struct taking taking = {.engine = engine, .taken = &taken};
        int r;

        /* receipts that are being applied are not overtaken by later ones */
        if (engine->session.state == SESSION_APPLYING)
                return FAIL(PANNIER_E_BUSY, "an answer of the store is being applied");
        r = session_load_trust(engine);
        if (r >= 0 && engine->behind)
                r = engine_catch_up(engine);
        if (r >= 0)
                r = open_message(&taking, message);
        if (r >= 0)
                r = settle(&taking);
        if (r < 0)
                return r;
        if (engine->flush_ms == INT64_MAX)
                engine->flush_ms = now->boot_ms + FLUSH_DELAY_MS;
        r = show(&taking);
        if (r >= 0)
                r = bundles_answered(engine->bundles, &taken.bundle, taking.store_ms);
        if (r >= 0)
                *ret = taken;
        return r;
}

/* ---- the book ---- */

struct telling {
        int (*visit)(void *context, const struct engine_bundle *bundle);
        void *context;
};

static int tell(void *context, const struct bundle_row *row)
{
        const struct telling *telling = context;
        struct engine_bundle bundle = {.id = row->id,
                                       .handed_ms = row->handed_ms,
                                       .entries = row->entries,
                                       .waiting = row->waiting,
                                       .receipts_ms = row->receipts_ms};

        memcpy(bundle.receiver, row->receiver, sizeof(bundle.receiver));
        return telling->visit(telling->context, &bundle);
}

int engine_bundles(struct engine *engine,
                   int (*visit)(void *context, const struct engine_bundle *bundle), void *context)
{
        struct telling telling = {visit, context};
        uint64_t first;
        int r = outbox_first_waiting_place(engine->outbox, &first);

        return r < 0 ? r : bundles_each(engine->bundles, first, tell, &telling);
}

int engine_bundle_due(struct engine *engine)
{
        struct bundle_row newest;
        uint64_t first;
        int r = outbox_first_waiting_place(engine->outbox, &first);

        if (r < 0 || first == 0)
                return r;
        r = bundles_newest(engine->bundles, first, &newest);
        return r < 0 ? r : r == 0 || newest.place_last < outbox_place(engine->outbox);
}
