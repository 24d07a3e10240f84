/*
 * The writer's step: lanes, gaps, runs; what becomes of an entry is asked of store/judge.h.
 *
 * A group commit is played without savepoints, which cost as much as an entry. Only where it fails for another reason than
 * storage is all of it played again, an entry at a time, and the entry at fault is quarantined.
 */
#include "common/error.h"
#include "common/plant.h"
#include "store/exchange_internal.h"
#include "store/receipts.h"

#include <string.h>

struct commit {
        struct exchange *exchange;
        struct storage *storage;
        struct exchange_request *const *requests;
        size_t request_count;
        int64_t now_ms;
        bool careful; /* one savepoint per entry */
        struct uuid wanted
                [WIRE_LOCALITIES_MAX]; /* that the requests do not name: where people are who moved */
        size_t wanted_count;
};

/* What is the same for all items of one request. */
struct taking {
        struct commit *commit;
        struct exchange_request *request;
        struct device_row device;
        bool active;
        struct judge_origin origin;
        struct wire_head heads[WIRE_LOCALITIES_MAX];
        uint64_t answered; /* entries of the request that have an outcome or are parked now */
};

/* Nothing was recorded and nothing can be: the exchange ends as "store unavailable". */
static bool is_fatal(int error)
{
        return error == PANNIER_E_STORAGE || error == PANNIER_E_MEMORY || error == PANNIER_E_BUSY ||
               error == PANNIER_E_CORRUPT;
}

/* ---- shared ---- */

int exchange_device(struct exchange *exchange, const struct uuid *id, struct device_row *ret)
{
        int r = exchange->storage->ops->device_get(exchange->storage, id, ret);

        return r <= 0 ? r : ret->state == DEVICE_ACTIVE;
}

/* Where the judge parks an entry: in its own locality, or in the device's where its own is not kept here. */
static int find_locality(struct exchange *exchange, const struct uuid *device,
                         const struct entry_header *header, struct uuid *ret)
{
        const struct storage_ops *ops = exchange->storage->ops;
        struct device_row row;
        int r;

        *ret = header->locality;
        if (ops->locality(exchange->storage, ret))
                return 0;
        r = ops->device_get(exchange->storage, device, &row);
        if (r > 0)
                *ret = row.locality;
        return r < 0 ? r : 0;
}

int exchange_known(struct exchange *exchange, const struct uuid *device,
                   const struct exchange_entry *entry, struct arena *arena,
                   struct wire_receipt *ret)
{
        const struct storage_ops *ops = exchange->storage->ops;
        struct parked_row parked;
        struct uuid locality;
        struct log_row row;
        int r;

        r = ops->log_find(exchange->storage, &entry->header.locality, &entry->header.id, device,
                          entry->body_hash, arena, &row);
        if (r < 0)
                return r;
        if (SIM_PLANT(REPEAT_BY_ID_ALONE) && r == FOUND_OTHER)
                r = FOUND_SAME;
        if (r == FOUND_SAME) {
                r = receipt_from_row(&row, arena, ret);
                return r < 0 ? r : FOUND_SAME;
        }
        r = find_locality(exchange, device, &entry->header, &locality);
        if (r == 0)
                r = ops->parked_find(exchange->storage, &locality, &entry->header.id, device,
                                     entry->body_hash, &parked);
        if (r != FOUND_SAME)
                return r < 0 ? r : FOUND_NONE;
        receipt_parked(&parked, ret);
        return FOUND_SAME;
}

/* ---- localities ---- */

struct localities {
        struct uuid items[WIRE_LOCALITIES_MAX];
        size_t count;
};

static int take_locality(void *context, const struct uuid *id)
{
        struct localities *localities = context;

        if (localities->count == WIRE_LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", WIRE_LOCALITIES_MAX);
        localities->items[localities->count++] = *id;
        return 0;
}

static bool is_touched(const struct commit *commit, const struct uuid *locality)
{
        for (size_t i = 0; i < commit->wanted_count; i++)
                if (uuid_equal(&commit->wanted[i], locality))
                        return true;
        for (size_t i = 0; i < commit->request_count; i++) {
                const struct exchange_request *request = commit->requests[i];

                if (uuid_equal(&request->device.locality, locality))
                        return true;
                for (size_t k = 0; k < request->hello.heads_count; k++)
                        if (uuid_equal(&request->hello.heads[k].locality, locality))
                                return true;
                for (size_t k = 0; k < request->item_count; k++) {
                        const struct exchange_item *item = &request->items[k];

                        for (size_t m = 0; item->kind == ITEM_RUN && m < item->run.count; m++)
                                if (uuid_equal(&item->run.entries[m].header.locality, locality))
                                        return true;
                }
        }
        return false;
}

/* The localities that the requests name, of those that are kept here; ascending, because the list of them is. */
static int begin(struct commit *commit)
{
        struct localities all = {0}, touched = {0};
        int r = commit->storage->ops->localities(commit->storage, take_locality, &all);

        for (size_t i = 0; i < all.count && r == 0; i++)
                if (is_touched(commit, &all.items[i]))
                        touched.items[touched.count++] = all.items[i];
        return r < 0 ? r
                     : commit->storage->ops->begin(commit->storage, touched.items, touched.count);
}

/* ---- entries ---- */

/* What comes of it is told to the device once the commit is durable. */
static struct judge_entry judge_input(struct taking *taking, struct exchange_entry *entry)
{
        struct judge_entry input = {
                .header = &entry->header,
                .header_bytes = entry->header_bytes,
                .body = entry->body,
                .arena = &taking->request->arena,
                .receipt = &entry->receipt,
        };

        entry->receipt = (struct wire_receipt){0};
        memcpy(input.body_hash, entry->body_hash, HASH_SIZE);
        return input;
}

static int judge_one(struct taking *taking, struct exchange_entry *entry)
{
        struct exchange *exchange = taking->commit->exchange;
        const struct judge_entry input = judge_input(taking, entry);
        struct wire_receipt receipt;
        int r;

        if (taking->active && entry->refused == REASON_NONE) {
                r = exchange_note_again(
                        exchange, taking->request, entry,
                        judge_locality(exchange->judge, &taking->origin, &entry->header));
                return r < 0 ? r : judge_take(exchange->judge, &taking->origin, &input);
        }
        r = exchange_known(exchange, &taking->device.id, entry, &exchange->arena, &receipt);
        if (r != FOUND_NONE)
                return r < 0 ? r : 0;
        return judge_refuse(exchange->judge, &taking->origin, &input,
                            entry->refused != REASON_NONE ? entry->refused : REASON_DEVICE);
}

static int refuse_one(struct taking *taking, struct exchange_entry *entry)
{
        const struct judge_entry input = judge_input(taking, entry);

        return judge_refuse(taking->commit->exchange->judge, &taking->origin, &input,
                            REASON_INTERNAL);
}

static int go_back(struct taking *taking, struct exchange_entry *entry)
{
        struct commit *commit = taking->commit;
        int r = commit->storage->ops->savepoint_back(commit->storage);

        entry->receipt = (struct wire_receipt){0};
        if (r == 0)
                judge_begin(commit->exchange->judge, commit->now_ms);
        return r;
}

/* Return: 0; positive: the entry can be neither judged nor quarantined, or there is no room for it; or an error */
static int judge_carefully(struct taking *taking, struct exchange_entry *entry)
{
        const struct storage_ops *ops = taking->commit->storage->ops;
        struct storage *storage = taking->commit->storage;
        int failed, r = ops->savepoint(storage);

        if (r < 0)
                return r;
        failed = judge_one(taking, entry);
        if (failed < 0 && judge_wanted(taking->commit->exchange->judge))
                return failed;
        if (failed >= 0 || is_fatal(failed)) {
                r = failed < 0 ? 0 : ops->savepoint_keep(storage);
                return r < 0 ? r : failed;
        }
        r = go_back(taking, entry);
        if (r == 0)
                r = ops->savepoint(storage);
        if (r < 0)
                return r;
        failed = refuse_one(taking, entry);
        if (failed >= 0 || is_fatal(failed)) {
                r = failed < 0 ? 0 : ops->savepoint_keep(storage);
                return r < 0 ? r : failed;
        }
        r = go_back(taking, entry);
        return r < 0 ? r : 1;
}

/* Return: 0; positive: it was not taken, and its lane ends here; or an error */
static int take_entry(struct taking *taking, struct exchange_entry *entry)
{
        int r = taking->commit->careful ? judge_carefully(taking, entry) : judge_one(taking, entry);

        if (r == JUDGE_FULL_PARKED || r == JUDGE_FULL_REFUSED)
                taking->request->stopped[entry->header.lane] =
                        r == JUDGE_FULL_PARKED ? WIRE_STOP_PARKED : WIRE_STOP_REFUSED;
        return r;
}

/* ---- lanes ---- */

static int get_lane(struct taking *taking, const struct uuid *incarnation, uint8_t lane,
                    struct lane_row *ret)
{
        int r = taking->commit->storage->ops->lane_get(taking->commit->storage, &taking->device.id,
                                                       incarnation, lane, ret);

        if (r == 0)
                *ret = (struct lane_row){
                        .device = taking->device.id,
                        .incarnation = *incarnation,
                        .lane = lane,
                        .next_seq = 1,
                        .head_known = true, /* zeros, before the first entry */
                };
        return r < 0 ? r : 0;
}

static int put_lane(struct taking *taking, const struct lane_row *lane)
{
        return taking->commit->storage->ops->lane_put(taking->commit->storage, lane);
}

static int fork_lane(struct taking *taking, struct lane_row *lane)
{
        lane->forked = true;
        return put_lane(taking, lane);
}

/*
 * An entry below next: a repeat, or what a gap had declared lost, or the sign of a fork. A repeat may have come first under another
 * incarnation: an outbox that was put back offers under its new one what the store has from the old one, and may have to do so
 * twice. Whether the numbers before it hold the same is told by the chain. Return: 1 repeat, 2 found again, 0 fork
 */
static int recognise(struct taking *taking, const struct exchange_entry *entry)
{
        struct exchange *exchange = taking->commit->exchange;
        const struct entry_header *header = &entry->header;
        struct wire_receipt receipt;
        int r = exchange_known(exchange, &taking->device.id, entry, &exchange->arena, &receipt);

        if (r < 0)
                return r;
        if (r == FOUND_SAME)
                return 1;
        r = exchange->storage->ops->gap_covers(exchange->storage, &taking->device.id,
                                               &header->incarnation, header->lane, header->seq);
        return r > 0 ? 2 : r;
}

/* Return: 1 the run continues the lane, 0 it does not, or an error */
static int check_overlap(struct taking *taking, const struct exchange_run *run,
                         const struct lane_row *lane)
{
        const uint8_t *before = run->wire->previous;

        for (size_t i = 0; i < run->count && run->wire->first + i < lane->next_seq; i++) {
                int r = recognise(taking, &run->entries[i]);

                if (r <= 0)
                        return r;
                before = run->entries[i].head;
        }
        if (run->wire->first + run->count < lane->next_seq || !lane->head_known)
                return 1;
        return memcmp(before, lane->head, HASH_SIZE) == 0;
}

/* Which life of its outbox writes on: one that was over and goes on is an incident. */
static int note_life(struct taking *taking)
{
        struct storage *storage = taking->commit->storage;
        struct incarnation_row newest;
        int r;

        /* A bundle may be of a life that is over by now; that tells nothing about two machines. */
        if (taking->request->carried &&
            (r = storage->ops->incarnation_newest(storage, &taking->device.id, &newest)) != 0)
                return r < 0 ? r : 0;
        r = storage->ops->incarnation_seen(storage, &taking->device.id,
                                           &taking->request->hello.incarnation,
                                           taking->request->received_ms);

        return r < 0 ? r : 0;
}

static int take_entries(struct taking *taking, const struct exchange_run *run,
                        struct lane_row *lane)
{
        uint64_t before = lane->next_seq;
        size_t i;
        int r = 0;

        for (i = 0; i < run->count && r == 0; i++) {
                struct exchange_entry *entry = &run->entries[i];
                uint64_t seq = run->wire->first + i;

                /* The judge knows what it took in this run; a refusal makes it forget. */
                if (taking->commit->careful && i > 0 && seq >= lane->next_seq)
                        r = put_lane(taking, lane);
                if (r == 0)
                        r = take_entry(taking, entry);
                taking->answered += r == 0;
                if (r != 0 || seq < lane->next_seq)
                        continue;
                lane->next_seq = seq + 1;
                memcpy(lane->head, entry->head, HASH_SIZE);
                lane->head_known = true;
        }
        if (r == 0)
                memcpy(lane->signature, run->wire->signature, SIGNATURE_SIZE);
        if (r >= 0 && lane->next_seq > before)
                r = note_life(taking);
        return r < 0 ? r : put_lane(taking, lane);
}

static int take_run(struct taking *taking, const struct exchange_run *run)
{
        struct lane_row lane;
        int r = get_lane(taking, &run->wire->incarnation, run->wire->lane, &lane);

        if (r < 0 || lane.forked || run->wire->first > lane.next_seq)
                return r; /* an undeclared gap changes nothing: the answer says what is expected */
        r = check_overlap(taking, run, &lane);
        if (r == 0)
                return fork_lane(taking, &lane);
        return r < 0 ? r : take_entries(taking, run, &lane);
}

/* ---- what the device lost ---- */

static void copy_detail(struct bytes detail, char *ret, size_t size)
{
        size_t length = detail.size < size - 1 ? detail.size : size - 1;

        while (length > 0 && length < detail.size && (detail.data[length] & 0xC0) == 0x80)
                length--; /* not in the middle of a character */
        memcpy(ret, detail.data, length);
        ret[length] = '\0';
}

static int note_gap(struct taking *taking, const struct lane_row *lane, uint64_t first,
                    uint64_t last, struct bytes detail)
{
        struct gap_row row = {
                .device = taking->device.id,
                .incarnation = lane->incarnation,
                .lane = lane->lane,
                .from_seq = first,
                .to_seq = last,
                .declared_ms = taking->request->received_ms,
        };
        int r;

        copy_detail(detail, row.detail, sizeof(row.detail));
        r = taking->commit->storage->ops->gap_put(taking->commit->storage, &row);
        /* whoever needed one of these need not wait any longer */
        return r < 0 ? r
                     : judge_gap(taking->commit->exchange->judge, &taking->device.locality,
                                 &lane->incarnation);
}

static int skip_to(struct taking *taking, struct lane_row *lane, uint64_t last, struct bytes detail)
{
        uint64_t first = lane->next_seq;
        int r;

        lane->next_seq = last + 1;
        lane->head_known = false;
        r = put_lane(taking, lane);
        return r < 0 ? r : note_gap(taking, lane, first, last, detail);
}

static int take_gap(struct taking *taking, const struct wire_gap *gap)
{
        struct lane_row lane;
        int r = get_lane(taking, &gap->incarnation, gap->lane, &lane);

        if (r < 0 || gap->first > gap->last || gap->last < lane.next_seq ||
            gap->last >= WIRE_NUMBER_MAX)
                return r; /* it was declared before, or it never was one */
        /* what came before it moved to another incarnation: it is noted, and the lane stays where it ended */
        if (lane.forked || gap->first > lane.next_seq)
                return note_gap(taking, &lane, gap->first, gap->last, gap->detail);
        return skip_to(taking, &lane, gap->last, gap->detail);
}

/*
 * What is left is kept in quarantine, and the place in the lane counts as a gap, because its hash does not hold. Of one that
 * was taken before it was damaged there is nothing to keep: the device gets the receipt that it missed.
 */
static int take_damaged(struct taking *taking, const struct wire_damaged *damaged)
{
        struct exchange *exchange = taking->commit->exchange;
        struct exchange_entry entry;
        struct wire_receipt receipt;
        struct lane_row lane;
        int r = get_lane(taking, &damaged->incarnation, damaged->lane, &lane);

        if (r < 0 || lane.forked || damaged->seq > lane.next_seq || damaged->seq >= WIRE_NUMBER_MAX)
                return r;
        exchange_damaged(taking->request, damaged, &entry);
        r = exchange_damaged_known(exchange, &entry, &exchange->arena, &receipt);
        if (r == 0)
                r = take_entry(taking, &entry);
        else if (r > 0)
                r = 0;
        if (r > 0)
                return 0; /* no room for what is left of it: it stays where it is */
        return r < 0 || damaged->seq < lane.next_seq
                       ? (r < 0 ? r : 0)
                       : skip_to(taking, &lane, damaged->seq, damaged->detail);
}

/* ---- requests ---- */

/* What waits on the device once it has this answer. Where it never gets it, its next hello says so. */
static int report(struct taking *taking)
{
        const struct wire_device_hello *hello = &taking->request->hello;
        uint64_t left = hello->waiting > taking->answered ? hello->waiting - taking->answered : 0;
        const struct device_report report = {
                .waiting = left,
                .parked = hello->parked,
                .quarantined = hello->quarantined,
                .oldest_ms = left > 0 ? hello->oldest_ms : 0,
                .clock_offset_ms = taking->request->clock_offset_ms,
        };
        struct storage *storage = taking->commit->storage;

        return storage->ops->device_report(storage, &taking->device.id,
                                           taking->request->received_ms, &report);
}

static int take_item(struct taking *taking, const struct exchange_item *item)
{
        switch (item->kind) {
        case ITEM_GAP:
                return take_gap(taking, &item->gap);
        case ITEM_DAMAGED:
                return take_damaged(taking, &item->damaged);
        case ITEM_RUN:
                return take_run(taking, &item->run);
        }
        return 0;
}

/* Of a commit that failed nothing is told: played again, it may not come to every entry. */
static void forget_receipts(struct exchange_request *request)
{
        for (size_t i = 0; i < request->item_count; i++) {
                struct exchange_run *run = &request->items[i].run;

                for (size_t k = 0; request->items[i].kind == ITEM_RUN && k < run->count; k++)
                        run->entries[k].receipt = (struct wire_receipt){0};
        }
        memset(request->stopped, 0, sizeof(request->stopped));
}

static int take_request(struct commit *commit, struct exchange_request *request)
{
        struct taking taking = {.commit = commit, .request = request};
        int r = exchange_device(commit->exchange, &request->device.id, &taking.device);

        if (r < 0 || uuid_is_none(&taking.device.id))
                return r; /* deleted since the handshake: nothing is taken */
        taking.active = r > 0;
        taking.origin = (struct judge_origin){
                .device = &taking.device,
                .received_ms = request->received_ms,
                .clock_offset_ms = request->clock_offset_ms,
                .boot_id = request->hello.boot_id,
                .boot_ms = request->hello.boot_ms,
        };
        taking.origin.heads = taking.heads;
        taking.origin.head_count = exchange_good_heads(request, taking.heads, &taking.origin.ours);
        r = 0;
        for (size_t i = 0; i < request->item_count && r == 0; i++)
                r = take_item(&taking, &request->items[i]);
        if (r >= 0)
                r = exchange_confirm(commit->exchange, request, &taking.device, commit->now_ms);
        for (size_t i = 0; i < request->repaired.repairs_count && r >= 0; i++)
                r = commit->exchange->storage->ops->repair_put(commit->exchange->storage,
                                                               &taking.device.id,
                                                               &request->repaired.repairs[i]);
        return r < 0 || request->carried ? r : report(&taking);
}

static int play_once(struct commit *commit)
{
        int r = begin(commit);

        if (r < 0)
                return r;
        arena_reset(&commit->exchange->arena);
        judge_begin(commit->exchange->judge, commit->now_ms);
        for (size_t i = 0; i < commit->request_count; i++)
                forget_receipts(commit->requests[i]);
        for (size_t i = 0; i < commit->request_count && r == 0; i++)
                r = exchange_take_heads(commit->exchange, commit->requests[i], commit->now_ms);
        for (size_t i = 0; i < commit->request_count && r == 0; i++)
                r = take_request(commit, commit->requests[i]);
        if (r == 0)
                return commit->storage->ops->commit(commit->storage);
        commit->storage->ops->rollback(commit->storage);
        return r;
}

/* Does it only lack a locality? Then that is taken as well: locks are taken in one order, so all of it begins again. */
static bool takes_wanted(struct commit *commit)
{
        const struct uuid *wanted = judge_wanted(commit->exchange->judge);

        if (!wanted || commit->wanted_count == WIRE_LOCALITIES_MAX)
                return false;
        commit->wanted[commit->wanted_count++] = *wanted;
        error_clear();
        return true;
}

static int play(struct commit *commit)
{
        int r;

        do
                r = play_once(commit);
        while (r < 0 && takes_wanted(commit));
        return r;
}

static int need_judge(struct exchange *exchange)
{
        int r;

        if (exchange->judge)
                return 0;
        r = judge_new(exchange->storage, &exchange->judge);
        if (r < 0)
                return r;
        judge_environment(exchange->judge, exchange->settings->environment);
        judge_limit(exchange->judge, &exchange->settings->limits);
        return 0;
}

/* What no entry is to blame for, its request is: nobody else waits for it. */
static int play_each(const struct commit *all)
{
        for (size_t i = 0; i < all->request_count; i++) {
                struct commit one = *all;

                one.requests = &all->requests[i];
                one.request_count = 1;
                all->requests[i]->error = play(&one);
                if (is_fatal(all->requests[i]->error))
                        return all->requests[i]->error;
        }
        return 0;
}

int exchange_commit(struct exchange *exchange, struct exchange_request *const *requests,
                    size_t count, int64_t now_ms)
{
        struct commit commit = {
                .exchange = exchange,
                .storage = exchange->storage,
                .requests = requests,
                .request_count = count,
                .now_ms = now_ms,
        };
        int r = need_judge(exchange);

        if (r < 0)
                return r;
        r = play(&commit);
        if (r == 0 || is_fatal(r))
                return r;
        commit.careful = true;
        r = play(&commit);
        return r == 0 || is_fatal(r) || count == 1 ? r : play_each(&commit);
}

int exchange_error(const struct exchange_request *request)
{
        return request->error;
}

static int expire_once(struct commit *commit, const struct uuid *locality)
{
        enum { BATCH = 500 };
        struct judge *judge = commit->exchange->judge;
        int r = begin(commit);

        if (r < 0)
                return r;
        judge_begin(judge, commit->now_ms);
        r = judge_expire(judge, locality, BATCH);
        if (r >= 0)
                r = judge_tick(judge, locality, BATCH);
        return storage_end(commit->storage, r);
}

static int expire_locality(struct exchange *exchange, const struct uuid *locality, int64_t now_ms)
{
        struct commit commit = {
                .exchange = exchange,
                .storage = exchange->storage,
                .now_ms = now_ms,
                .wanted = {*locality},
                .wanted_count = 1,
        };
        int r;

        do
                r = expire_once(&commit, locality);
        while (r < 0 && takes_wanted(&commit));
        return r;
}

int exchange_expire(struct exchange *exchange, int64_t now_ms)
{
        struct storage *storage = exchange->storage;
        struct localities all = {0};
        int r = need_judge(exchange), failed = 0;

        if (r == 0)
                r = storage->ops->localities(storage, take_locality, &all);
        for (size_t i = 0; i < all.count && r >= 0; i++) {
                int one = expire_locality(exchange, &all.items[i], now_ms);

                /* what is wrong in one locality is no reason to forget the days of the others */
                if (one < 0)
                        failed = one;
        }
        return r < 0 ? r : failed;
}
