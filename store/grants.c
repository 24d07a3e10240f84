#include "store/grants.h"

#include "common/error.h"

#include <string.h>

/* What one team's grants add. */
struct widened {
        struct scope scope; /* as the operator granted it */
        struct scope_set scopes;
};

struct grants {
        struct widened *items;
        size_t count, capacity;
        uint8_t state[HASH_SIZE]; /* of the reference data that the items follow from */
        bool has_state;
        struct scope_set ret; /* what the last call gave … */
        struct uuid device;   /* … for this device … */
        int64_t day;
        const struct storage *storage;
        uint64_t serial; /* … while storage->grants_serial was this */
};

int grants_new(struct grants **ret)
{
        struct grants *grants = calloc(1, sizeof(*grants));

        if (!grants)
                return FAIL(PANNIER_E_MEMORY, "no memory for grants");
        *ret = grants;
        return 0;
}

static void forget(struct grants *grants)
{
        for (size_t i = 0; i < grants->count; i++)
                scope_set_deinit(&grants->items[i].scopes);
        grants->count = 0;
        grants->has_state = false;
}

struct grants *grants_free(struct grants *grants)
{
        if (!grants)
                return NULL;
        forget(grants);
        free(grants->items);
        scope_set_deinit(&grants->ret);
        free(grants);
        return NULL;
}

/* ---- is what was widened before still true? ---- */

struct state {
        struct storage *storage;
        struct buffer facts;
        bool moving; /* this very commit changes reference data, and may go on doing so */
};

static void state_deinit(struct state *state)
{
        buffer_deinit(&state->facts);
}

static int add_state(void *context, const struct uuid *locality)
{
        struct state *state = context;
        const struct scope scope = {SCOPE_LOCALITY, *locality};
        const struct storage_locality *locality_state;
        struct feed_place last = {0};
        uint64_t feed = 0;
        int r = state->storage->ops->feed_number(state->storage, locality, &scope, false, &feed);

        if (r == 0 && feed != 0)
                r = state->storage->ops->feed_last(state->storage, feed, CLASS_BASIC, &last);
        if (r < 0)
                return r;
        locality_state = state->storage->ops->locality(state->storage, locality);
        state->moving = state->moving || (locality_state && locality_state->changed &&
                                          locality_state->position == last.position);
        buffer_append(&state->facts, BYTES(locality->bytes, sizeof(locality->bytes)));
        buffer_append(&state->facts, BYTES(&last, sizeof(last)));
        return buffer_check(&state->facts);
}

/* Any change of reference data moves the last row of its locality's feed. */
static int check_state(struct grants *grants, struct storage *storage, int64_t day)
{
        CLEANUP(state_deinit) struct state state = {.storage = storage};
        uint8_t hash[HASH_SIZE];
        int r;

        buffer_append(&state.facts, BYTES(&day, sizeof(day)));
        r = storage->ops->localities(storage, add_state, &state);
        if (r < 0)
                return r;
        crypto_sha256(buffer_view(&state.facts), hash);
        if (grants->has_state && memcmp(hash, grants->state, HASH_SIZE) == 0)
                return 0;
        forget(grants);
        memcpy(grants->state, hash, HASH_SIZE);
        grants->has_state = !state.moving;
        return 0;
}

/* ---- widening ---- */

struct lookup {
        struct storage *storage;
        int (*visit)(void *context, const struct record *record);
        void *context;
        int result;
};

static int visit_grant(void *context, const struct record *record, struct bytes stamps)
{
        struct lookup *lookup = context;

        (void)stamps;
        lookup->result = lookup->visit(lookup->context, record);
        return lookup->result;
}

static int each_of_grant(struct lookup *lookup, const struct catalogue_type *type,
                         const struct catalogue_grant *grant, const struct uuid *team)
{
        const struct value holder = {.form = VALUE_UUID, .uuid = *team};
        int r;

        if (grant->holder_index >= 0)
                return lookup->storage->ops->record_find(lookup->storage, type, grant->holder_index,
                                                         &holder, visit_grant, lookup);
        r = lookup->storage->ops->record_visit(lookup->storage, type, team, visit_grant, lookup);
        return r < 0 ? r : lookup->result;
}

static int each_grant(void *context, const struct uuid *team,
                      int (*visit)(void *visit_context, const struct record *record),
                      void *visit_context)
{
        struct lookup lookup = {.storage = context, .visit = visit, .context = visit_context};
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                for (size_t k = 0; k < type->grant_count; k++) {
                        int r = each_of_grant(&lookup, type, &type->grants[k], team);

                        if (r != 0)
                                return r;
                }
        }
        return 0;
}

static int widen(struct grants *grants, struct storage *storage, const struct scope *scope,
                 int64_t day, const struct scope_set **ret)
{
        const struct scope_lookup lookup = {each_grant, storage};
        struct widened *widened;
        int r;

        for (size_t i = 0; i < grants->count; i++) {
                if (scope_equal(&grants->items[i].scope, scope)) {
                        *ret = &grants->items[i].scopes;
                        return 0;
                }
        }
        if (grants->count == grants->capacity) {
                size_t capacity = grants->capacity > 0 ? 2 * grants->capacity : 64;
                struct widened *items = realloc(grants->items, capacity * sizeof(*items));

                if (!items)
                        return FAIL(PANNIER_E_MEMORY, "no memory for grants");
                grants->items = items;
                grants->capacity = capacity;
        }
        widened = &grants->items[grants->count];
        *widened = (struct widened){.scope = *scope};
        r = scope_expand(scope, 1, day, &lookup, &widened->scopes);
        if (r < 0) {
                scope_set_deinit(&widened->scopes);
                return r;
        }
        grants->count++;
        *ret = &widened->scopes;
        return 0;
}

struct collect {
        struct grants *grants;
        struct storage *storage;
        int64_t day;
};

static int collect_grant(void *context, const struct scope *scope)
{
        struct collect *collect = context;
        const struct scope_set *scopes;
        int r = widen(collect->grants, collect->storage, scope, collect->day, &scopes);

        for (size_t i = 0; r >= 0 && i < scopes->count; i++)
                r = scope_set_add(&collect->grants->ret, &scopes->items[i]);
        return r < 0 ? r : 0;
}

int grants_get(struct grants *grants, struct storage *storage, const struct device_row *device,
               int64_t day, const struct scope_set **ret)
{
        const struct scope always[] = {
                {SCOPE_LOCALITY, device->locality},
                {SCOPE_PROVISIONAL, device->id},
        };
        struct collect collect = {grants, storage, day};
        int r;

        if (grants->storage == storage && grants->serial == storage->grants_serial &&
            grants->day == day && uuid_equal(&grants->device, &device->id)) {
                *ret = &grants->ret;
                return 0;
        }
        grants->storage = NULL;
        r = check_state(grants, storage, day);
        scope_set_reset(&grants->ret);
        for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && r >= 0; i++)
                r = scope_set_add(&grants->ret, &always[i]);
        if (r >= 0)
                r = storage->ops->grants_of(storage, &device->id, collect_grant, &collect);
        if (r < 0)
                return r;
        grants->storage = storage;
        grants->serial = storage->grants_serial;
        grants->day = day;
        grants->device = device->id;
        *ret = &grants->ret;
        return 0;
}
