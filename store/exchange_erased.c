/*
 * People who left a device: whom it is told to let go of, and its word that nothing of them is left.
 *
 * Whoever leaves by an exit row, or because a scope or a class is no longer granted, is noted as leaving with the position of the
 * snapshot in which the device is told. The device says up to which positions everything was received and erased, and which
 * grants it goes by. A word that is late, or was repeated, cannot do harm: it counts only for the grants of now, only for who had been told by
 * then, and for nobody who has been sent again since (custody_sent takes them off the list).
 */
#include "store/exchange_internal.h"

#include "common/error.h"
#include "store/exits.h"
#include "store/membership.h"

#include <string.h>

/* ---- whom the grants no longer give ---- */

struct leavers {
        struct exchange *exchange;
        const struct device_row *device;
        const struct scope_set *scopes;
        struct position told;
        struct buffer *ret;
};

/* In whatever locality: somebody may have moved. 1, 0 */
static int is_given(const struct leavers *leavers, const struct uuid *person)
{
        const struct feed_list *feeds = &leavers->exchange->feeds;
        struct storage *storage = leavers->exchange->storage;
        int r = 0;

        /* Grants are sorted by locality. */
        for (size_t i = 0; i < feeds->grant_count && r == 0; i++)
                if (i == 0 ||
                    !uuid_equal(&feeds->grants[i].locality, &feeds->grants[i - 1].locality))
                        r = membership_held(storage, &feeds->grants[i].locality, person,
                                            leavers->scopes);
        return r;
}

static int take_leaver(void *context, const struct custody_row *row)
{
        struct leavers *leavers = context;
        const struct leaving_row leaving = {
                .locality = leavers->device->locality,
                .device = row->device,
                .person = row->person,
                .told = leavers->told,
        };
        int r;

        if (row->held == 0)
                return 0;
        r = is_given(leavers, &row->person);
        if (r < 0 || (r > 0 && row->held <= (uint8_t)leavers->device->ceiling))
                return r < 0 ? r : 0;
        buffer_append(leavers->ret, BYTES(&leaving, sizeof(leaving)));
        return buffer_check(leavers->ret);
}

int exchange_leavers(struct exchange *exchange, const struct device_row *device,
                     const struct scope_set *scopes, struct buffer *ret)
{
        struct storage *storage = exchange->storage;
        const struct storage_locality *state = storage->ops->locality(storage, &device->locality);
        struct leavers leavers = {exchange, device, scopes, {0}, ret};

        if (!state)
                return FAIL(PANNIER_E_CORRUPT, "a device of a locality that is not there");
        leavers.told = (struct position){state->epoch, state->position};
        return storage->ops->custody_each(storage, &device->id, take_leaver, &leavers);
}

/* ---- its word ---- */

struct confirming {
        struct exchange *exchange;
        const struct wire_device_hello *hello;
        const struct device_row *device;
        const struct scope_set *scopes;
        int64_t now_ms;
        struct buffer rows; /* struct leaving_row behind each other */
        uint64_t until;     /* position of the locality that is looked at */
        bool kept;
};

static void confirming_deinit(struct confirming *confirming)
{
        buffer_deinit(&confirming->rows);
}

static int take_leaving(void *context, const struct leaving_row *row)
{
        struct confirming *confirming = context;

        buffer_append(&confirming->rows, BYTES(row, sizeof(*row)));
        return buffer_check(&confirming->rows);
}

static bool knows(const struct confirming *confirming, const struct leaving_row *row)
{
        for (size_t i = 0; i < confirming->hello->erased_count; i++) {
                const struct wire_erased *erased = &confirming->hello->erased[i];

                if (!uuid_equal(&erased->locality, &row->locality))
                        continue;
                return erased->epoch != row->told.epoch ? erased->epoch > row->told.epoch
                                                        : erased->position >= row->told.position;
        }
        return false;
}

static int see_member(void *context, const struct member_row *row)
{
        struct confirming *confirming = context;

        confirming->kept = row->joined != 0 && row->joined <= confirming->until &&
                           scope_set_has(confirming->scopes, &row->scope);
        return confirming->kept;
}

/* Did another scope of the device have the person when it said so? */
static int is_kept(struct confirming *confirming, const struct uuid *person)
{
        struct storage *storage = confirming->exchange->storage;
        int r = 0;

        confirming->kept = false;
        for (size_t i = 0; i < confirming->hello->erased_count && r == 0; i++) {
                const struct wire_erased *erased = &confirming->hello->erased[i];

                confirming->until = erased->position;
                r = storage->ops->members_of(storage, &erased->locality, person, see_member,
                                             confirming);
                if (r == PANNIER_E_NOT_FOUND) {
                        error_clear();
                        r = 0; /* a locality that is not kept here */
                }
        }
        return r < 0 ? r : confirming->kept;
}

static int confirm(struct confirming *confirming, const struct leaving_row *row)
{
        struct storage *storage = confirming->exchange->storage;
        int r;

        if (!knows(confirming, row))
                return 0;
        r = is_kept(confirming, &row->person);
        if (r >= 0)
                r = storage->ops->custody_erased(storage, &row->device, &row->person,
                                                 r > 0 ? (uint8_t)confirming->device->ceiling : 0,
                                                 confirming->now_ms);
        if (r >= 0)
                r = storage->ops->leaving_remove(storage, &row->device, &row->person);
        return r < 0 ? r : exits_settle(storage, &row->person);
}

/* Does the device go by the grants of now? */
static int same_grants(struct confirming *confirming, bool *ret)
{
        struct exchange *exchange = confirming->exchange;
        uint8_t hash[HASH_SIZE];
        int r = grants_get(exchange->grants, exchange->storage, confirming->device,
                           scope_day(confirming->now_ms), &confirming->scopes);

        if (r >= 0)
                r = feed_list_grants(&exchange->feeds, exchange->storage, confirming->device,
                                     confirming->scopes);
        if (r >= 0)
                r = wire_grants_hash(exchange->feeds.grants, exchange->feeds.grant_count, hash);
        *ret = r >= 0 && memcmp(hash, confirming->hello->grants_hash, HASH_SIZE) == 0;
        return r;
}

int exchange_confirm(struct exchange *exchange, const struct exchange_request *request,
                     const struct device_row *device, int64_t now_ms)
{
        CLEANUP(confirming_deinit)
        struct confirming confirming = {
                .exchange = exchange,
                .hello = &request->hello,
                .device = device,
                .now_ms = now_ms,
        };
        struct storage *storage = exchange->storage;
        bool same = false;
        int r;

        if (request->hello.erased_count == 0)
                return 0;
        r = storage->ops->leaving_each(storage, &device->id, take_leaving, &confirming);
        if (r < 0 || confirming.rows.size == 0)
                return r;
        r = same_grants(&confirming, &same);
        for (size_t at = 0; at < confirming.rows.size && same && r >= 0;
             at += sizeof(struct leaving_row)) {
                struct leaving_row row;

                memcpy(&row, confirming.rows.data + at, sizeof(row));
                r = confirm(&confirming, &row);
        }
        return r < 0 ? r : 0;
}
