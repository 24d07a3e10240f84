#include "store/epoch.h"

#include "common/error.h"

#include <string.h>

/* ---- what is known of histories ---- */

struct finding {
        uint64_t epoch;
        struct epoch_row row; /* the history with that number */
        bool found;
        uint64_t floor; /* lowest position at which it or a later one was left */
};

static int find_epoch(void *context, const struct epoch_row *row)
{
        struct finding *finding = context;

        if (row->epoch < finding->epoch)
                return 1;
        if (row->ended && row->left < finding->floor)
                finding->floor = row->left;
        if (row->epoch == finding->epoch) {
                finding->row = *row;
                finding->found = true;
        }
        return 0;
}

static int find(struct storage *storage, const struct uuid *locality, uint64_t epoch,
                struct finding *ret)
{
        int r;

        *ret = (struct finding){.epoch = epoch, .floor = UINT64_MAX};
        r = storage->ops->epochs(storage, locality, find_epoch, ret);
        return r < 0 ? r : 0;
}

int epoch_floor(struct storage *storage, const struct uuid *locality, uint64_t epoch, uint64_t *ret)
{
        struct finding finding;
        int r = find(storage, locality, epoch, &finding);

        if (r == 0)
                *ret = finding.found ? finding.floor : 0;
        return r;
}

/* ---- heads ---- */

struct comparing {
        const struct wire_head *head;
        bool same;
};

static int compare_row(void *context, const struct log_row *row)
{
        struct comparing *comparing = context;

        comparing->same = row->number == comparing->head->number &&
                          memcmp(row->chain, comparing->head->hash, HASH_SIZE) == 0;
        return 1;
}

/* The chain's hash covers everything before it, so one row tells. */
static int lies_on_chain(struct storage *storage, const struct storage_locality *state,
                         const struct wire_head *head, bool *ret)
{
        struct comparing comparing = {.head = head};
        int r;

        *ret = head->number == 0;
        if (head->number == 0 || head->number > state->number)
                return 0;
        if (head->number == state->number) {
                *ret = memcmp(head->hash, state->head, HASH_SIZE) == 0;
                return 0;
        }
        r = storage->ops->log_each(storage, &head->locality, head->number, compare_row, &comparing);
        *ret = comparing.same;
        return r < 0 ? r : 0;
}

static int check_signature(const struct public_key *key, const struct wire_head *head)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;

        wire_head_message(head, &message);
        if (buffer_check(&message) < 0)
                return buffer_check(&message);
        return public_key_verify(key, buffer_view(&message), head->signature);
}

static uint64_t least(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* It is not simply ours: is it ours at all, and is that history known to be gone? */
static int look_closer(struct storage *storage, const struct public_key *key,
                       const struct storage_locality *state, const struct wire_head *head,
                       bool on_chain, struct epoch_seen *ret)
{
        struct finding finding;
        int r = check_signature(key, head);

        if (r == PANNIER_E_CRYPTO) {
                error_clear();
                return 0;
        }
        if (r == 0)
                r = find(storage, &head->locality, head->epoch, &finding);
        if (r < 0)
                return r;
        if (finding.found && !uuid_equal(&finding.row.id, &head->epoch_id)) {
                /* Two histories under one number: of the one that is not in our table nothing is certain. */
                ret->kind = head->epoch < state->epoch ? EPOCH_LEFT : EPOCH_LOST;
                return 0;
        }
        ret->kind = finding.found && finding.row.ended ? EPOCH_LEFT : EPOCH_LOST;
        ret->common = head->position;
        if (finding.found && finding.row.ended && !on_chain)
                ret->common = least(finding.floor, head->position);
        if (finding.found && on_chain)
                ret->kind = EPOCH_OURS;
        if (head->epoch > state->epoch) /* whoever was shown it follows a greater number only */
                ret->kind = EPOCH_LOST;
        return 0;
}

int epoch_look(struct storage *storage, const struct public_key *key, const struct wire_head *head,
               struct epoch_seen *ret)
{
        const struct storage_locality *state = storage->ops->locality(storage, &head->locality);
        bool on_chain;
        int r;

        *ret = (struct epoch_seen){.kind = EPOCH_ELSEWHERE};
        if (!state)
                return 0;
        r = lies_on_chain(storage, state, head, &on_chain);
        if (r < 0)
                return r;
        ret->kind = EPOCH_FORGED;
        if (!on_chain || head->epoch != state->epoch ||
            !uuid_equal(&head->epoch_id, &state->epoch_id))
                return look_closer(storage, key, state, head, on_chain, ret);
        *ret = (struct epoch_seen){.kind = EPOCH_OURS, .common = head->position};
        return 0;
}

/* ---- beginnings ---- */

static int take_greatest(void *context, const struct epoch_row *row)
{
        uint64_t *greatest = context;

        if (row->epoch > *greatest)
                *greatest = row->epoch;
        return 1; /* the newest comes first */
}

/*
 * Numbers rise by steps of which nobody else knows the size: two copies of one database that both lost commits and do not know of each
 * other give their new histories different numbers, so that a base, which names its epoch by number alone, is never taken for
 * one of the other.
 */
int epoch_begin(struct storage *storage, const struct uuid *locality, uint64_t left, uint64_t above,
                const uint8_t seed[HASH_SIZE], int64_t now_ms)
{
        const struct storage_locality *state = storage->ops->locality(storage, locality);
        struct epoch_row next = {.began_ms = now_ms};
        uint64_t step;
        int r;

        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "an epoch of a locality outside of the commit");
        step = 1 + ((uint64_t)seed[0] << 8 | seed[1]);
        next.epoch = state->epoch > above ? state->epoch : above;
        r = storage->ops->epochs(storage, locality, take_greatest, &next.epoch);
        if (r < 0)
                return r;
        if (next.epoch > WIRE_NUMBER_MAX - step)
                return FAIL(PANNIER_E_LIMIT, "no number is left for an epoch");
        next.epoch += step;
        memcpy(next.id.bytes, seed + HASH_SIZE - sizeof(next.id.bytes), sizeof(next.id.bytes));
        return storage->ops->epoch_begin(storage, locality, &next, left);
}

/*
 * Bytes that no other beginning has: our log as it stands, the very signature (which is made with random bytes) on what it
 * lacks, and the time. So the engine needs no source of randomness.
 */
static int make_seed(const struct storage_locality *state, const struct wire_head *head,
                     int64_t now_ms, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;

        cbor_put_array(&bytes, 5);
        cbor_put_text(&bytes, bytes_text("epoch"));
        cbor_put_uuid(&bytes, &state->epoch_id);
        cbor_put_bytes(&bytes, BYTES(state->head, HASH_SIZE));
        cbor_put_bytes(&bytes, BYTES(head->signature, SIGNATURE_SIZE));
        cbor_put_int(&bytes, now_ms);
        if (buffer_check(&bytes) < 0)
                return buffer_check(&bytes);
        crypto_sha256(buffer_view(&bytes), ret);
        return 0;
}

/* Where the lost history branched off from ours. */
static int find_common(struct storage *storage, const struct wire_head *head, int64_t told_ms,
                       bool on_chain, uint64_t *ret)
{
        uint64_t opened = 0;
        int r = 0;

        if (!on_chain)
                r = storage->ops->opened_since(storage, &head->locality, told_ms, &opened);
        *ret = on_chain ? head->position : least(opened, head->position);
        return r;
}

int epoch_lost(struct storage *storage, const struct wire_head *head, int64_t told_ms,
               int64_t now_ms)
{
        const struct storage_locality *state = storage->ops->locality(storage, &head->locality);
        struct epoch_row gone = {
                .epoch = head->epoch, .id = head->epoch_id, .began_ms = now_ms, .ended = true};
        bool present, on_chain;
        uint8_t seed[HASH_SIZE];
        uint64_t before;
        int r;

        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "an epoch of a locality outside of the commit");
        before = state->position - 1;
        present = state->epoch == head->epoch && uuid_equal(&state->epoch_id, &head->epoch_id);
        r = lies_on_chain(storage, state, head, &on_chain);
        if (r == 0)
                r = find_common(storage, head, told_ms, on_chain, &gone.left);
        if (r == 0)
                r = make_seed(state, head, now_ms, seed);
        if (r == 0 && !present)
                r = storage->ops->epoch_note(storage, &head->locality, &gone);
        if (r < 0 || head->epoch < state->epoch)
                return r;
        return epoch_begin(storage, &head->locality, present ? gone.left : before, head->epoch,
                           seed, now_ms);
}
