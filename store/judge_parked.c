/*
 * Entries that build on something that has not arrived. They are looked at again when it does, in the order in which their
 * device wrote them, and given up after seven days, but for what only an upgrade of this store can make readable.
 */
#include "store/judge_inside.h"

#include "common/error.h"

#include <string.h>

static int see_one(void *context, const struct parked_row *row)
{
        (void)row;
        *(bool *)context = true;
        return 1;
}

int judge_any_parked(struct judge *judge, const struct uuid *locality, bool *ret)
{
        int r = 0;

        if (!judge->parked_known || !uuid_equal(&judge->parked_locality, locality)) {
                judge->parked_any = false;
                r = judge->ops->parked_older(judge->storage, locality, INT64_MAX, see_one,
                                             &judge->parked_any);
                if (r < 0)
                        return r;
                judge->parked_known = true;
                judge->parked_locality = *locality;
        }
        *ret = judge->parked_any;
        return 0;
}

static bool waits_on(const struct parked_row *row, const struct judge_obstacle *obstacle)
{
        return row->wait == obstacle->wait && uuid_equal(&row->wait_id, &obstacle->wait_id) &&
               row->wait_lane == obstacle->wait_lane && row->wait_seq == obstacle->wait_seq;
}

int judge_park(struct judge *judge, struct judge_case *c, const struct judge_obstacle *obstacle)
{
        const struct entry_header *header = c->entry->header;
        struct parked_row row = {
                .locality = *c->locality,
                .id = header->id,
                .device = header->device,
                .incarnation = header->incarnation,
                .lane = header->lane,
                .seq = header->seq,
                .wait = obstacle->wait,
                .wait_id = obstacle->wait_id,
                .wait_lane = obstacle->wait_lane,
                .wait_seq = obstacle->wait_seq,
                .received_ms = c->origin->received_ms,
                .clock_offset_ms = c->origin->clock_offset_ms,
                .header = c->entry->header_bytes,
                .body = c->entry->body,
        };

        if (c->parked && !uuid_equal(&c->parked->locality, c->locality)) { /* its person moved */
                int r = judge->ops->parked_move(judge->storage, &c->parked->locality, c->locality,
                                                &row.id, &row.device);

                if (r < 0)
                        return r;
                judge->parked_known = false;
        }
        if (c->parked && waits_on(c->parked, obstacle))
                return 0;
        if (!c->parked) {
                int r = judge_room(judge, &row.device, true, row.header.size + row.body.size);

                if (r != 0)
                        return r;
                judge_room_took(judge, &row.device, true, 1, row.header.size + row.body.size);
        }
        memcpy(row.body_hash, c->entry->body_hash, HASH_SIZE);
        judge->parked_known = false;
        return judge->ops->parked_put(judge->storage, &row);
}

void judge_wait_for_upgrade(const struct judge_case *c, struct judge_obstacle *ret)
{
        const struct wire_head *head = judge_shown_head(c->origin, c->locality);
        bool again = c->parked && c->parked->wait == WAIT_UPGRADE;

        *ret = (struct judge_obstacle){
                .wait = WAIT_UPGRADE,
                .wait_id = c->entry->header->device,
                .wait_seq = again                             ? c->parked->wait_seq
                            : head && head->epoch == c->epoch ? head->position
                                                              : 0,
        };
}

int judge_wake(struct judge *judge, const struct uuid *locality, enum parked_wait wait,
               const struct uuid *id)
{
        const struct judge_event event = {.locality = *locality, .wait = wait, .id = *id};
        bool any;
        int r = judge_any_parked(judge, locality, &any);

        if (r < 0 || !any)
                return r;
        buffer_append(&judge->events, BYTES(&event, sizeof(event)));
        return buffer_check(&judge->events);
}

/* ---- looking again ---- */

struct parked_list {
        struct arena arena;
        struct buffer rows; /* struct parked_row behind each other; bytes in the arena */
        size_t max;
        size_t count;
};

static void parked_list_deinit(struct parked_list *list)
{
        arena_deinit(&list->arena);
        buffer_deinit(&list->rows);
}

static int collect(void *context, const struct parked_row *row)
{
        struct parked_list *list = context;
        struct parked_row copy = *row;

        copy.header = arena_copy(&list->arena, row->header);
        copy.body = arena_copy(&list->arena, row->body);
        if (!copy.header.data || !copy.body.data)
                return FAIL(PANNIER_E_MEMORY, "parked entries");
        buffer_append(&list->rows, BYTES(&copy, sizeof(copy)));
        list->count++;
        if (buffer_check(&list->rows) < 0)
                return buffer_check(&list->rows);
        return list->max && list->count == list->max;
}

static struct parked_row row_at(const struct parked_list *list, size_t place)
{
        struct parked_row row;

        memcpy(&row, list->rows.data + place * sizeof(row), sizeof(row));
        return row;
}

static int prepare(struct judge *judge, const struct parked_row *row, struct device_row *device,
                   struct judge_origin *origin, struct entry_header *header,
                   struct judge_entry *entry)
{
        int r = judge->ops->device_get(judge->storage, &row->device, device);

        if (r == 0)
                *device = (struct device_row){.id = row->device, .locality = row->locality};
        if (r >= 0)
                r = entry_header_decode(row->header, header);
        if (r < 0)
                return r;
        *origin = (struct judge_origin){
                .device = device,
                .received_ms = row->received_ms,
                .clock_offset_ms = row->clock_offset_ms,
        };
        *entry = (struct judge_entry){
                .header = header, .header_bytes = row->header, .body = row->body};
        memcpy(entry->body_hash, row->body_hash, HASH_SIZE);
        return 0;
}

static int unpark(struct judge *judge, const struct parked_row *row)
{
        judge->parked_known = false;
        judge_room_took(judge, &row->device, true, -1, row->header.size + row->body.size);
        return judge->ops->parked_remove(judge->storage, &row->locality, &row->id, &row->device);
}

/*
 * What a device handed in while it was welcome, and what it waited for has come since it is no longer: nobody knows who held the
 * device when it was written. It is kept and shown, and takes effect only where an operator releases it. A locked device may
 * be unlocked: its entries go on waiting.
 */
static bool is_shut_out(const struct device_row *device)
{
        return device->state == DEVICE_REVOKED || device->state == DEVICE_WIPED;
}

/* It goes on waiting where there is no room for it in quarantine. */
static int give_up(struct judge *judge, const struct parked_row *row, enum quarantine_reason reason)
{
        struct device_row device;
        struct judge_origin origin;
        struct entry_header header;
        struct judge_entry entry;
        int r = judge_room(judge, &row->device, false, row->header.size + row->body.size);

        if (r != 0)
                return r < 0 ? r : 0;
        r = prepare(judge, row, &device, &origin, &header, &entry);
        if (r >= 0)
                r = unpark(judge, row);
        return r < 0 ? r : judge_put_away(judge, &origin, &entry, reason);
}

static int look_at(struct judge *judge, const struct parked_row *row)
{
        struct device_row device;
        struct judge_origin origin;
        struct entry_header header;
        struct judge_entry entry;
        int r = prepare(judge, row, &device, &origin, &header, &entry);

        if (r < 0 || device.state == DEVICE_LOCKED)
                return r;
        if (is_shut_out(&device))
                return give_up(judge, row, REASON_DEVICE);
        r = judge_one(judge, &origin, &entry, row);
        return r == 1 ? unpark(judge, row) : r < 0 ? r : 0;
}

/* Its first envelope may name what will never come: a device that was restored wrote all of them anew. */
int judge_park_again(struct judge *judge, const struct judge_entry *entry,
                     const struct parked_row *row)
{
        const struct entry_header *header = entry->header;
        struct parked_row again = *row;
        int r;

        if (uuid_equal(&row->incarnation, &header->incarnation) && row->lane == header->lane &&
            row->seq == header->seq)
                return 0;
        if (!judge->ops->locality(judge->storage, &row->locality))
                return judge_want(judge, &row->locality);
        again.incarnation = header->incarnation;
        again.lane = header->lane;
        again.seq = header->seq;
        again.header = entry->header_bytes;
        again.body = entry->body;
        judge_room_forget(judge, &row->device);
        judge->parked_known = false;
        r = judge->ops->parked_put(judge->storage, &again);
        return r < 0 ? r : look_at(judge, &again);
}

/* A lane's row moves on behind the entry in hand: what needs a later one goes on waiting. */
static bool can_go_on(const struct judge *judge, const struct parked_row *row)
{
        if (row->wait != WAIT_LANE || !judge->taken_known)
                return true;
        return row->wait_lane == judge->taken.lane && row->wait_seq <= judge->taken.seq;
}

static int handle_event(struct judge *judge, const struct judge_event *event)
{
        CLEANUP(parked_list_deinit) struct parked_list list = {0};
        int r = judge->ops->parked_waiting(judge->storage, &event->locality, event->wait,
                                           &event->id, collect, &list);

        for (size_t i = 0; i < list.count && r >= 0; i++) {
                struct parked_row row = row_at(&list, i);

                if (can_go_on(judge, &row))
                        r = look_at(judge, &row);
        }
        return r < 0 ? r : 0;
}

/* What is judged here may be what others wait for: until nothing more has happened. */
int judge_settle(struct judge *judge)
{
        size_t done = 0;
        int r = 0;

        while (r >= 0 && done < judge->events.size) {
                struct judge_event event;

                memcpy(&event, judge->events.data + done, sizeof(event));
                done += sizeof(event);
                r = handle_event(judge, &event);
        }
        buffer_reset(&judge->events);
        return r;
}

int judge_look_again(struct judge *judge, const struct uuid *locality, size_t max)
{
        CLEANUP(parked_list_deinit) struct parked_list list = {.max = max};
        int r = judge->ops->parked_older(judge->storage, locality, INT64_MAX, collect, &list);

        judge->taken_known = false;
        for (size_t i = 0; i < list.count && r >= 0; i++) {
                struct parked_row row = row_at(&list, i);

                r = look_at(judge, &row);
        }
        return r < 0 ? r : judge_settle(judge);
}

int judge_gap(struct judge *judge, const struct uuid *locality, const struct uuid *incarnation)
{
        int r;

        judge->taken_known = false; /* the lane's row is ahead of the entry in hand */
        r = judge_wake(judge, locality, WAIT_LANE, incarnation);
        return r < 0 ? r : judge_settle(judge);
}

/* ---- giving up ---- */

/* What waited for one that was given up before it has been judged since, or waits for something else. */
static int is_parked(struct judge *judge, const struct parked_row *row)
{
        struct parked_row now;
        int r;

        arena_reset(&judge->arena);
        r = judge->ops->parked_find(judge->storage, &row->locality, &row->id, &row->device,
                                    row->body_hash, &now);
        return r < 0 ? r : r == FOUND_SAME;
}

struct expiring {
        struct judge *judge;
        struct parked_list list;
};

static void expiring_deinit(struct expiring *expiring)
{
        parked_list_deinit(&expiring->list);
}

/* What a device that is ahead of this store wrote, and what it wrote on top of that, waits as long as it takes. */
static int collect_old(void *context, const struct parked_row *row)
{
        struct expiring *expiring = context;
        struct judge *judge = expiring->judge;
        bool waits = row->wait == WAIT_UPGRADE;
        int r = 0;

        if (!waits)
                r = judge->ops->parked_waiting(judge->storage, &row->locality, WAIT_UPGRADE,
                                               &row->device, see_one, &waits);
        return r < 0 || waits ? (r < 0 ? r : 0) : collect(&expiring->list, row);
}

int judge_expire(struct judge *judge, const struct uuid *locality, size_t max)
{
        CLEANUP(expiring_deinit) struct expiring old = {.judge = judge, .list = {.max = max}};
        int r = judge->ops->parked_older(judge->storage, locality, judge->now_ms - JUDGE_PARKED_MS,
                                         collect_old, &old);

        judge->taken_known = false;
        for (size_t i = 0; i < old.list.count && r >= 0; i++) {
                struct parked_row row = row_at(&old.list, i);

                r = is_parked(judge, &row);
                if (r > 0)
                        r = give_up(judge, &row,
                                    row.wait == WAIT_LANE ? REASON_NEEDS : REASON_NOT_HERE);
                if (r >= 0)
                        r = judge_settle(judge);
        }
        return r < 0 ? r : (int)old.list.count;
}
