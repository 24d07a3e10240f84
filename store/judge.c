#include "store/judge_inside.h"

#include "common/error.h"
#include "common/plant.h"

#include <string.h>

int judge_new(struct storage *storage, struct judge **ret)
{
        CLEANUP(judge_freep) struct judge *judge = calloc(1, sizeof(*judge));
        int r;

        if (!judge)
                return FAIL(PANNIER_E_MEMORY, "a judge");
        judge->storage = storage;
        judge->ops = storage->ops;
        judge->environment = NHS_ENVIRONMENT_TEST;
        r = grants_new(&judge->grants);
        if (r >= 0)
                r = body_codec_new(&judge->codec);
        if (r < 0)
                return r;
        *ret = TAKE(judge);
        return 0;
}

struct judge *judge_free(struct judge *judge)
{
        if (!judge)
                return NULL;
        (void)grants_free(judge->grants);
        (void)body_codec_free(judge->codec);
        arena_deinit(&judge->arena);
        arena_deinit(&judge->facts_arena);
        buffer_deinit(&judge->events);
        free(judge);
        return NULL;
}

void judge_environment(struct judge *judge, enum nhs_environment environment)
{
        judge->environment = environment;
}

void judge_begin(struct judge *judge, int64_t now_ms)
{
        judge->now_ms = now_ms;
        judge->storage->now_ms = now_ms;
        memset(judge->held, 0, sizeof(judge->held));
        memset(judge->authors, 0, sizeof(judge->authors));
        memset(judge->rooms, 0, sizeof(judge->rooms));
        judge_forget_facts(judge);
        judge->parked_known = false;
        judge->taken_known = false;
        buffer_reset(&judge->events);
        judge->wanted = UUID_NONE;
}

const struct uuid *judge_locality(struct judge *judge, const struct judge_origin *origin,
                                  const struct entry_header *header)
{
        return judge->ops->locality(judge->storage, &header->locality) ? &header->locality
                                                                       : &origin->device->locality;
}

int judge_read_body(struct judge *judge, struct judge_case *c, uint16_t *ret_reason)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        struct bytes clear;
        int r;

        *ret_reason = REASON_NONE;
        if (c->entry->header->seal_key != SEAL_KEY_NONE) {
                *ret_reason = REASON_SEAL;
                return 0;
        }
        r = body_unpack(judge->codec, c->entry->body, &buffer);
        if (r >= 0) {
                clear = arena_copy(&judge->arena, buffer_view(&buffer));
                if (!clear.data)
                        return FAIL(PANNIER_E_MEMORY, "a body");
                r = entry_body_decode(clear, c->entry->header, &judge->arena, &c->body);
        }
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r == PANNIER_E_INVALID)
                *ret_reason = REASON_RANGE;
        else if (r == PANNIER_E_LIMIT)
                *ret_reason = REASON_LIMIT;
        else if (r == PANNIER_E_TOO_NEW)
                *ret_reason = REASON_UPGRADE;
        else if (r < 0)
                *ret_reason = REASON_MALFORMED;
        if (r < 0)
                return 0;
        c->readable = true;
        c->type = catalogue_type_by_number(c->body.type);
        if (!c->type)
                *ret_reason = c->body.catalogue_version > catalogue_get()->version
                                      ? REASON_UPGRADE
                                      : REASON_CATALOGUE;
        return 0;
}

struct kept {
        const struct uuid *id;
        bool found;
};

static int is_kept(void *context, const struct uuid *id)
{
        struct kept *kept = context;

        kept->found = kept->found || uuid_equal(kept->id, id);
        return 0;
}

/* A parked entry waits where its person is; its own locality is kept here, and has to be in the transaction. */
static int check_home(struct judge *judge, const struct judge_entry *entry)
{
        struct kept kept = {.id = &entry->header->locality};
        int r = 0;

        if (!judge->ops->locality(judge->storage, kept.id))
                r = judge->ops->localities(judge->storage, is_kept, &kept);
        return r == 0 && kept.found ? judge_want(judge, kept.id) : r;
}

static int begin_case(struct judge *judge, const struct judge_origin *origin,
                      const struct judge_entry *entry, struct judge_case *ret)
{
        const struct storage_locality *state;
        int r = check_home(judge, entry);

        if (r < 0)
                return r;

        *ret = (struct judge_case){.origin = origin, .entry = entry};
        ret->locality = judge_locality(judge, origin, entry->header);
        ret->home = ret->locality;
        state = judge->ops->locality(judge->storage, ret->locality);
        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "no locality of the entry is in this transaction");
        ret->position = state->position;
        ret->epoch = state->epoch;
        return 0;
}

/* It is admitted: a decision, or the fields of a create or an edit. */
static int carry_out(struct judge *judge, struct judge_case *c)
{
        bool refused;
        int r = c->body.operation == ENTRY_DECIDE ? judge_decide(judge, c, &refused)
                                                  : judge_commit_fields(judge, c, &refused);

        return r < 0 || !refused ? r : judge_quarantine(judge, c, c->result->reason);
}

/* 1 judged, 0 parked, JUDGE_FULL_… */
static int judge_case(struct judge *judge, struct judge_case *c)
{
        struct judge_obstacle obstacle = {0};
        uint16_t reason;
        int r = judge_read_body(judge, c, &reason);

        if (r >= 0 && reason == REASON_NONE)
                r = judge_find_home(judge, c);
        if (r > 0)
                return 0;
        if (r >= 0 && reason == REASON_NONE)
                r = judge_instead(judge, c, &reason);
        if (r >= 0 && reason == REASON_NONE)
                r = judge_admit(judge, c, &obstacle);
        if (r < 0)
                return r;
        if (reason == REASON_UPGRADE) {
                judge_wait_for_upgrade(c, &obstacle);
                reason = REASON_NONE;
        }
        if (reason == REASON_NONE)
                reason = (uint16_t)obstacle.reason;
        if (reason != REASON_NONE) {
                r = judge_chain_root(judge, c); /* what continues it continues what it continued */
                if (r < 0)
                        return r;
                r = judge_quarantine(judge, c, reason);
                return r != 0 ? r : 1;
        }
        if (obstacle.wait)
                return judge_park(judge, c, &obstacle);
        r = judge_chain_root(judge, c);
        if (r >= 0)
                r = carry_out(judge, c);
        return r != 0 ? r : 1;
}

/* Whoever waited for this entry itself: the one that continues it, one of another lane that needs it. */
static int tell(struct judge *judge, const struct judge_case *c)
{
        const struct entry_header *header = c->entry->header;
        int r = judge_wake(judge, c->locality, WAIT_ENTRY, &header->id);

        if (r >= 0)
                r = judge_wake(judge, c->locality, WAIT_LANE, &header->incarnation);
        if (r >= 0 && !uuid_equal(c->home, c->locality))
                r = judge_wake(judge, c->home, WAIT_LANE, &header->incarnation);
        return r;
}

int judge_one(struct judge *judge, const struct judge_origin *origin,
              const struct judge_entry *entry, const struct parked_row *parked)
{
        struct judge_case c;
        int judged, r;

        arena_reset(&judge->arena);
        r = begin_case(judge, origin, entry, &c);
        if (r < 0)
                return r;
        c.parked = parked;
        judged = judge_case(judge, &c);
        if (judged < 0 || judged == JUDGE_FULL_PARKED || judged == JUDGE_FULL_REFUSED)
                return judged;
        /* It waited here and still does: nobody waits for that. Two that tell each other so would never end. */
        if (judged == 0 && parked && uuid_equal(&parked->locality, c.locality))
                return 0;
        r = tell(judge, &c);
        return r < 0 ? r : judged;
}

/* Is the entry known? An id that means something else gets no further. @ret_waits: it is parked, as in @ret_parked */
static int find_known(struct judge *judge, const struct judge_origin *origin,
                      const struct judge_entry *entry, enum storage_found *ret, bool *ret_waits,
                      struct parked_row *ret_parked)
{
        const struct uuid *locality = judge_locality(judge, origin, entry->header);
        const struct entry_header *header = entry->header;
        struct log_row row;
        bool any;
        int r;

        *ret_waits = false;
        arena_reset(&judge->arena);
        r = judge->ops->log_find(judge->storage, locality, &header->id, &header->device,
                                 entry->body_hash, &judge->arena, &row);
        *ret = r > 0 ? (enum storage_found)r : FOUND_NONE;
        if (SIM_PLANT(REPEAT_BY_ID_ALONE) && *ret == FOUND_OTHER)
                *ret = FOUND_SAME;
        if (SIM_PLANT(SECOND_CONFLICT_ON_RETRY) && *ret == FOUND_SAME &&
            row.outcome == OUTCOME_HELD)
                *ret = FOUND_NONE;
        if (r != FOUND_NONE)
                return r < 0 ? r : 0;
        r = judge_any_parked(judge, locality, &any);
        if (r < 0 || !any)
                return r;
        r = judge->ops->parked_find(judge->storage, locality, &header->id, &header->device,
                                    entry->body_hash, ret_parked);
        *ret = r > 0 ? (enum storage_found)r : FOUND_NONE;
        *ret_waits = r == FOUND_SAME;
        return r < 0 ? r : 0;
}

/*
 * A repeat changes nothing. But it may come under a new envelope, of another life of its device's outbox: what is parked goes on waiting
 * for what that one names, and who waits for its place in the new lane need not wait any longer.
 */
static int take_again(struct judge *judge, const struct judge_origin *origin,
                      const struct judge_entry *entry, const struct parked_row *parked)
{
        const struct uuid *locality = judge_locality(judge, origin, entry->header);
        int r = parked ? judge_park_again(judge, entry, parked) : 0;

        if (r >= 0)
                r = judge_wake(judge, locality, WAIT_LANE, &entry->header->incarnation);
        return r < 0 ? r : judge_settle(judge);
}

/* It was not taken: nothing may rely on it. */
static bool is_full(struct judge *judge, int r)
{
        if (r != JUDGE_FULL_PARKED && r != JUDGE_FULL_REFUSED)
                return false;
        judge->taken_known = false;
        return true;
}

int judge_take(struct judge *judge, const struct judge_origin *origin,
               const struct judge_entry *entry)
{
        struct parked_row parked;
        enum storage_found found;
        bool waits;
        int r = find_known(judge, origin, entry, &found, &waits, &parked);

        judge->taken = *entry->header;
        judge->taken_known = true;
        if (r < 0)
                return r;
        if (found == FOUND_SAME)
                return take_again(judge, origin, entry, waits ? &parked : NULL);
        if (found == FOUND_OTHER)
                return judge_refuse(judge, origin, entry, REASON_ID_TAKEN);
        r = judge_one(judge, origin, entry, NULL);
        return is_full(judge, r) || r < 0 ? r : judge_settle(judge);
}

int judge_put_away(struct judge *judge, const struct judge_origin *origin,
                   const struct judge_entry *entry, enum quarantine_reason reason)
{
        struct judge_case c;
        uint16_t unread;
        int r;

        arena_reset(&judge->arena);
        r = begin_case(judge, origin, entry, &c);
        if (r < 0)
                return r;
        /* What can be read of it goes into the row, so that it is found under its record. */
        if (reason != REASON_MALFORMED && reason != REASON_DAMAGED)
                r = judge_read_body(judge, &c, &unread);
        if (r >= 0)
                r = judge_chain_root(judge, &c);
        if (r >= 0)
                r = judge_quarantine(judge, &c, (uint16_t)reason);
        if (is_full(judge, r))
                return r;
        return r < 0 ? r : tell(judge, &c);
}

int judge_refuse(struct judge *judge, const struct judge_origin *origin,
                 const struct judge_entry *entry, enum quarantine_reason reason)
{
        int r = judge_put_away(judge, origin, entry, reason);

        return r != 0 ? r : judge_settle(judge);
}
