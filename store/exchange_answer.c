#include "common/error.h"
#include "store/exchange_internal.h"
#include "store/exits.h"
#include "store/membership.h"
#include "store/receipts.h"

#include <string.h>

void exchange_answer_deinit(struct exchange_answer *answer)
{
        buffer_deinit(&answer->body);
        free(answer->custody);
        free(answer->leaving);
        free(answer->settled);
        *answer = (struct exchange_answer){0};
}

/* One answer in the making. */
struct making {
        struct exchange *exchange;
        struct storage *storage;
        struct exchange_request *request;
        struct device_row device;
        bool active;
        bool lost; /* it shows a head that our log lacks: a commit comes first */
        int64_t now_ms;
        const struct scope_set *scopes;
        struct wire_store_hello hello;
        struct wire_end end;
        struct wire_closings closings;
        struct wire_receipt *receipts;
        bool *in_request; /* beside each receipt */
        size_t receipt_count, receipt_capacity;
        struct wire_locality localities[WIRE_LOCALITIES_MAX];
        struct wire_lane_state lanes[LANE_COUNT];
        struct buffer settled; /* ids of entries whose receipts the device knows */
};

static void making_deinit(struct making *making)
{
        buffer_deinit(&making->settled);
        free(making->receipts);
        free(making->in_request);
}

static bool is_zero(const uint8_t hash[HASH_SIZE])
{
        static const uint8_t zero[HASH_SIZE];

        return memcmp(hash, zero, HASH_SIZE) == 0;
}

/* ---- receipts ---- */

static int add_receipt(struct making *making, const struct wire_receipt *receipt, bool in_request)
{
        if (making->receipt_count == making->receipt_capacity) {
                size_t capacity = making->receipt_capacity > 0 ? 2 * making->receipt_capacity : 64;
                struct wire_receipt *receipts =
                        realloc(making->receipts, capacity * sizeof(*receipts));
                bool *flags;

                if (!receipts)
                        return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
                making->receipts = receipts;
                flags = realloc(making->in_request, capacity * sizeof(*flags));
                if (!flags)
                        return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
                making->in_request = flags;
                making->receipt_capacity = capacity;
        }
        making->receipts[making->receipt_count] = *receipt;
        /* whoever reads a courier's answer may not have what was in the request any more */
        making->in_request[making->receipt_count++] = in_request && !making->request->carried;
        return 0;
}

/* A receipt says only what is durable: what the commit before this answer judged, and what the snapshot has. */
static int receipt_of_entry(struct making *making, const struct exchange_entry *entry)
{
        struct wire_receipt receipt;
        int r;

        if (entry->receipt.outcome != 0)
                return add_receipt(making, &entry->receipt, true);
        r = exchange_known(making->exchange, &making->device.id, entry, &making->exchange->arena,
                           &receipt);
        return r == FOUND_SAME ? add_receipt(making, &receipt, true) : r;
}

static int receipts_of_run(struct making *making, const struct exchange_run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                int r = receipt_of_entry(making, &run->entries[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The hash travels: it is of what was sent, or of what was taken whole before. */
static int receipt_of_damaged(struct making *making, const struct wire_damaged *damaged)
{
        struct exchange_entry entry;
        struct wire_receipt receipt;
        int r;

        exchange_damaged(making->request, damaged, &entry);
        r = exchange_damaged_known(making->exchange, &entry, &making->exchange->arena, &receipt);
        return r > 0 ? add_receipt(making, &receipt, false) : r;
}

/* Receipts that are owed, cut into pieces that fit into an answer. */
struct settling {
        struct making *making;
        size_t size; /* of the piece in hand */
        size_t piece, wanted;
};

static size_t receipt_size_max(const struct wire_receipt *receipt)
{
        enum { RECEIPT = 96, EFFECT = 8, CONFLICT = 17 }; /* bytes, at most */

        return RECEIPT + EFFECT * receipt->effects_count + CONFLICT * receipt->conflicts_count;
}

static int add_settled(void *context, const struct log_row *row)
{
        struct settling *settling = context;
        struct making *making = settling->making;
        size_t size, size_max = making->exchange->settings->settled_max;
        struct wire_receipt receipt;
        int r = receipt_from_row(row, &making->exchange->arena, &receipt);

        if (r < 0)
                return r;
        size = receipt_size_max(&receipt);
        if (settling->size > 0 &&
            settling->size + size > (size_max ? size_max : EXCHANGE_SETTLED_MAX)) {
                settling->piece++;
                settling->size = 0;
        }
        settling->size += size;
        return settling->piece == settling->wanted ? add_receipt(making, &receipt, false) : 0;
}

static int add_piece(struct making *making, size_t wanted, size_t *ret_pieces)
{
        struct settling settling = {.making = making, .wanted = wanted};
        int r = making->storage->ops->settled_of(making->storage, &making->device.id, add_settled,
                                                 &settling);

        *ret_pieces = settling.piece + 1;
        return r;
}

/*
 * What is owed does not shrink before the device shows that it knows all of it. So where it is too much for one answer, answers
 * take turns with its pieces.
 */
static int add_owed(struct making *making)
{
        size_t before = making->receipt_count, pieces, wanted;
        int r = add_piece(making, 0, &pieces);

        if (r < 0 || pieces == 1)
                return r;
        wanted = making->exchange->settled_turn++ % pieces;
        if (wanted == 0)
                return 0;
        making->receipt_count = before;
        return add_piece(making, wanted, &pieces);
}

static int append_parked(void *context, const struct uuid *id)
{
        struct buffer *ids = context;

        buffer_append(ids, BYTES(id, sizeof(*id)));
        return buffer_check(ids);
}

static int parked_hash(struct storage *storage, const struct uuid *device, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer ids = BUFFER_INIT;
        int r = storage->ops->parked_ids(storage, device, append_parked, &ids);

        if (r == 0)
                wire_parked_hash((const struct uuid *)(const void *)ids.data,
                                 ids.size / sizeof(struct uuid), ret);
        return r;
}

static int stop_at_first(void *context, const struct log_row *row)
{
        (void)context;
        (void)row;
        return 1;
}

static int note_known(void *context, const struct log_row *row)
{
        struct making *making = context;

        buffer_append(&making->settled, BYTES(&row->id, sizeof(row->id)));
        return buffer_check(&making->settled);
}

/* Entries that were parked and have been judged since. What is judged while the answer is on its way is still owed. */
static int receipts_of_settled(struct making *making)
{
        uint8_t hash[HASH_SIZE];
        int r = parked_hash(making->storage, &making->device.id, hash);

        if (r < 0)
                return r;
        if (memcmp(hash, making->request->hello.parked_hash, HASH_SIZE) != 0)
                return add_owed(making);
        if (making->request->carried)
                return 0; /* what the device knew then says nothing of what it knows now */
        return making->storage->ops->settled_of(making->storage, &making->device.id, note_known,
                                                making);
}

static int collect_receipts(struct making *making)
{
        const struct exchange_request *request = making->request;
        int r = 0;

        for (size_t i = 0; i < request->item_count && r == 0; i++) {
                const struct exchange_item *item = &request->items[i];

                if (item->kind == ITEM_RUN)
                        r = receipts_of_run(making, &item->run);
                else if (item->kind == ITEM_DAMAGED)
                        r = receipt_of_damaged(making, &item->damaged);
        }
        return r < 0 ? r : receipts_of_settled(making);
}

static int put_receipts(struct making *making, struct buffer *out)
{
        int r = 0;

        for (size_t at = 0; at < making->receipt_count && r == 0; at += WIRE_RECEIPTS_MAX) {
                size_t left = making->receipt_count - at;

                r = receipts_put(making->exchange->settings->signing_key, &making->device.id,
                                 making->now_ms, making->receipts + at, making->in_request + at,
                                 left < WIRE_RECEIPTS_MAX ? left : WIRE_RECEIPTS_MAX, out);
        }
        return r;
}

/* ---- hello ---- */

static int signed_head(struct exchange *exchange, const struct storage_locality *locality,
                       struct wire_head *ret)
{
        size_t i;
        int r;

        for (i = 0; i < exchange->head_count; i++)
                if (uuid_equal(&exchange->heads[i].locality, &locality->id))
                        break;
        if (i == exchange->head_count && i == WIRE_LOCALITIES_MAX)
                i = 0;
        if (i == exchange->head_count || exchange->heads[i].number != locality->number ||
            exchange->heads[i].epoch != locality->epoch ||
            exchange->heads[i].position != locality->position || /* a commit without a row */
            memcmp(exchange->heads[i].hash, locality->head, HASH_SIZE) != 0) {
                r = head_sign(exchange->settings->signing_key, locality, &exchange->heads[i]);
                if (r < 0)
                        return r;
                if (i == exchange->head_count)
                        exchange->head_count++;
        }
        *ret = exchange->heads[i];
        return 0;
}

static int fill_localities(struct making *making)
{
        const struct feed_list *feeds = &making->exchange->feeds;
        size_t count = 0;

        /* Grants are sorted by locality. */
        for (size_t i = 0; i < feeds->grant_count && count < WIRE_LOCALITIES_MAX; i++) {
                const struct uuid *id = &feeds->grants[i].locality;
                const struct storage_locality *locality;
                int r;

                if (i > 0 && uuid_equal(id, &feeds->grants[i - 1].locality))
                        continue;
                locality = making->storage->ops->locality(making->storage, id);
                if (!locality)
                        return FAIL(PANNIER_E_CORRUPT, "a granted locality is not there");
                making->localities[count] = (struct wire_locality){0};
                r = signed_head(making->exchange, locality, &making->localities[count].head);
                if (r < 0)
                        return r;
                making->localities[count].backup_epoch = locality->backup.epoch;
                making->localities[count].backup_position = locality->backup.position;
                making->localities[count].common = exchange_common(making->request, locality);
                count++;
        }
        making->hello.localities = making->localities;
        making->hello.localities_count = count;
        return 0;
}

static int fill_lanes(struct making *making)
{
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                struct lane_row row;
                int r = making->storage->ops->lane_get(making->storage, &making->device.id,
                                                       &making->request->hello.incarnation, lane,
                                                       &row);

                if (r < 0)
                        return r;
                making->lanes[lane].next = r > 0 ? row.next_seq : 1;
                making->lanes[lane].stopped = (enum wire_stop)making->request->stopped[lane];
                making->lanes[lane].forked =
                        r > 0 && (row.forked || exchange_has_double(making->exchange,
                                                                    making->request, lane, &row));
        }
        making->hello.lanes = making->lanes;
        making->hello.lanes_count = LANE_COUNT;
        return 0;
}

static int fill_grants(struct making *making)
{
        const struct feed_list *feeds = &making->exchange->feeds;
        int r = wire_grants_hash(feeds->grants, feeds->grant_count, making->hello.grants_hash);

        if (r < 0)
                return r;
        making->hello.grants_listed = memcmp(making->hello.grants_hash,
                                             making->request->hello.grants_hash, HASH_SIZE) != 0;
        if (making->hello.grants_listed) {
                making->hello.grants = feeds->grants;
                making->hello.grants_count = feeds->grant_count;
        }
        return 0;
}

static void fill_settings(struct making *making)
{
        const struct exchange_settings *settings = making->exchange->settings;
        const struct wire_device_hello *theirs = &making->request->hello;

        if (theirs->policy != settings->policy.version)
                making->hello.policy = &settings->policy;
        if (theirs->trust < settings->trust.version)
                making->hello.trust = &settings->trust;
}

/* ---- changes ---- */

int exchange_feeds(struct exchange *exchange, const struct device_row *device, int64_t now_ms,
                   const struct scope_set **ret_scopes)
{
        int r = grants_get(exchange->grants, exchange->storage, device, scope_day(now_ms),
                           ret_scopes);

        return r < 0 ? r : feed_list_load(&exchange->feeds, exchange->storage, device, *ret_scopes);
}

static int fill_page(struct making *making)
{
        const struct exchange_request *request = making->request;
        struct exchange *exchange = making->exchange;
        size_t limit = exchange->settings->changes_max;
        bool from_nothing = is_zero(request->hello.vector_hash);
        int r = feed_list_hash(&exchange->feeds, making->end.vector_hash);

        if (r < 0)
                return r;
        if (memcmp(making->end.vector_hash, request->hello.vector_hash, HASH_SIZE) == 0)
                return 0;
        if (!request->has_vector && !from_nothing) {
                making->hello.vector_wanted = true;
                making->end.more = true;
                return 0;
        }
        if (limit == 0 || limit > WIRE_ANSWER_CHANGES_MAX)
                limit = WIRE_ANSWER_CHANGES_MAX;
        feed_list_place(&exchange->feeds, request->vector.feeds, request->vector.feeds_count);
        r = feed_page_fill(&exchange->page, making->storage, &exchange->feeds, &making->device,
                           making->scopes, limit, making->now_ms);
        making->end.more = exchange->page.more;
        return r;
}

/* Who left, whether by an exit or by a change of grants, and whether anybody's erasure is still to be confirmed. */
static int fill_leaving(struct making *making)
{
        struct buffer *leaving = &making->exchange->page.leaving;
        uint64_t before = 0;
        int r = 0;

        if (making->hello.grants_listed)
                r = exchange_leavers(making->exchange, &making->device, making->scopes, leaving);
        if (r == 0)
                r = making->storage->ops->leaving_count(making->storage, &making->device.id,
                                                        &before);
        making->hello.leaving = before + leaving->size / sizeof(struct leaving_row);
        return r;
}

/* A device that stands at this vector and sends no list was told before: an exchange without news stays small. */
static int fill_changes(struct making *making)
{
        int r = fill_page(making);

        if (r < 0 || making->end.more ||
            (!making->request->has_vector &&
             memcmp(making->end.vector_hash, making->request->hello.vector_hash, HASH_SIZE) == 0))
                return r;
        return feed_list_digest_hash(&making->exchange->feeds, making->end.vector_hash,
                                     making->end.digest_hash);
}

/* ---- all of it ---- */

static int fill(struct making *making)
{
        int r = exchange_device(making->exchange, &making->request->device.id, &making->device);

        if (r < 0)
                return r;
        making->active = r > 0;
        r = exchange_look_at_heads(making->exchange, making->request, &making->lost);
        making->lost = making->lost && making->active && !making->request->committed;
        if (r < 0 || making->lost)
                return r;
        making->hello.protocol = WIRE_PROTOCOL;
        making->hello.catalogue = catalogue_get()->version;
        making->hello.now_ms = making->now_ms;
        making->hello.state = making->device.state != 0 ? making->device.state : DEVICE_REVOKED;
        r = fill_lanes(making);
        if (r == 0)
                r = collect_receipts(making);
        if (r == 0 && !making->request->carried)
                r = exchange_collect_closings(making->exchange, &making->device.id,
                                              making->request->hello.closing, &making->closings);
        if (r < 0 || !making->active || making->request->carried)
                return r;
        fill_settings(making);
        r = exchange_feeds(making->exchange, &making->device, making->now_ms, &making->scopes);
        if (r == 0)
                r = fill_grants(making);
        if (r == 0)
                r = fill_localities(making);
        if (r == 0)
                r = fill_changes(making);
        if (r == 0 && making->closings.closings_count == WIRE_CLOSINGS_MAX)
                making->end.more = true; /* there may be others behind them */
        return r < 0 ? r : fill_leaving(making);
}

static int write_answer(struct making *making, struct exchange_answer *ret)
{
        struct exchange *exchange = making->exchange;
        struct buffer *clear = &exchange->answer;
        int r;

        ret->row_count = exchange->page.row_count;
        buffer_reset(clear);
        wire_put_store_hello(&making->hello, clear);
        r = put_receipts(making, clear);
        if (r == 0 && making->closings.closings_count > 0)
                wire_put_closings(&making->closings, clear);
        if (r == 0)
                r = feed_page_write(&exchange->page, clear);
        if (r < 0)
                return r;
        wire_put_end(&making->end, clear);
        r = buffer_check(clear);
        if (r == 0 && clear->size > WIRE_ANSWER_MAX)
                r = FAIL(PANNIER_E_INTERNAL, "an answer of %zu bytes, which no device takes",
                         clear->size);
        return r < 0 ? r : compress_message(exchange->compressor, buffer_view(clear), &ret->body);
}

static void hand_over(struct making *making, struct exchange_answer *ret)
{
        struct buffer *custody = &making->exchange->page.custody;
        struct buffer *leaving = &making->exchange->page.leaving;

        ret->device = making->request->device.id;
        ret->more = making->end.more;
        ret->settled_count = making->settled.size / sizeof(*ret->settled);
        ret->settled = (struct uuid *)(void *)TAKE(making->settled.data);
        making->settled = BUFFER_INIT;
        ret->custody_count = custody->size / sizeof(*ret->custody);
        ret->custody = (struct custody_row *)(void *)TAKE(custody->data);
        *custody = BUFFER_INIT;
        ret->leaving_count = leaving->size / sizeof(*ret->leaving);
        ret->leaving = (struct leaving_row *)(void *)TAKE(leaving->data);
        *leaving = BUFFER_INIT;
        ret->commit_first =
                ret->custody_count > 0 || ret->leaving_count > 0 || ret->settled_count > 0;
}

int exchange_answer(struct exchange *exchange, struct exchange_request *request, int64_t now_ms,
                    struct exchange_answer *ret)
{
        CLEANUP(making_deinit)
        struct making making = {
                .exchange = exchange,
                .storage = exchange->storage,
                .request = request,
                .now_ms = now_ms,
        };
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        int r;

        arena_reset(&exchange->arena);
        feed_page_deinit(&exchange->page); /* an answer that failed may have left something */
        if (request->is_check)
                return exchange_check(exchange, request, now_ms, ret);
        r = exchange->storage->ops->begin_read(exchange->storage);
        if (r < 0)
                return r;
        r = fill(&making);
        if (r == 0 && !making.lost)
                r = write_answer(&making, &answer);
        exchange->storage->ops->rollback(exchange->storage);
        if (r < 0)
                return r;
        if (making.lost)
                return EXCHANGE_COMMIT_FIRST;
        hand_over(&making, &answer);
        *ret = answer;
        answer = (struct exchange_answer){0};
        return 0;
}

/* Whoever is sent again is not on the way out any more, whatever the device was told before. */
static int put_custody(struct storage *storage, const struct exchange_answer *answer)
{
        uint64_t leaving = 0;
        int r = storage->ops->custody_sent(storage, answer->custody, answer->custody_count);

        if (r == 0)
                r = storage->ops->leaving_count(storage, &answer->device, &leaving);
        for (size_t i = 0; i < answer->custody_count && leaving > 0 && r == 0; i++)
                r = storage->ops->leaving_remove(storage, &answer->device,
                                                 &answer->custody[i].person);
        return r < 0 ? r
                     : storage->ops->leaving_put(storage, answer->leaving, answer->leaving_count);
}

/* Localities that the transaction needs, ascending. */
struct custody_localities {
        struct uuid items[WIRE_LOCALITIES_MAX];
        size_t count;
        bool more; /* one was added: begin again */
};

static void need_locality(struct custody_localities *needed, const struct uuid *id)
{
        size_t place = 0;

        while (place < needed->count && uuid_compare(&needed->items[place], id) < 0)
                place++;
        if ((place < needed->count && uuid_equal(&needed->items[place], id)) ||
            needed->count == WIRE_LOCALITIES_MAX)
                return;
        memmove(&needed->items[place + 1], &needed->items[place],
                (needed->count - place) * sizeof(*id));
        needed->items[place] = *id;
        needed->count++;
        needed->more = true;
}

/* Whoever left, and was forgotten, while this answer was made: the device is to be told all the same. */
static int tell_again(struct storage *storage, const struct exchange_answer *answer,
                      struct custody_localities *needed)
{
        int r = 0;

        for (size_t i = 0; i < answer->custody_count && r >= 0; i++) {
                const struct custody_row *row = &answer->custody[i];

                r = exits_forgotten(storage, row);
                if (r <= 0)
                        continue;
                if (!storage->ops->locality(storage, &row->locality))
                        need_locality(needed, &row->locality);
                else
                        r = membership_exit_again(storage, &row->locality, &row->person);
        }
        return r < 0 ? r : 0;
}

static int note_answer(struct storage *storage, const struct exchange_answer *answer,
                       struct custody_localities *needed)
{
        int r = put_custody(storage, answer);

        if (r == 0)
                r = storage->ops->settled_clear(storage, &answer->device, answer->settled,
                                                answer->settled_count);
        return r < 0 ? r : tell_again(storage, answer, needed);
}

static int note_answers(struct storage *storage, const struct exchange_answer *const *answers,
                        size_t count, struct custody_localities *needed)
{
        int r = storage->ops->begin(storage, needed->items, needed->count);

        needed->more = false;
        if (r < 0)
                return r;
        for (size_t i = 0; i < count && r == 0; i++)
                r = note_answer(storage, answers[i], needed);
        if (r == 0 && !needed->more)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

int exchange_custody(struct exchange *exchange, const struct exchange_answer *const *answers,
                     size_t count, int64_t now_ms)
{
        struct custody_localities needed = {.count = 0};
        int r;

        (void)now_ms;
        do
                r = note_answers(exchange->storage, answers, count, &needed);
        while (r == 0 && needed.more);
        return r;
}

/* ---- news ---- */

static int find_news(struct exchange *exchange, const struct uuid *device,
                     const uint8_t vector_hash[HASH_SIZE], const uint8_t known_hash[HASH_SIZE],
                     uint64_t closing, int64_t now_ms)
{
        struct storage *storage = exchange->storage;
        const struct scope_set *scopes;
        struct device_row row = {0};
        uint8_t hash[HASH_SIZE];
        int r = exchange_device(exchange, device, &row);

        if (r <= 0)
                return r < 0 ? r : 1; /* it is to learn that it is not welcome */
        r = exchange_feeds(exchange, &row, now_ms, &scopes);
        if (r == 0)
                r = feed_list_hash(&exchange->feeds, hash);
        if (r < 0 || memcmp(hash, vector_hash, HASH_SIZE) != 0)
                return r < 0 ? r : 1;
        r = exchange_has_closings(storage, device, closing);
        if (r != 0)
                return r;
        r = parked_hash(storage, device, hash);
        if (r < 0 || memcmp(hash, known_hash, HASH_SIZE) == 0)
                return r;
        r = storage->ops->settled_of(storage, device, stop_at_first, NULL);
        return r;
}

int exchange_news(struct exchange *exchange, const struct uuid *device,
                  const uint8_t vector_hash[HASH_SIZE], const uint8_t known_hash[HASH_SIZE],
                  uint64_t closing, int64_t now_ms)
{
        int r = exchange->storage->ops->begin_read(exchange->storage);

        if (r < 0)
                return r;
        r = find_news(exchange, device, vector_hash, known_hash, closing, now_ms);
        exchange->storage->ops->rollback(exchange->storage);
        return r;
}
