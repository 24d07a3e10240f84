/* Making a request: hello, vector where it is due, entries (session_send.c). session_answer.c takes what comes back. */
#include "daemon/session_check.h"
#include "daemon/session_internal.h"

#include "daemon/rescue.h"
#include <inttypes.h>

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

/* What was repaired, until an end was reached that followed it. */
static int put_repaired(struct engine *engine, struct buffer *out)
{
        struct wire_repair repairs[WIRE_REPAIRS_MAX];
        struct wire_repaired message = {.repairs = repairs};
        int r = replica_repairs_untold(engine->replica, repairs, &message.repairs_count);

        engine->session.reported = 0;
        if (r < 0 || message.repairs_count == 0)
                return r;
        engine->session.reported = repairs[message.repairs_count - 1].number;
        wire_put_repaired(&message, out);
        return 0;
}

/* How many refused entries nobody has dealt with, and up to where it was told of those that an operator did. */
static int tell_refused(struct engine *engine, struct wire_device_hello *hello)
{
        hello->closing = outbox_closing(engine->outbox);
        return outbox_refused_open(engine->outbox, &hello->quarantined);
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
        int told;
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
                .policy = session->policy_version,
                .trust = session->trust_version,
        };
        int r;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                outbox_lane(engine->outbox, lane, &lanes[lane]);
        r = tell_refused(engine, &hello);
        if (r >= 0)
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
        told = ahead ? 1 : replica_is_told(engine->replica, hello.vector_hash);
        if (told < 0)
                return told;
        hello.heads = heads;
        session->showed_heads = hello.heads_count > 0;
        vector.feeds = feeds;
        if (!ahead && session_may_confirm(engine)) {
                r = put_erased(engine, &vector, erased, &hello);
                session->confirmed = true;
        }
        if (r < 0)
                return r;
        wire_put_device_hello(&hello, out);
        /*
         * Own work brings news of itself: with the list it comes back in the same round trip. And with the list the store says its
         * digests, also where there is no news.
         */
        list = ahead || session->list_vector || counts->states[OUTCOME_NONE] > 0 || !told ||
               replica_fact(engine->replica, FACT_DISTRUST) != 0;
        /* without the list there is nothing that the store could send news by: only whether there is any */
        list = list && session->level == BUDGET_ALL;
        if (list && vector.feeds_count > 0)
                wire_put_vector(&vector, out);
        r = ahead ? 0 : put_repaired(engine, out);
        if (r < 0)
                return r;
        if (!ahead)
                session->listed_vector = list;
        r = buffer_check(out);
        return r < 0 ? r : 1;
}

/* Lanes that may go, from 0 up to it; what they need of others goes with them. */
uint8_t session_lanes(const struct engine *engine)
{
        return engine->session.level == BUDGET_URGENT ? LANE_URGENT + 1 : LANE_COUNT;
}

/*
 * The store refuses a base beyond every head that the hello shows. The heads of an outbox that was lost, or is an older copy, are not
 * those that its entries were written under. So they are asked for before entries go up.
 */
static bool knows_heads(const struct engine *engine)
{
        return engine->session.showed_heads &&
               (engine->session.heard_heads ||
                replica_fact(engine->replica, FACT_RESCUE) != RESCUE_HEADS);
}

static int put_entries(struct engine *engine, struct arena *arena, struct buffer *out)
{
        struct session *session = &engine->session;
        struct session_sent sent = {.lanes = session_lanes(engine), .stopped = session->stopped};
        int r = 0;

        if (session->round_trips == 0 && !knows_heads(engine)) {
                sent.more = outbox_counts(engine->outbox)->states[OUTCOME_NONE] > 0;
                r = session_put_gaps(engine, out);
        } else if (session->forked) {
                r = session_put_gaps(engine, out); /* the answer is the store's word on them */
        } else {
                r = session_put_entries(engine, arena, &sent, out);
        }
        session->more_to_send = sent.more;
        session->carried = sent.count > 0;
        return r;
}

static void begin_exchange(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;
        uint64_t first[LANE_COUNT];

        session->began_boot_ms = now->boot_ms;
        session->round_trips = 0;
        session->bytes_sent = session->bytes_received = 0;
        session->counted_sent = session->counted_received = 0;
        session->news = session->list_vector = session->stuck = session->drawn = false;
        session->confirmed = session->checked = session->waits_longer = session->report = false;
        session->equality = REPLICA_UNKNOWN;
        engine->attempt_ms = now->wall_ms;
        session->fetched = false;
        session->applied = 0;
        session->level = schedule_begin(&engine->schedule, now->boot_ms);
        engine_note_waiting(engine, first);
        progress_begin(&engine->progress, first);
        session_tell(engine);
}

const char *engine_exchange_path(const struct engine *engine)
{
        return engine->session.check ? "/v1/check" : "/v1/sync";
}

static int sent(struct session *session, const struct buffer *request)
{
        session->state = SESSION_SENT;
        session->round_trips++;
        session->bytes_sent += request->size;
        return 0;
}

int engine_exchange_request(struct engine *engine, const struct engine_now *now, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct session *session = &engine->session;
        int r;

        if (session->state != SESSION_IDLE && session->state != SESSION_AGAIN)
                return FAIL(PANNIER_E_BUSY, "an exchange is in flight");
        buffer_reset(out);
        if (session->check) {
                r = session_check_request(engine, out);
                if (r < 0) {
                        session_failed(engine, now, EXCHANGE_OK, 0);
                        return r;
                }
                return sent(session, out);
        }
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
        return sent(session, out);
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

uint64_t engine_exchange_mark(const struct engine *engine)
{
        const struct session *session = &engine->session;

        return (session->applied << 16) + (uint64_t)session->round_trips * PHASE_COUNT +
               (uint64_t)session->phase;
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
        buffer_append_format(out, "vector=%s&parked=%s&closing=%" PRIu64, vector, parked,
                             outbox_closing(engine->outbox));
        return buffer_check(out);
}
