/*
 * The entries of a request: runs of what waits, urgent first, with what they need in front.
 *
 * Entries are planned on light rows (numbers, sizes, needs) and opened only when they are written. A run ends where a
 * commit ended, at a row with its own signature; where a damaged or already answered row cuts a run short, the head there is signed now.
 */
#include "daemon/session_internal.h"

#include "common/plant.h"

struct light { /* a row that is to be sent */
        uint64_t seq;
        size_t size;
        bool end; /* a commit ended here */
        struct entry_needs needs;
};

struct lane_plan {
        struct light *rows;
        size_t count, capacity, next;
        bool busy; /* what it needs is being put in front */
        bool cut;  /* there are more than were looked at */
        size_t size;
        uint64_t expected;
        struct arena *arena;
};

struct segment {
        uint8_t lane;
        uint64_t first, last;
};

struct sending {
        struct engine *engine;
        struct arena *arena;
        struct lane_plan lanes[LANE_COUNT];
        struct segment *segments;
        size_t segment_count, segment_capacity;
        size_t left; /* bytes of entries that still fit */
        bool full;
        struct buffer *out;
        struct session_again again;
        struct buffer bytes; /* headers and bodies of the run in the making */
        struct wire_entry *entries;
        size_t *offsets;
        struct wire_run run;
        uint8_t head[HASH_SIZE]; /* chain after the newest row of the run */
        bool ended;              /* and whether that row has a signature of its own */
};

static void *grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
        size_t more = *capacity ? *capacity * 2 : 32;
        void *grown;

        if (count < *capacity)
                return items;
        grown = arena_alloc(arena, more * size);
        if (!grown)
                return NULL;
        if (count)
                memcpy(grown, items, count * size);
        *capacity = more;
        return grown;
}

static int plan_row(void *context, const struct outbox_row *row)
{
        struct lane_plan *plan = context;
        struct entry_header header = {0};
        struct light light = {.seq = row->seq,
                              .size = row->header.size + row->sealed.size,
                              .end = row->signature.size == SIGNATURE_SIZE};

        if (row->damaged ? row->seq < plan->expected : row->state != OUTCOME_NONE)
                return 0;
        if (plan->size > WIRE_REQUEST_ENTRIES_MAX || plan->count == WIRE_RUN_ENTRIES_MAX) {
                plan->cut = true;
                return 1;
        }
        if (entry_header_decode(row->header, &header) >= 0)
                light.needs = header.needs;
        plan->rows = grow(plan->arena, plan->rows, plan->count, &plan->capacity, sizeof(light));
        if (!plan->rows)
                return FAIL(PANNIER_E_MEMORY, "no memory for a request");
        plan->size += light.size;
        plan->rows[plan->count++] = light;
        return 0;
}

static int plan_lane(struct sending *sending, uint8_t lane, const struct session_sent *sent)
{
        struct lane_plan *plan = &sending->lanes[lane];
        struct outbox *outbox = sending->engine->outbox;
        uint64_t first;
        int r;

        plan->arena = sending->arena;
        plan->expected = outbox_next(outbox, lane);
        r = outbox_first_waiting(outbox, lane, &first);
        if (r < 0)
                return r;
        /* a row that was damaged may no longer say that it waits: what the store expects is looked at in any case */
        if (plan->expected <= outbox_seq(outbox, lane) && (first == 0 || plan->expected < first))
                first = plan->expected;
        if (first == 0)
                return 0;
        if (first < sent->from[lane])
                first = sent->from[lane];
        r = outbox_each_of_lane(outbox, lane, first, plan_row, plan);
        /* The store had no room for this one, so it need not be told what lies behind it: it is asked again, alone. */
        if (r >= 0 && sent->stopped && sent->stopped[lane] != WIRE_STOP_NONE && plan->count > 1) {
                plan->count = 1;
                plan->cut = false;
        }
        return r < 0 ? r : 0;
}

static int add_segment(struct sending *sending, uint8_t lane, const struct light *first,
                       const struct light *last)
{
        struct segment *newest;

        if (sending->segment_count > 0) {
                newest = &sending->segments[sending->segment_count - 1];
                if (newest->lane == lane && newest->last + 1 == first->seq) {
                        newest->last = last->seq;
                        return 0;
                }
        }
        sending->segments = grow(sending->arena, sending->segments, sending->segment_count,
                                 &sending->segment_capacity, sizeof(*newest));
        if (!sending->segments)
                return FAIL(PANNIER_E_MEMORY, "no memory for a request");
        sending->segments[sending->segment_count++] =
                (struct segment){.lane = lane, .first = first->seq, .last = last->seq};
        return 0;
}

/* The rows up to where the commit of @first ended, or the numbers break off. */
static size_t unit_end(const struct lane_plan *plan, size_t first)
{
        size_t end = first;

        while (!plan->rows[end].end && end + 1 < plan->count &&
               plan->rows[end + 1].seq == plan->rows[end].seq + 1)
                end++;
        return end;
}

static int plan_up_to(struct sending *sending, uint8_t lane, uint64_t seq);

static int plan_needs(struct sending *sending, uint8_t lane, size_t first, size_t last)
{
        struct lane_plan *plan = &sending->lanes[lane];
        int r = 0;

        plan->busy = true;
        for (size_t i = first; i <= last && r >= 0; i++) {
                const struct entry_needs *needs = &plan->rows[i].needs;

                if (!uuid_is_none(&needs->incarnation) && needs->lane != lane &&
                    !SIM_PLANT(URGENT_BEFORE_NEEDS) && !sending->lanes[needs->lane].busy)
                        r = plan_up_to(sending, needs->lane, needs->seq);
        }
        plan->busy = false;
        return r;
}

/* Recursion is at most as deep as there are lanes: a lane that is busy is not entered again. */
static int plan_up_to(struct sending *sending, uint8_t lane, uint64_t seq)
{
        struct lane_plan *plan = &sending->lanes[lane];
        int r = 0;

        while (plan->next < plan->count && plan->rows[plan->next].seq <= seq && !sending->full &&
               r >= 0) {
                size_t first = plan->next, last = unit_end(plan, first), size = 0;

                if (last + 1 == plan->count && plan->cut && !plan->rows[last].end && first > 0)
                        break; /* the rest of this commit was not looked at: next time */
                r = plan_needs(sending, lane, first, last);
                for (size_t i = first; i <= last; i++)
                        size += plan->rows[i].size;
                if (r < 0 || sending->full)
                        break;
                if (size > sending->left) {
                        sending->full = true;
                        break;
                }
                sending->left -= size;
                plan->next = last + 1;
                r = add_segment(sending, lane, &plan->rows[first], &plan->rows[last]);
        }
        return r;
}

/* ---- writing runs ---- */

static int end_run(struct sending *sending)
{
        struct wire_run *run = &sending->run;
        uint64_t last = run->first + run->entries_count - 1;
        int r;

        if (run->entries_count == 0)
                return 0;
        for (size_t i = 0; i < run->entries_count; i++) {
                sending->entries[i].header.data = sending->bytes.data + sending->offsets[2 * i];
                sending->entries[i].body.data = sending->bytes.data + sending->offsets[2 * i + 1];
        }
        if (!sending->ended) {
                r = outbox_sign(sending->engine->outbox, run->lane, last, sending->head,
                                run->signature);
                if (r < 0)
                        return r;
        }
        run->entries = sending->entries;
        wire_put_run(run, sending->out);
        run->entries_count = 0;
        return buffer_check(sending->out);
}

static int put_damaged(struct sending *sending, const struct outbox_row *row, uint8_t lane)
{
        struct wire_damaged damaged = {
                .incarnation = *outbox_incarnation(sending->engine->outbox),
                .lane = lane,
                .seq = row->seq,
                .header = row->header,
                .body = outbox_remains(row),
                .detail = bytes_text("the row in the outbox is not what was written"),
                .entry = row->id,
        };

        if (damaged.header.size > ENTRY_HEADER_MAX)
                damaged.header.size = ENTRY_HEADER_MAX;
        wire_put_damaged(&damaged, sending->out);
        return buffer_check(sending->out);
}

struct writing {
        struct sending *sending;
        const struct segment *segment;
};

/*
 * Appends the body as it travels. Of a damaged row it may still be good: what travels is covered by the chain, and a wrong
 * state or time is no reason to hold work back. 1 it is good, 0 it is not, or an error
 */
static int open_body(struct sending *sending, const struct outbox_row *row)
{
        size_t before = sending->bytes.size;
        uint8_t head[HASH_SIZE];
        int r = outbox_open_body(sending->engine->outbox, row, &sending->bytes);

        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_NOT_FOUND)
                return 0;
        if (r < 0 || !row->damaged)
                return r < 0 ? r : 1;
        entry_chain(sending->head, row->header,
                    BYTES(sending->bytes.data + before, sending->bytes.size - before), head);
        if (memcmp(head, row->chain, HASH_SIZE) == 0)
                return 1;
        sending->bytes.size = before;
        return 0;
}

static int write_row(void *context, const struct outbox_row *row)
{
        struct writing *writing = context;
        struct sending *sending = writing->sending;
        struct wire_run *run = &sending->run;
        size_t i = run->entries_count;
        int r;

        if (row->seq > writing->segment->last)
                return 1;
        if (i == 0) {
                buffer_reset(&sending->bytes);
                run->first = row->seq;
                memcpy(run->previous, sending->head, HASH_SIZE);
        }
        sending->offsets[2 * i] = sending->bytes.size;
        buffer_append(&sending->bytes, row->header);
        sending->offsets[2 * i + 1] = sending->bytes.size;
        r = open_body(sending, row);
        if (r == 0) {
                r = end_run(sending);
                if (r >= 0)
                        r = put_damaged(sending, row, writing->segment->lane);
                if (r >= 0)
                        r = outbox_chain_before(sending->engine->outbox, writing->segment->lane,
                                                row->seq + 1, sending->head);
                return r;
        }
        if (r < 0)
                return r;
        sending->entries[i].header.size = row->header.size;
        sending->entries[i].body.size = sending->bytes.size - sending->offsets[2 * i + 1];
        memcpy(sending->head, row->chain, HASH_SIZE);
        sending->ended = row->signature.size == SIGNATURE_SIZE && !row->damaged;
        if (sending->ended)
                memcpy(run->signature, row->signature.data, SIGNATURE_SIZE);
        run->entries_count++;
        r = session_again_add(&sending->again, row);
        return r < 0 ? r : buffer_check(&sending->bytes);
}

static int write_segment(struct sending *sending, const struct segment *segment)
{
        struct writing writing = {.sending = sending, .segment = segment};
        size_t count = (size_t)(segment->last - segment->first + 1);
        int r;

        sending->run = (struct wire_run){
                .incarnation = *outbox_incarnation(sending->engine->outbox), .lane = segment->lane};
        sending->entries = arena_alloc(sending->arena, count * sizeof(*sending->entries));
        sending->offsets = arena_alloc(sending->arena, 2 * count * sizeof(*sending->offsets));
        if (!sending->entries || !sending->offsets)
                return FAIL(PANNIER_E_MEMORY, "no memory for a request");
        r = outbox_chain_before(sending->engine->outbox, segment->lane, segment->first,
                                sending->head);
        if (r >= 0)
                r = outbox_each_of_lane(sending->engine->outbox, segment->lane, segment->first,
                                        write_row, &writing);
        return r < 0 ? r : end_run(sending);
}

static void tell_sent(const struct sending *sending, struct session_sent *sent)
{
        sent->count = 0;
        sent->more = false;
        for (size_t i = 0; i < sending->segment_count; i++) {
                const struct segment *segment = &sending->segments[i];

                sent->from[segment->lane] = segment->last + 1;
                sent->count += segment->last - segment->first + 1;
        }
        for (uint8_t lane = 0; lane < sent->lanes; lane++)
                if (sending->lanes[lane].next < sending->lanes[lane].count ||
                    sending->lanes[lane].cut)
                        sent->more = true;
}

int session_put_entries(struct engine *engine, struct arena *arena, struct session_sent *sent,
                        struct buffer *out)
{
        CLEANUP(buffer_wipe) struct buffer runs = BUFFER_INIT;
        struct sending sending = {.engine = engine,
                                  .arena = arena,
                                  .out = &runs,
                                  .again = {.arena = arena},
                                  .left = WIRE_REQUEST_ENTRIES_MAX};
        int r = 0;

        for (uint8_t lane = 0; lane < LANE_COUNT && r >= 0; lane++)
                r = plan_lane(&sending, lane, sent);
        for (uint8_t lane = 0; lane < sent->lanes && r >= 0; lane++)
                r = plan_up_to(&sending, lane, UINT64_MAX);
        for (size_t i = 0; i < sending.segment_count && r >= 0; i++)
                r = write_segment(&sending, &sending.segments[i]);
        if (r >= 0)
                r = session_again_put(engine, &sending.again, out);
        if (r >= 0)
                r = session_put_gaps(engine, out);
        buffer_append(out, buffer_view(&runs));
        buffer_wipe(&sending.bytes);
        tell_sent(&sending, sent);
        return r < 0 ? r : buffer_check(out);
}
