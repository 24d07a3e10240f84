/*
 * What came back. An answer is read whole before anything of it is believed: it must begin with a hello, end with an end, and
 * hold nothing that this build does not know. Then the receipts: their signature is checked with the key of the trust bundle, and they
 * are durable in the outbox, together with the store's newest heads, before the changes are looked at.
 */
#include "common/plant.h"
#include "daemon/incarnation.h"
#include "daemon/session_check.h"
#include "daemon/session_internal.h"

/* ---- trust ---- */

/* @seal: point of the newest seal key; empty: there is none */
static int trust_use(struct engine *engine, uint32_t version, struct bytes signing,
                     struct bytes seal)
{
        struct certificate_facts facts;
        struct public_key *key;
        int r;

        r = crypto_certificate_read(signing, &facts);
        if (r >= 0)
                r = public_key_from_point(facts.public_key, &key);
        if (r < 0)
                return r;
        public_key_free(engine->session.signing_key);
        engine->session.signing_key = key;
        engine->session.trust_version = version;
        engine->session.can_seal = seal.size == PUBLIC_KEY_SIZE;
        if (engine->session.can_seal)
                memcpy(engine->session.seal_point, seal.data, PUBLIC_KEY_SIZE);
        return 0;
}

static int use_kept_trust(struct engine *engine)
{
        CLEANUP(buffer_deinit) struct buffer kept = BUFFER_INIT;
        struct cbor_reader reader;
        struct bytes signing, seal = BYTES_NONE;
        uint64_t count, version;
        int r;

        r = outbox_meta_get(engine->outbox, OUTBOX_META_TRUST, &kept);
        if (r <= 0)
                return r;
        cbor_reader_init(&reader, buffer_view(&kept));
        r = cbor_read_array(&reader, 3, &count);
        if (r >= 0)
                r = cbor_read_uint(&reader, WIRE_VERSION_MAX, &version);
        if (r >= 0)
                r = cbor_read_bytes(&reader, WIRE_CERTIFICATE_MAX, &signing);
        if (r >= 0 && count == 3) /* a bundle that was kept before had none */
                r = cbor_read_bytes(&reader, PUBLIC_KEY_SIZE, &seal);
        if (r < 0)
                return FAIL(PANNIER_E_CORRUPT, "the kept trust bundle cannot be read");
        return trust_use(engine, (uint32_t)version, signing, seal);
}

/* What is damaged here is as good as none: the hello says so, and the store sends it again under the authority of the enrolment. */
int session_load_trust(struct engine *engine)
{
        int r;

        if (engine->session.signing_key)
                return 0;
        r = use_kept_trust(engine);
        if (r != PANNIER_E_CORRUPT && r != PANNIER_E_MALFORMED && r != PANNIER_E_CRYPTO)
                return r;
        error_clear();
        engine->session.trust_version = 0;
        return 0;
}

static int check_seal_key(const struct public_key *signing, const struct wire_seal_key *seal)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        int r;

        wire_seal_key_message(seal, &message);
        r = buffer_check(&message);
        if (r >= 0)
                r = public_key_verify(signing, buffer_view(&message), seal->signature);
        return r < 0 ? r : public_key_from_point(seal->point, &key);
}

/* The newest of the seal keys, each of which the signing key must have signed. */
static int find_seal_key(const struct wire_trust *trust, struct bytes *ret)
{
        CLEANUP(public_key_freep) struct public_key *signing = NULL;
        struct certificate_facts facts;
        uint32_t newest = 0;
        int r = crypto_certificate_read(trust->signing, &facts);

        if (r >= 0)
                r = public_key_from_point(facts.public_key, &signing);
        *ret = BYTES_NONE;
        for (size_t i = 0; i < trust->seal_keys_count && r >= 0; i++) {
                const struct wire_seal_key *seal = &trust->seal_keys[i];

                r = check_seal_key(signing, seal);
                if (seal->id > newest)
                        *ret = BYTES(seal->point, PUBLIC_KEY_SIZE);
                if (seal->id > newest)
                        newest = seal->id;
        }
        return r;
}

/* A bundle is believed where it is of the CA that enrolment pinned, and newer than the one that is here. */
static int take_trust(struct engine *engine, const struct wire_trust *trust, int64_t store_ms)
{
        CLEANUP(buffer_deinit) struct buffer kept = BUFFER_INIT;
        struct bytes seal;
        int r;

        if (trust->version <= engine->session.trust_version)
                return 0;
        if (!bytes_equal(trust->ca, buffer_view(&engine->ca_certificate)))
                return FAIL(PANNIER_E_CRYPTO, "the trust bundle is of another authority");
        /* judged at the store's time: TLS vouches for it, and the clock here may have been lost */
        r = crypto_certificate_verify(trust->ca, trust->signing, store_ms);
        if (r >= 0)
                r = find_seal_key(trust, &seal);
        if (r < 0)
                return r;
        cbor_put_array(&kept, 3);
        cbor_put_uint(&kept, trust->version);
        cbor_put_bytes(&kept, trust->signing);
        cbor_put_bytes(&kept, seal);
        r = buffer_check(&kept);
        if (r >= 0)
                r = outbox_meta_put(engine->outbox, OUTBOX_META_TRUST, buffer_view(&kept));
        return r < 0 ? r : trust_use(engine, trust->version, trust->signing, seal);
}

/* ---- heads ---- */

/* Does the store's history no longer hold what this head says? */
static bool has_lost(const struct wire_head *kept, const struct wire_head *head)
{
        if (kept->epoch != head->epoch || !uuid_equal(&kept->epoch_id, &head->epoch_id))
                return true;
        if (head->number < kept->number || head->position < kept->position)
                return true;
        return head->number == kept->number && memcmp(kept->hash, head->hash, HASH_SIZE) != 0;
}

static int check_head(struct engine *engine, const struct wire_head *head)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;

        wire_head_message(head, &message);
        if (buffer_check(&message) < 0)
                return buffer_check(&message);
        if (!engine->session.signing_key)
                return FAIL(PANNIER_E_CRYPTO, "the store has not said which key it signs with");
        if (public_key_verify(engine->session.signing_key, buffer_view(&message), head->signature) <
            0)
                return FAIL(PANNIER_E_CRYPTO, "a head is not signed by the store");
        return 0;
}

/* The store lost commits and says so: what it told beyond the fork is of a history that is gone. */
static int leave_history(struct engine *engine, const struct wire_head *kept, uint64_t common)
{
        const struct outbox_left left = {
                .position = common < kept->position ? common : kept->position,
                .whole = common >= kept->position,
        };

        engine->session.left = true;
        return outbox_left_put(engine->outbox, &kept->locality, kept->epoch, &left);
}

/* 0 taken or nothing new; 1 the store lacks what it has signed for, and does not say so */
static int take_head(struct engine *engine, const struct wire_locality *locality)
{
        const struct wire_head *head = &locality->head;
        struct wire_head kept;
        bool another;
        int r;

        r = outbox_head_get(engine->outbox, &head->locality, &kept);
        if (r < 0)
                return r;
        if (r > 0 && kept.position == head->position && !has_lost(&kept, head) &&
            kept.number == head->number)
                return 0;
        another = r > 0 && head->epoch > kept.epoch;
        if (r > 0 && !another && has_lost(&kept, head))
                return check_head(engine, head) < 0 ? PANNIER_E_CRYPTO : 1;
        r = check_head(engine, head);
        if (r == 0 && another)
                r = leave_history(engine, &kept, locality->common);
        return r < 0 ? r : outbox_head_put(engine->outbox, head, engine->session.hello.now_ms);
}

static int take_heads(struct engine *engine, const struct wire_store_hello *hello)
{
        int r = 0;

        for (size_t i = 0; i < hello->localities_count && r == 0; i++)
                r = take_head(engine, &hello->localities[i]);
        if (r == 0)
                engine->session.heard_heads = true;
        if (r == 0 && engine->session.left)
                r = outbox_offer_gone(engine->outbox);
        return r < 0 ? r : r > 0 && !engine->session.left;
}

/* ---- receipts ---- */

static int check_receipts(struct engine *engine, const struct wire_receipts *message,
                          struct bytes hashes)
{
        CLEANUP(buffer_deinit) struct buffer signed_bytes = BUFFER_INIT;

        if (!engine->session.signing_key)
                return FAIL(PANNIER_E_CRYPTO, "the store has not said which key it signs with");
        wire_receipts_signed(&engine->options.device, message->now_ms, hashes, &signed_bytes);
        if (buffer_check(&signed_bytes) < 0)
                return buffer_check(&signed_bytes);
        return public_key_verify(engine->session.signing_key, buffer_view(&signed_bytes),
                                 message->signature);
}

static int settle_one(struct engine *engine, int64_t now_ms, struct wire_receipt *receipt)
{
        struct session *session = &engine->session;
        struct bytes message;
        uint64_t place;
        int r = outbox_settle(engine->outbox, now_ms, receipt, &place, &message);

        if (r != OUTBOX_CHANGED)
                return r < 0 ? r : 0;
        message = arena_copy(&session->arena, message);
        if (!message.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        session->receipts[session->receipts_count++] =
                (struct session_receipt){.receipt = receipt, .message = message, .place = place};
        return 0;
}

/* Settles all of a message, in the open transaction: whoever finds the signature wrong afterwards rolls it back. */
static int settle_all(struct engine *engine, const struct wire_receipts *message,
                      struct buffer *hashes)
{
        struct session *session = &engine->session;
        size_t before = session->receipts_count, count = message->receipts_count;
        struct wire_receipt *receipts = arena_alloc(&session->arena, count * sizeof(*receipts));
        struct session_receipt *all = arena_alloc(&session->arena, (before + count) * sizeof(*all));
        int r = 0;

        if (!receipts || !all)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        if (before)
                memcpy(all, session->receipts, before * sizeof(*all));
        session->receipts = all;
        memcpy(receipts, message->receipts, count * sizeof(*receipts));
        for (size_t i = 0; i < count && r >= 0; i++)
                r = settle_one(engine, message->now_ms, &receipts[i]);
        if (r < 0)
                return r;
        wire_receipt_hashes(receipts, count, hashes);
        return buffer_check(hashes);
}

/* Each entry's row is read once; what a receipt leaves out (the hash of the body as it was sent) comes from there. */
static int take_receipts(struct engine *engine, const struct wire_receipts *message)
{
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;
        uint64_t batch = outbox_next_batch(engine->outbox);
        int r;

        if (message->receipts_count == 0)
                return 0;
        r = settle_all(engine, message, &hashes);
        if (r >= 0)
                r = check_receipts(engine, message, buffer_view(&hashes));
        if (r >= 0)
                r = outbox_batch(engine->outbox, message->now_ms, buffer_view(&hashes),
                                 message->signature);
        if (r >= 0)
                engine->session.batch = batch;
        return r;
}

/* ---- reading the answer ---- */

struct reading {
        struct session *session;
        struct wire_receipts *receipts;
        size_t receipts_count, receipts_capacity;
        size_t records_capacity, feeds_capacity;
        bool hello, end;
};

static int keep(struct arena *arena, void **items, size_t *count, size_t *capacity,
                const void *item, size_t size)
{
        if (*count == *capacity) {
                size_t more = *capacity ? *capacity * 2 : 16;
                uint8_t *grown = arena_alloc(arena, more * size);

                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "no memory for an answer");
                if (*count)
                        memcpy(grown, *items, *count * size);
                *items = grown;
                *capacity = more;
        }
        memcpy((uint8_t *)*items + *count * size, item, size);
        (*count)++;
        return 0;
}

static int read_message(struct reading *reading, const struct wire_message *message)
{
        struct session *session = reading->session;

        if (!reading->hello && message->kind != WIRE_KIND_STORE_HELLO)
                return FAIL(PANNIER_E_MALFORMED, "an answer begins with a hello");
        if (reading->end)
                return FAIL(PANNIER_E_MALFORMED, "an answer goes on after its end");
        switch (message->kind) {
        case WIRE_KIND_STORE_HELLO:
                if (reading->hello)
                        break;
                if (message->store_hello.protocol > WIRE_PROTOCOL + 1 ||
                    message->store_hello.protocol + 1 < WIRE_PROTOCOL)
                        return FAIL(PANNIER_E_TOO_NEW,
                                    "the store speaks protocol %u, this device %d",
                                    message->store_hello.protocol, WIRE_PROTOCOL);
                reading->hello = true;
                session->hello = message->store_hello;
                return 0;
        case WIRE_KIND_RECEIPTS:
                return keep(&session->arena, (void **)&reading->receipts, &reading->receipts_count,
                            &reading->receipts_capacity, &message->receipts,
                            sizeof(message->receipts));
        case WIRE_KIND_CLOSINGS:
                session->closings = message->closings;
                return 0;
        case WIRE_KIND_RECORDS:
                if (!catalogue_type_by_number(message->records.type)) {
                        session->passed_over = true;
                        return 0;
                }
                return keep(&session->arena, (void **)&session->records, &session->records_count,
                            &reading->records_capacity, &message->records,
                            sizeof(message->records));
        case WIRE_KIND_FEED:
                return keep(&session->arena, (void **)&session->feeds, &session->feeds_count,
                            &reading->feeds_capacity, &message->feed, sizeof(message->feed));
        case WIRE_KIND_END:
                reading->end = true;
                session->end = message->end;
                return 0;
        case WIRE_KIND_DEVICE_HELLO:
        case WIRE_KIND_VECTOR:
        case WIRE_KIND_GAP:
        case WIRE_KIND_DAMAGED:
        case WIRE_KIND_RUN:
        case WIRE_KIND_DRAFT:
        case WIRE_KIND_AGAIN:
        case WIRE_KIND_CHECK:
        case WIRE_KIND_REPAIRED:
        case WIRE_KIND_DIFFER:
        case WIRE_KIND_CHECKED:
        case WIRE_KIND_BUNDLE:
        case WIRE_KIND_BUNDLE_RECEIPTS:
        case WIRE_KIND_ATTACHMENT:
        case WIRE_KIND_WANTED:
        case WIRE_KIND_SKIP:
        case WIRE_KIND_MAX:
                break;
        }
        return FAIL(PANNIER_E_MALFORMED, "a message of kind %s has no place in an answer",
                    wire_kind_name(message->kind));
}

static void forget_answer(struct session *session)
{
        arena_reset(&session->arena);
        session->receipts = NULL;
        session->records = NULL;
        session->feeds = NULL;
        session->receipts_count = session->receipts_next = 0;
        session->records_count = session->records_next = 0;
        session->feeds_count = 0;
        session->closings = (struct wire_closings){0};
        session->batch = 0;
        session->passed_over = false;
        session->moved = session->erased = session->asked_ahead = false;
        session->left = session->turned = false;
        buffer_reset(&session->answer);
}

static int read_answer(struct engine *engine, struct bytes body, struct reading *reading)
{
        struct session *session = &engine->session;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        forget_answer(session);
        r = decompress_message(engine->compressor, body, WIRE_ANSWER_MAX, &session->answer);
        if (r < 0)
                return r;
        wire_reader_init(&reader, buffer_view(&session->answer), &session->arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                r = read_message(reading, &message);
                if (r < 0)
                        return r;
        }
        if (r >= 0 && !reading->end)
                return FAIL(PANNIER_E_MALFORMED, "the answer was cut");
        return r;
}

/* ---- what it means ---- */

/* What one lane says. */
static int take_lane(struct engine *engine, uint8_t lane, const struct wire_lane_state *state,
                     enum exchange_failure *ret)
{
        struct outbox *outbox = engine->outbox;
        uint64_t first, settled;
        int r = outbox_first_waiting(outbox, lane, &first);

        if (r < 0)
                return r;
        settled = first ? first - 1 : outbox_seq(outbox, lane);
        /* A later commit than any of ours under our name, or two under one number: this outbox has a double. */
        if ((state->forked || state->next > outbox_seq(outbox, lane) + 1) &&
            !SIM_PLANT(NO_INCARNATION)) {
                *ret = EXCHANGE_FORKED;
                return 0;
        }
        if (state->next <= settled) {
                r = outbox_offer_again(outbox, lane, state->next);
                if (r == PANNIER_E_REFUSED) {
                        /* It has them under a name that an image of this outbox does not know. */
                        error_clear();
                        *ret = EXCHANGE_FORKED;
                        return 0;
                }
        }
        return r < 0 ? r : outbox_set_next(outbox, lane, state->next);
}

static int take_lanes(struct engine *engine, enum exchange_failure *ret)
{
        const struct wire_store_hello *hello = &engine->session.hello;
        int r = 0;

        /* it is about the incarnation that the request named */
        for (uint8_t lane = 0; lane < hello->lanes_count && lane < LANE_COUNT && r >= 0; lane++)
                r = take_lane(engine, lane, &hello->lanes[lane], ret);
        return r;
}

/*
 * The store knows entries under this incarnation that are not here, or others: the outbox was restored, or has a double.
 * Whoever it is goes on under a name of its own; once in an exchange.
 */
static int begin_new_life(struct engine *engine, const struct engine_now *now,
                          enum exchange_failure *failure)
{
        struct session *session = &engine->session;
        int r;

        if (*failure != EXCHANGE_FORKED || session->drawn)
                return 0;
        r = outbox_draw(engine->outbox, now->wall_ms,
                        "the store knows another history of this outbox");
        if (r < 0)
                return r;
        session->drawn = true;
        session->turned = true;
        *failure = EXCHANGE_OK;
        return 0;
}

static enum exchange_failure device_failure(const struct wire_store_hello *hello)
{
        return hello->state == DEVICE_ACTIVE ? EXCHANGE_OK : EXCHANGE_REFUSED;
}

/* Another history of the store may number them otherwise: it is to tell all of them again. */
static int take_closings(struct engine *engine)
{
        const struct session *session = &engine->session;
        int r = 0;

        if (session->left)
                return outbox_closings_renumber(engine->outbox);
        for (size_t i = 0; i < session->closings.closings_count && r >= 0; i++)
                r = outbox_closing_put(engine->outbox, &session->closings.closings[i]);
        return r;
}

static int settle_outbox(struct engine *engine, const struct reading *reading,
                         enum exchange_failure *ret_failure)
{
        const struct wire_store_hello *hello = &engine->session.hello;
        int r = 0;

        if (hello->trust)
                r = take_trust(engine, hello->trust, hello->now_ms);
        for (size_t i = 0; i < reading->receipts_count && r >= 0; i++)
                r = take_receipts(engine, &reading->receipts[i]);
        if (r >= 0)
                r = take_heads(engine, hello);
        if (r > 0) { /* of lanes it knows as little as of the log */
                *ret_failure = EXCHANGE_STORE_BEHIND;
                return 0;
        }
        if (r >= 0)
                r = take_closings(engine);
        if (r >= 0)
                r = take_lanes(engine, ret_failure);
        if (r >= 0)
                r = outbox_gaps_declared(engine->outbox);
        if (r >= 0 && *ret_failure == EXCHANGE_OK)
                *ret_failure = device_failure(hello);
        return r;
}

static void take_policy(struct engine *engine)
{
        const struct wire_policy *policy = engine->session.hello.policy;

        if (!policy)
                return;
        engine->session.policy_version = policy->version;
        schedule_set_policy(&engine->schedule,
                            &(struct schedule_policy){
                                    .poll_min_ms = (int64_t)policy->poll_s * 1000,
                                    .poll_max_ms = (int64_t)policy->poll_max_s * 1000,
                            });
        engine->budget.store_bytes = policy->day_bytes;
}

/* Which lanes the store took no more of. Has it room again for one of them, with others waiting behind? */
static bool take_stops(struct session *session)
{
        const struct wire_store_hello *hello = &session->hello;
        bool again = false;

        for (size_t lane = 0; lane < hello->lanes_count && lane < LANE_COUNT; lane++) {
                enum wire_stop stopped = hello->lanes[lane].stopped;

                again = again || (session->stopped[lane] != WIRE_STOP_NONE &&
                                  stopped == WIRE_STOP_NONE && session->carried);
                session->stopped[lane] = stopped;
        }
        return again;
}

static void note_backups(struct engine *engine)
{
        const struct wire_store_hello *hello = &engine->session.hello;
        struct session *session = &engine->session;

        session->told_ms = hello->now_ms;
        session->backup_count = 0;
        for (size_t i = 0; i < hello->localities_count; i++)
                if (hello->localities[i].backup_position > 0)
                        session->backups[session->backup_count++] = (struct session_backup){
                                .locality = hello->localities[i].head.locality,
                                .position = {hello->localities[i].backup_epoch,
                                             hello->localities[i].backup_position}};
}

static enum exchange_failure failure_of(int error)
{
        return error == PANNIER_E_TOO_NEW ? EXCHANGE_UPGRADE : EXCHANGE_PROTOCOL;
}

static bool is_ours(int error)
{
        return error == PANNIER_E_STORAGE || error == PANNIER_E_MEMORY ||
               error == PANNIER_E_CORRUPT || error == PANNIER_E_INTERNAL;
}

static int stop(struct engine *engine, const struct engine_now *now, int error)
{
        session_failed(engine, now, is_ours(error) ? EXCHANGE_OK : failure_of(error), 0);
        return is_ours(error) ? error : EXCHANGE_STOP;
}

/*
 * The answer has something in it that this build cannot read. What comes down is put off until it can; what went up has its
 * receipts, which come first and are signed by themselves.
 */
static void keep_receipts(struct session *session)
{
        session->records_count = session->feeds_count = 0;
        session->end = (struct wire_end){.more = true}; /* in no case is it an end */
}

int engine_exchange_answer(struct engine *engine, const struct engine_now *now, struct bytes body)
{
        struct session *session = &engine->session;
        struct reading reading = {.session = session};
        enum exchange_failure failure = EXCHANGE_OK;
        int r;

        if (session->state != SESSION_SENT)
                return FAIL(PANNIER_E_BUSY, "no request is out");
        session->bytes_received += body.size;
        if (session->check)
                return session_check_answer(engine, now, body);
        r = session_check_losses(engine);
        if (r >= 0)
                r = read_answer(engine, body, &reading);
        if (r == PANNIER_E_TOO_NEW && reading.hello) {
                keep_receipts(session);
                failure = EXCHANGE_UPGRADE;
                r = 0;
        }
        if (r < 0)
                return stop(engine, now, r);
        r = outbox_begin(engine->outbox);
        if (r < 0)
                return stop(engine, now, r);
        r = settle_outbox(engine, &reading, &failure);
        if (r >= 0)
                r = outbox_commit(engine->outbox);
        else
                outbox_rollback(engine->outbox);
        if (r < 0) {
                session->receipts_count = 0;
                return stop(engine, now, r);
        }
        r = begin_new_life(engine, now, &failure);
        if (r < 0)
                return stop(engine, now, r);
        take_policy(engine);
        note_backups(engine);
        session->failure = failure;
        session->forked = failure == EXCHANGE_FORKED;
        /* A fork is about what goes up. A store that lost commits, or refuses, is not to be believed about what comes down. */
        session->downloads = failure == EXCHANGE_OK || failure == EXCHANGE_FORKED;
        if (session->left) { /* first it is offered what it lost, then its news are looked at */
                session->downloads = false;
                session->turned = true;
        }
        if (session->turned || take_stops(session))
                session->more_to_send = true;
        if (!session->downloads)
                session->records_count = session->feeds_count = 0;
        session->state = SESSION_APPLYING;
        session->phase = PHASE_HISTORY;
        session->moved = session->turned || session->receipts_count > 0 ||
                         session->closings.closings_count > 0 || session->records_count > 0 ||
                         session->feeds_count > 0 || session->hello.grants_listed;
        return EXCHANGE_STEP;
}

void engine_exchange_failed(struct engine *engine, const struct engine_now *now,
                            enum exchange_failure failure, int64_t retry_after_ms)
{
        if (engine->session.check)
                session_check_failed(engine, now);
        else if (engine->session.state != SESSION_IDLE)
                session_failed(engine, now, failure, retry_after_ms);
}
