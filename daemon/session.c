/*
 * Making a request: hello, vector where it is due, and runs of waiting entries: urgent first, with what they need in
 * front. session_answer.c takes what comes back.
 *
 * Entries are planned on light rows (numbers, sizes, needs) and opened only when they are written. A run ends where a
 * commit ended, at a row with its own signature; where a damaged or already answered row cuts a run short, the head there is signed now.
 */
#include "daemon/session_internal.h"

#include "common/plant.h"

void session_init(struct session *session)
{
        *session = (struct session){.state = SESSION_IDLE};
}

void session_deinit(struct session *session)
{
        buffer_wipe(&session->answer);
        arena_deinit(&session->arena);
        public_key_free(session->signing_key);
        session->signing_key = NULL;
}

/* ---- which entries go ---- */

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

static int plan_lane(struct sending *sending, uint8_t lane)
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
        r = outbox_each_of_lane(outbox, lane, first, plan_row, plan);
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

static int put_entries(struct engine *engine, struct arena *arena, struct buffer *out)
{
        CLEANUP(buffer_wipe) struct buffer runs = BUFFER_INIT;
        struct sending sending = {.engine = engine,
                                  .arena = arena,
                                  .out = &runs,
                                  .again = {.arena = arena},
                                  .left = WIRE_REQUEST_ENTRIES_MAX};
        int r = 0;

        engine->session.more_to_send = engine->session.carried = false;
        if (engine->session.forked)
                return 0;
        for (uint8_t lane = 0; lane < LANE_COUNT && r >= 0; lane++)
                r = plan_lane(&sending, lane);
        for (uint8_t lane = 0; lane < LANE_COUNT && r >= 0; lane++)
                r = plan_up_to(&sending, lane, UINT64_MAX);
        for (size_t i = 0; i < sending.segment_count && r >= 0; i++)
                r = write_segment(&sending, &sending.segments[i]);
        if (r >= 0)
                r = session_again_put(engine, &sending.again, out);
        if (r >= 0)
                r = session_put_gaps(engine, out);
        buffer_append(out, buffer_view(&runs));
        buffer_wipe(&sending.bytes);
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                if (sending.lanes[lane].next < sending.lanes[lane].count || sending.lanes[lane].cut)
                        engine->session.more_to_send = true;
        engine->session.carried = sending.segment_count > 0;
        return r < 0 ? r : buffer_check(out);
}

/* ---- hello and vector ---- */

int session_vector(struct engine *engine, struct arena *arena, struct wire_feed_state **ret,
                   size_t *ret_count, uint8_t ret_hash[HASH_SIZE])
{
        struct wire_feed_state *states;
        struct replica_feed *feeds;
        size_t count, granted = 0;
        int r;

        r = replica_feeds(engine->replica, arena, &feeds, &count);
        if (r < 0)
                return r;
        states = arena_alloc(arena, (count + 1) * sizeof(*states));
        if (!states)
                return FAIL(PANNIER_E_MEMORY, "no memory for a vector");
        for (size_t i = 0; i < count; i++)
                if (feeds[i].granted)
                        states[granted++] = (struct wire_feed_state){.key = feeds[i].key,
                                                                     .cursor = feeds[i].cursor};
        wire_feeds_sort(states, granted);
        *ret = states;
        *ret_count = granted;
        return wire_vector_hash(states, granted, ret_hash);
}

/* The grants follow from the feeds: a scope's ceiling is its highest class. */
static int grants_hash(const struct wire_feed_state *feeds, size_t count, struct arena *arena,
                       uint8_t ret[HASH_SIZE])
{
        struct wire_grant *grants = arena_alloc(arena, (count + 1) * sizeof(*grants));
        size_t grant_count = 0;

        if (!grants)
                return FAIL(PANNIER_E_MEMORY, "no memory for grants");
        for (size_t i = 0; i < count; i++) {
                const struct wire_feed_key *key = &feeds[i].key;
                struct wire_grant *newest = grant_count ? &grants[grant_count - 1] : NULL;

                if (newest && newest->kind == key->kind && uuid_equal(&newest->id, &key->id) &&
                    uuid_equal(&newest->locality, &key->locality)) {
                        newest->ceiling = key->class;
                        continue;
                }
                grants[grant_count++] = (struct wire_grant){.locality = key->locality,
                                                            .kind = key->kind,
                                                            .id = key->id,
                                                            .ceiling = key->class};
        }
        wire_grants_sort(grants, grant_count);
        return wire_grants_hash(grants, grant_count, ret);
}

/*
 * The feeds with the cursors that they will have once the answer is applied. Return: 1, 0 where the answer moves a feed
 * that is not granted here (applying it will say so), or an error
 */
static int vector_ahead(struct engine *engine, struct wire_feed_state *feeds, size_t count,
                        uint8_t ret_hash[HASH_SIZE])
{
        const struct session *session = &engine->session;
        int r;

        for (size_t i = 0; i < session->feeds_count; i++) {
                const struct wire_feed *moved = &session->feeds[i];
                size_t at = 0;

                while (at < count && wire_feed_key_compare(&feeds[at].key, &moved->key) != 0)
                        at++;
                if (at == count)
                        return 0;
                feeds[at].cursor = moved->cursor;
        }
        r = wire_vector_hash(feeds, count, ret_hash);
        return r < 0 ? r : 1;
}

/* Up to where everything was received, and whoever left by then erased. */
static int put_erased(struct engine *engine, const struct wire_vector *vector,
                      struct wire_erased *erased, struct wire_device_hello *hello)
{
        size_t count = 0;

        /* Feeds are sorted by locality. */
        for (size_t i = 0; i < vector->feeds_count && count < WIRE_LOCALITIES_MAX; i++) {
                const struct uuid *locality = &vector->feeds[i].key.locality;
                struct position reached;
                int r;

                if (i > 0 && uuid_equal(locality, &vector->feeds[i - 1].key.locality))
                        continue;
                r = replica_reached(engine->replica, locality, &reached);
                if (r < 0)
                        return r;
                erased[count++] = (struct wire_erased){*locality, reached.epoch, reached.position};
        }
        hello->erased = erased;
        hello->erased_count = count;
        return 0;
}

/* @ahead: as the device will stand once the answer in hand is applied. Return: 1, 0 there is nothing to say ahead, or an error */
static int put_hello(struct engine *engine, const struct engine_now *now, bool ahead,
                     struct arena *arena, struct buffer *out)
{
        const struct outbox_counts *counts = outbox_counts(engine->outbox);
        struct session *session = &engine->session;
        struct wire_lane lanes[LANE_COUNT];
        struct wire_erased erased[WIRE_LOCALITIES_MAX];
        struct wire_vector vector = {0};
        struct wire_feed_state *feeds;
        const struct uuid *parked;
        struct wire_head *heads;
        size_t parked_count;
        bool list;
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
                .parked = counts->states[OUTCOME_PARKED],
                .quarantined = counts->states[OUTCOME_QUARANTINED],
                .policy = session->policy_version,
                .trust = session->trust_version,
        };
        int r;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                outbox_lane(engine->outbox, lane, &lanes[lane]);
        r = outbox_heads(engine->outbox, arena, &heads, &hello.heads_count);
        if (r >= 0)
                r = outbox_told(engine->outbox, &hello.told_ms);
        if (r >= 0)
                r = outbox_oldest_waiting(engine->outbox, &hello.oldest_ms);
        if (r >= 0)
                r = outbox_parked(engine->outbox, arena, &parked, &parked_count);
        if (r >= 0)
                r = wire_parked_hash(parked, parked_count, hello.parked_hash);
        if (r >= 0)
                r = session_vector(engine, arena, &feeds, &vector.feeds_count, hello.vector_hash);
        if (r >= 0)
                r = grants_hash(feeds, vector.feeds_count, arena, hello.grants_hash);
        if (r >= 0 && ahead)
                r = vector_ahead(engine, feeds, vector.feeds_count, hello.vector_hash);
        if (r < 0 || (ahead && r == 0))
                return r;
        hello.heads = heads;
        vector.feeds = feeds;
        if (!ahead && session_may_confirm(engine)) {
                r = put_erased(engine, &vector, erased, &hello);
                session->confirmed = true;
        }
        if (r < 0)
                return r;
        wire_put_device_hello(&hello, out);
        /* own work brings news of itself: with the list it comes back in the same round trip */
        list = ahead || session->list_vector || counts->states[OUTCOME_NONE] > 0 ||
               replica_fact(engine->replica, FACT_DISTRUST) != 0;
        if (list && vector.feeds_count > 0)
                wire_put_vector(&vector, out);
        if (!ahead)
                session->listed_vector = list;
        r = buffer_check(out);
        return r < 0 ? r : 1;
}

static void begin_exchange(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;

        session->began_boot_ms = now->boot_ms;
        session->round_trips = 0;
        session->bytes_sent = session->bytes_received = 0;
        session->counted_sent = session->counted_received = 0;
        session->news = session->list_vector = session->stuck = session->drawn = false;
        session->confirmed = false;
        engine->attempt_ms = now->wall_ms;
        schedule_begin(&engine->schedule, now->boot_ms);
        session_tell(engine);
}

int engine_exchange_request(struct engine *engine, const struct engine_now *now, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct session *session = &engine->session;
        int r;

        if (session->state != SESSION_IDLE && session->state != SESSION_AGAIN)
                return FAIL(PANNIER_E_BUSY, "an exchange is in flight");
        buffer_reset(out);
        /* who was looked at goes up with everything else */
        r = audit_flush(engine, now);
        if (r >= 0)
                r = session_load_trust(engine);
        if (r >= 0)
                r = session_mend(engine, now);
        if (r < 0)
                return r;
        if (session->state == SESSION_IDLE)
                begin_exchange(engine, now);
        session->losses = replica_loss_count(engine->replica);
        buffer_reset(&engine->packed);
        r = put_hello(engine, now, false, &arena, &engine->packed);
        if (r >= 0)
                r = put_entries(engine, &arena, &engine->packed);
        if (r >= 0)
                r = compress_message(engine->compressor, buffer_view(&engine->packed), out);
        if (r < 0) {
                session_failed(engine, now, EXCHANGE_OFFLINE, 0);
                return r;
        }
        session->state = SESSION_SENT;
        session->round_trips++;
        session->bytes_sent += out->size;
        return 0;
}

/* ---- the request that goes ahead ---- */

/* Does the answer in hand leave nothing open but more of the same? */
static bool may_ask_ahead(const struct engine *engine)
{
        const struct session *session = &engine->session;

        if (session->state != SESSION_APPLYING || session->phase != PHASE_RECORDS ||
            session->asked_ahead)
                return false;
        if (session->failure != EXCHANGE_OK || !session->end.more || session->more_to_send ||
            session->hello.vector_wanted)
                return false;
        if (outbox_counts(engine->outbox)->states[OUTCOME_NONE] > 0)
                return false; /* what waits goes up with the next request, not with the one after it */
        for (size_t i = 0; i < session->feeds_count; i++)
                if (session->feeds[i].exits_count > 0)
                        return false; /* a cursor past an exit is shown when it is durable */
        return true;
}

int engine_exchange_ahead(struct engine *engine, const struct engine_now *now, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct session *session = &engine->session;
        int r;

        if (!may_ask_ahead(engine))
                return 0;
        session->asked_ahead = true;
        buffer_reset(out);
        buffer_reset(&engine->packed);
        r = put_hello(engine, now, true, &arena, &engine->packed);
        if (r <= 0)
                return r;
        r = compress_message(engine->compressor, buffer_view(&engine->packed), out);
        session->ahead_size = out->size;
        return r < 0 ? r : 1;
}

int engine_exchange_follow(struct engine *engine)
{
        struct session *session = &engine->session;

        if (session->state != SESSION_AGAIN || !session->asked_ahead)
                return FAIL(PANNIER_E_BUSY, "no request went ahead");
        session->listed_vector = true;
        session->more_to_send = session->carried = false;
        session->state = SESSION_SENT;
        session->round_trips++;
        session->bytes_sent += session->ahead_size;
        return 0;
}

bool engine_had_news(const struct engine *engine)
{
        return engine->session.news;
}

int engine_wait_query(struct engine *engine, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        char vector[2 * HASH_SIZE + 1], parked[2 * HASH_SIZE + 1];
        struct wire_feed_state *feeds;
        const struct uuid *ids;
        uint8_t hash[HASH_SIZE];
        size_t count;
        int r;

        r = session_vector(engine, &arena, &feeds, &count, hash);
        if (r < 0)
                return r;
        bytes_hex(BYTES(hash, HASH_SIZE), vector);
        r = outbox_parked(engine->outbox, &arena, &ids, &count);
        if (r >= 0)
                r = wire_parked_hash(ids, count, hash);
        if (r < 0)
                return r;
        bytes_hex(BYTES(hash, HASH_SIZE), parked);
        buffer_append_format(out, "vector=%s&parked=%s", vector, parked);
        return buffer_check(out);
}
