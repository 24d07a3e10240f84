/* Bundles between both engines: carried late, twice, in parts, in any order, by whom the store does not trust. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include "daemon/engine_bundle.h"
#include "store/courier.h"

#include <string.h>

enum { PARTS_MAX = 8 };

struct carried { /* what a courier has in its bag */
        struct uuid id;
        struct buffer parts[PARTS_MAX], back[PARTS_MAX];
        size_t count;
        uint64_t entries;
};

static void carried_deinit(struct carried *carried)
{
        for (size_t i = 0; i < PARTS_MAX; i++) {
                buffer_deinit(&carried->parts[i]);
                buffer_deinit(&carried->back[i]);
        }
}

static struct uuid person;

static int setup(void **state)
{
        if (bed_make(state) != 0)
                return -1;
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        return 0;
}

static void export_bundle(struct carried *carried)
{
        struct engine_now now = station_now(&tablet);
        int r;

        assert_int_equal(engine_bundle_begin(tablet.engine, &now, &carried->id), 0);
        for (;;) {
                struct buffer part = BUFFER_INIT;

                r = engine_bundle_part(tablet.engine, &now, &carried->id, &part);
                assert_true(r >= 0 && carried->count < PARTS_MAX);
                if (r == 0)
                        break;
                carried->parts[carried->count++] = part;
        }
        assert_int_equal(engine_bundle_handed(tablet.engine, &now, &carried->id,
                                              bytes_text("the station"), &carried->entries),
                         0);
}

static struct wire_message message_of(const struct buffer *encoded, struct arena *arena)
{
        struct wire_reader reader;
        struct wire_message message;

        wire_reader_init(&reader, buffer_view(encoded), arena);
        assert_int_equal(wire_next(&reader, &message), 1);
        return message;
}

static int store_takes(const struct wire_bundle *part, struct buffer *back)
{
        const struct courier_settings settings = {rig.reader, rig.test.reader, rig.seal_key};
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        CLEANUP(courier_freep) struct courier *courier = NULL;
        uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE];
        int r = courier_open(&settings, part, rig.now_ms, &courier, &request);

        if (r < 0)
                return r;
        assert_int_equal(exchange_commit(rig.writer, &request, 1, rig.now_ms), 0);
        assert_int_equal(exchange_answer(rig.reader, request, rig.now_ms, &answer), 0);
        assert_false(answer.commit_first);
        assert_int_equal(answer.row_count, 0);
        crypto_random(nonce, sizeof(nonce));
        return courier_seal(courier, buffer_view(&answer.body), nonce, back);
}

static int deliver_part(struct carried *carried, size_t i)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_message message = message_of(&carried->parts[i], &arena);

        buffer_reset(&carried->back[i]);
        return store_takes(&message.bundle, &carried->back[i]);
}

static void deliver(struct carried *carried)
{
        for (size_t i = 0; i < carried->count; i++)
                assert_int_equal(deliver_part(carried, i), 0);
}

static int take_back(const struct carried *carried, size_t i, struct engine_bundle_taken *ret)
{
        struct engine_now now = station_now(&tablet);

        return engine_bundle_receipts(tablet.engine, &now, buffer_view(&carried->back[i]), ret);
}

static int keep_bundle(void *context, const struct engine_bundle *bundle)
{
        *(struct engine_bundle *)context = *bundle;
        return 1;
}

/* 1 a bundle is out with entries that still wait */
static int out_there(struct engine_bundle *ret)
{
        return engine_bundles(tablet.engine, keep_bundle, ret);
}

static size_t in_log(uint32_t number)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct storage *reader = rig.test.reader;
        struct uuid id = new_id(number);
        uint8_t hash[HASH_SIZE] = {0};
        struct log_row row;
        int r;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        r = reader->ops->log_find(reader, &rig.test.locality, &id, &tablet.row.id, hash, &arena,
                                  &row);
        reader->ops->rollback(reader);
        assert_true(r >= 0);
        return r != FOUND_NONE;
}

/* ---- the straight way ---- */

static void test_what_was_carried_is_settled_by_the_receipts_that_come_back(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct engine_bundle_taken taken;
        struct engine_bundle bundle;
        enum engine_field_state field;
        struct uuid first = new_id(1);

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        assert_int_equal(alert(&tablet, 2, &person, "small dog"), 0);
        assert_int_equal(engine_bundle_due(tablet.engine), 1);
        export_bundle(&carried);
        assert_int_equal(carried.count, 1);
        assert_int_equal(engine_bundle_due(tablet.engine), 0);
        assert_int_equal(out_there(&bundle), 1);
        assert_string_equal(bundle.receiver, "the station");
        assert_int_equal(bundle.entries, carried.entries);
        assert_int_equal(bundle.waiting, carried.entries);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_NONE); /* handed over is not arrived */

        deliver(&carried);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_NONE); /* nor is delivered, here */
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(taken.settled, carried.entries);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
        assert_int_equal(out_there(&bundle), 0);
        (void)station_text(&tablet, &rig.nurse, &first, "text", &field, NULL);
        assert_int_equal(field, FIELD_ANSWERED);

        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        (void)station_text(&tablet, &rig.nurse, &first, "text", &field, NULL);
        assert_int_equal(field, FIELD_CONFIRMED);
        assert_int_equal(outbox_counts(tablet.engine->outbox)->states[OUTCOME_NONE], 0);
}

static void test_receipts_are_kept_over_a_restart(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct engine_bundle_taken taken;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        deliver(&carried);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
}

/* ---- twice, in parts, in disorder ---- */

static void test_twice_by_two_ways_is_once(void **state)
{
        CLEANUP(carried_deinit) struct carried first = {0};
        CLEANUP(carried_deinit) struct carried second = {0};
        struct engine_bundle_taken taken;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&first);
        assert_int_equal(alert(&tablet, 2, &person, "small dog"), 0);
        export_bundle(&second);
        deliver(&second);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        deliver(&first); /* the slow courier */
        deliver(&second);
        assert_int_equal(take_back(&first, 0, &taken), 0);
        assert_int_equal(taken.settled, 0);
        assert_int_equal(taken.known, first.entries);
        assert_int_equal(take_back(&second, 0, &taken), 0);
        assert_int_equal(taken.settled, 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
}

/* Text that no compressor makes small. */
static void noise(char *text, size_t size)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

        crypto_random(text, size);
        for (size_t i = 0; i + 1 < size; i++)
                text[i] = letters[(uint8_t)text[i] % (sizeof(letters) - 1)];
        text[size - 1] = '\0';
}

static void test_parts_in_disorder_and_parts_that_are_lost_do_no_harm(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        CLEANUP(carried_deinit) struct carried again = {0};
        struct engine_bundle_taken taken;
        struct engine_bundle bundle;
        enum { COUNT_WRITTEN = 260 };
        char text[1500];

        (void)state;
        for (uint32_t i = 0; i < COUNT_WRITTEN; i++) {
                struct uuid id = new_id(100 + i);

                noise(text, sizeof(text));
                assert_int_equal(
                        station_create(&tablet, &rig.nurse, &id, "visit", &person,
                                       (struct field_text[]){{"subjective", text, NULL, 0},
                                                             {"outcome", "completed", NULL, 0},
                                                             {"setting", "home", NULL, 0}},
                                       3),
                        0);
        }
        export_bundle(&carried);
        assert_true(carried.count >= 2);
        assert_true(carried.entries >= COUNT_WRITTEN);
        assert_int_equal(deliver_part(&carried, carried.count - 1),
                         0); /* what is before it is not there */
        assert_int_equal(take_back(&carried, carried.count - 1, &taken), 0);
        assert_int_equal(taken.settled, 0);
        assert_int_equal(deliver_part(&carried, 0), 0);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_true(taken.settled > 0 && taken.settled < COUNT_WRITTEN);
        assert_int_equal(out_there(&bundle), 1);
        assert_true(bundle.waiting > 0);
        export_bundle(&again); /* what still waits */
        assert_true(again.entries < carried.entries);
        deliver(&again);
        for (size_t i = 0; i < again.count; i++)
                assert_int_equal(take_back(&again, i, &taken), 0);
        for (uint32_t i = 0; i < COUNT_WRITTEN; i++)
                assert_int_equal(state_of(&tablet, 100 + i), OUTCOME_APPLIED);
}

static void test_a_bundle_that_is_not_finished_is_forgotten_by_the_next(void **state)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT;
        struct engine_now now = station_now(&tablet);
        struct engine_bundle bundle;
        struct uuid first, second;
        uint64_t entries;

        (void)state;
        assert_int_equal(engine_bundle_begin(tablet.engine, &now, &first), PANNIER_E_NOT_FOUND);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        assert_int_equal(engine_bundle_begin(tablet.engine, &now, &first), 0);
        assert_int_equal(
                engine_bundle_handed(tablet.engine, &now, &first, bytes_text("x"), &entries),
                PANNIER_E_INVALID); /* its parts were not fetched */
        assert_int_equal(engine_bundle_begin(tablet.engine, &now, &second), 0);
        assert_int_equal(engine_bundle_part(tablet.engine, &now, &first, &part),
                         PANNIER_E_NOT_FOUND);
        assert_int_equal(out_there(&bundle), 0);
}

/* ---- receipts that are not to be believed ---- */

static void test_receipts_are_taken_by_the_device_that_they_are_for(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        CLEANUP(buffer_deinit) struct buffer good = BUFFER_INIT;
        struct engine_now now = station_now(&tablet);
        struct engine_bundle_taken taken;
        struct station other;

        station_open(&other, &rig, 2, state, &rig.team);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        deliver(&carried);
        assert_int_equal(
                engine_bundle_receipts(other.engine, &now, buffer_view(&carried.back[0]), &taken),
                PANNIER_E_REFUSED);
        buffer_append(&good, buffer_view(&carried.back[0]));
        for (size_t i = 1; i <= 40;
             i++) { /* a courier that changes something: the middle of what is sealed */
                carried.back[0].data[carried.back[0].size - i] ^= 1;
                assert_true(take_back(&carried, 0, &taken) < 0);
                carried.back[0].data[carried.back[0].size - i] ^= 1;
        }
        assert_int_equal(state_of(&tablet, 1), OUTCOME_NONE);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        station_close(&other);
}

/* The store forgot what the receipts say: an entry that it was offered again has another receipt by now, or waits for one. */
static void test_receipts_of_a_history_that_the_store_lost_settle_nothing(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct engine_bundle_taken taken;

        assert_int_equal(alert(&tablet, 3, &person, "before"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_keep(&rig, unit_path(state, "image.db"));
        assert_int_equal(alert(&tablet, 4, &person, "shown and lost"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        deliver(&carried); /* in the history that is lost next */
        rig_reopen(&rig, unit_path(state, "image.db"));
        rig.now_ms += 1000;
        station_send(&tablet);
        assert_int_equal(station_take(&tablet),
                         EXCHANGE_AGAIN); /* told of the new history, and nothing believed yet */
        assert_true(tablet.engine->session.state == SESSION_AGAIN);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(taken.stale + taken.known, carried.entries);
        assert_int_equal(taken.settled, 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(in_log(1), 1);
        assert_int_equal(in_log(4), 1);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
}

/* Receipts of a lost history may come first: then the exchange that tells of the loss takes them back. */
static void test_receipts_that_came_before_the_loss_was_known_are_taken_back(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct engine_bundle_taken taken;

        assert_int_equal(alert(&tablet, 3, &person, "before"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_keep(&rig, unit_path(state, "image.db"));
        assert_int_equal(alert(&tablet, 4, &person, "shown and lost"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        deliver(&carried);
        rig_reopen(&rig, unit_path(state, "image.db"));
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        rig.now_ms += 1000;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(in_log(1), 1);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
}

/* The store no longer knows that the device ever had anybody: what would come late is parked. */
static void forget_custody(void **state)
{
        const struct db_options options = {.durability = DB_FULL};
        CLEANUP(db_freep) struct db *db = NULL;

        assert_int_equal(db_open(unit_path(state, "store.db"), &options, &db), 0);
        assert_int_equal(db_exec(db, "DELETE FROM custody"), 0);
}

static void lose_person(void **state)
{
        rig_assign(&rig, 1, &person, &rig.team, false); /* the device does not know yet */
        forget_custody(state);
}

static void find_person_again(void)
{
        rig_assign(&rig, 1, &person, &rig.team, true);
        rig.now_ms += 8LL * 86400 * 1000;
        assert_int_equal(exchange_expire(rig.writer, rig.now_ms), 0);
}

/* What it knew of parked entries when it was made is not what it knows when it arrives. */
static void test_an_old_bundle_does_not_make_the_store_forget_what_it_owes(void **state)
{
        CLEANUP(carried_deinit) struct carried old = {0};
        struct engine_bundle_taken taken;

        assert_int_equal(alert(&tablet, 2, &person, "small dog"), 0);
        export_bundle(&old); /* knows of no parked entry */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        lose_person(state);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_PARKED);
        find_person_again();
        deliver(&old); /* the store has no parked entry of it either, now */
        assert_int_equal(take_back(&old, 0, &taken), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(state_of(&tablet, 1) != OUTCOME_PARKED);
}

/* "Parked" may be out of date when it comes back: the entry waits on, and whichever way is first brings its outcome. */
static void test_parked_is_not_taken_from_a_courier_and_the_outcome_still_comes(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct engine_bundle_taken taken;

        lose_person(state);
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        deliver(&carried);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_true(taken.parked > 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_NONE);
        find_person_again();
        deliver(&carried); /* the same bag, once more */
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(taken.parked, 0);
        assert_true(state_of(&tablet, 1) != OUTCOME_NONE);
        assert_true(state_of(&tablet, 1) != OUTCOME_PARKED);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
}

/* ---- what the store makes of it ---- */

static void test_a_revoked_devices_bundle_is_kept_and_refused(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct storage *writer = rig.test.writer;
        struct engine_bundle_taken taken;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        tablet.row.state = DEVICE_REVOKED;
        assert_int_equal(writer->ops->device_put(writer, &tablet.row), 0);
        deliver(&carried);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_QUARANTINED);
        assert_int_equal(in_log(1), 1);
}

static void test_a_stranger_and_another_store_take_nothing(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        CLEANUP(private_key_freep) struct private_key *other = NULL;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer back = BUFFER_INIT;
        struct private_key *own = rig.seal_key;
        struct wire_message message;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        assert_int_equal(private_key_generate(&other), 0);
        rig.seal_key = other;
        assert_int_equal(deliver_part(&carried, 0), PANNIER_E_NOT_FOUND);
        rig.seal_key = own;
        message = message_of(&carried.parts[0], &arena);
        message.bundle.device = test_id(3, 999); /* nobody */
        assert_int_equal(store_takes(&message.bundle, &back), PANNIER_E_CRYPTO);
        message.bundle.device = rig.test.device.id; /* somebody else */
        assert_int_equal(store_takes(&message.bundle, &back), PANNIER_E_CRYPTO);
        assert_int_equal(back.size, 0);
        assert_int_equal(in_log(1), 0);
        assert_int_equal(deliver_part(&carried, 0), 0);
        assert_int_equal(in_log(1), 1);
}

/* A request of /v1/sync, as the device would send it itself, in the bag of a courier: signed, and yet not the word of now. */
static void carry_request(struct bytes body, struct buffer *back)
{
        CLEANUP(bundle_sender_wipe) struct bundle_sender sender = {0};
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        uint8_t seed[HPKE_SEED_SIZE];
        struct uuid id = test_id(60, 1);
        struct wire_message message;

        crypto_random(seed, sizeof(seed));
        assert_int_equal(bundle_sender_init(&sender, &tablet.row.id, &id, rig.seal.point, seed), 0);
        assert_int_equal(bundle_put(&sender, tablet.key, 0, true, body, &part), 0);
        message = message_of(&part, &arena);
        assert_int_equal(store_takes(&message.bundle, back), 0);
}

static int held_class(void *context, const struct custody_row *row)
{
        if (uuid_equal(&row->person, &person))
                *(int *)context = row->held;
        return 0;
}

static int holds(void)
{
        struct storage *reader = rig.test.reader;
        int held = -1;

        assert_int_equal(reader->ops->custody_each(reader, &tablet.row.id, held_class, &held), 0);
        return held;
}

static void test_a_courier_cannot_confirm_that_somebody_was_erased(void **state)
{
        CLEANUP(buffer_deinit) struct buffer said = BUFFER_INIT, back = BUFFER_INIT;
        bool confirmed = false;

        (void)state;
        assert_true(holds() > 0);
        rig_assign(&rig, 1, &person, &rig.team, false);
        rig.now_ms += 1000;
        /* the exchange tells the device to let go, and a later request of it says that it did */
        for (int i = 0; i < 10 && !confirmed; i++) {
                struct engine_now now = station_now(&tablet);

                assert_int_equal(engine_exchange_request(tablet.engine, &now, &tablet.request), 0);
                confirmed = tablet.engine->session.confirmed;
                if (!confirmed) {
                        store_answers(&tablet, buffer_view(&tablet.request), &tablet.answer);
                        assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
                }
        }
        buffer_append(&said, buffer_view(&tablet.request));
        assert_true(confirmed);
        assert_true(holds() > 0);
        carry_request(buffer_view(&said), &back);
        assert_true(holds() > 0); /* not by a courier, who might bring it at any time */
        station_replay(&tablet, buffer_view(&said));
        assert_int_equal(holds(), 0);
}

static void test_what_the_operator_is_shown_of_a_device_is_not_what_a_courier_brings(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct storage *reader = rig.test.reader;
        struct device_report before = {0}, after = {0};
        struct device_row row;
        int64_t seen_ms;

        (void)state;
        assert_int_equal(alert(&tablet, 2, &person, "small dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(reader->ops->device_reported(reader, &tablet.row.id, &before) >= 0);
        assert_int_equal(reader->ops->device_get(reader, &tablet.row.id, &row), 1);
        seen_ms = row.seen_ms;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        rig.now_ms += INT64_C(3) * 24 * 3600 * 1000; /* days on the road */
        deliver(&carried);
        assert_true(reader->ops->device_reported(reader, &tablet.row.id, &after) >= 0);
        assert_int_equal(reader->ops->device_get(reader, &tablet.row.id, &row), 1);
        assert_int_equal(row.seen_ms, seen_ms);
        assert_memory_equal(&before, &after, sizeof(before));
}

static int keep_offset(void *context, const struct log_row *row)
{
        struct uuid id = new_id(1);

        if (uuid_equal(&row->id, &id))
                *(int64_t *)context = row->clock_offset_ms;
        return 0;
}

/* Three days on the road are no fault of the device's clock. */
static void test_the_way_of_a_bundle_does_not_shift_the_time_of_a_visit(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct storage *reader = rig.test.reader;
        int64_t offset_ms = -1;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        rig.now_ms += INT64_C(3) * 24 * 3600 * 1000;
        deliver(&carried);
        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(
                reader->ops->log_each(reader, &rig.test.locality, 1, keep_offset, &offset_ms), 0);
        reader->ops->rollback(reader);
        assert_true(offset_ms >= -1000 && offset_ms <= 1000 && offset_ms != -1);
}

static int count_again(void *context, const struct incarnation_row *row)
{
        *(size_t *)context += row->again_ms != 0;
        return 0;
}

/* The outbox went on under another name while the bundle was on the road. */
static void test_a_bundle_of_a_life_that_is_over_is_taken_and_is_no_incident(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct storage *reader = rig.test.reader;
        struct engine_bundle_taken taken;
        size_t again = 0;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &person, "large dog"), 0);
        export_bundle(&carried);
        assert_int_equal(outbox_draw(tablet.engine->outbox, rig.now_ms, "a test"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        deliver(&carried);
        assert_int_equal(take_back(&carried, 0, &taken), 0);
        assert_int_equal(taken.known, carried.entries);
        assert_int_equal(alert(&tablet, 2, &person, "small dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(reader->ops->incarnations(reader, NULL, count_again, &again), 0);
        assert_int_equal(again, 0);
}

/* A store of before had no seal key: nothing leaves in clear, and the first exchange with a newer one brings it. */
static void test_without_a_seal_key_nothing_is_exported_until_an_exchange_brings_it(void **state)
{
        CLEANUP(carried_deinit) struct carried carried = {0};
        struct wire_trust newer = rig.settings.trust;
        struct engine_now now;
        struct station young;
        struct uuid id, entry = new_id(50);

        rig.settings.trust.version = 1;
        rig.settings.trust.seal_keys_count = 0;
        station_open(&young, &rig, 3, state, &rig.team);
        assert_int_equal(station_sync(&young), EXCHANGE_DONE);
        assert_int_equal(station_create(&young, &rig.nurse, &entry, "alert", &person,
                                        (struct field_text[]){{"category", "dog", NULL, 0},
                                                              {"text", "large", NULL, 0}},
                                        2),
                         0);
        now = station_now(&young);
        assert_int_equal(engine_bundle_begin(young.engine, &now, &id), PANNIER_E_INVALID);
        station_stop(&young);
        station_start(&young); /* as it was kept */
        assert_int_equal(engine_bundle_begin(young.engine, &now, &id), PANNIER_E_INVALID);
        rig.settings.trust = newer;
        rig.seal.signature[5] ^= 1; /* somebody else's key in the store's place */
        assert_int_equal(station_sync(&young), EXCHANGE_STOP);
        assert_int_equal(engine_bundle_begin(young.engine, &now, &id), PANNIER_E_INVALID);
        rig.seal.signature[5] ^= 1;
        assert_int_equal(station_sync(&young), EXCHANGE_DONE);
        assert_int_equal(station_create(&young, &rig.nurse, &(struct uuid){{7}}, "alert", &person,
                                        (struct field_text[]){{"category", "dog", NULL, 0},
                                                              {"text", "small", NULL, 0}},
                                        2),
                         0);
        assert_int_equal(engine_bundle_begin(young.engine, &now, &id), 0);
        station_stop(&young);
        station_start(&young);
        assert_int_equal(engine_bundle_begin(young.engine, &now, &id), 0);
        station_close(&young);
}

#define BED(test) cmocka_unit_test_setup_teardown(test, setup, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                BED(test_what_was_carried_is_settled_by_the_receipts_that_come_back),
                BED(test_receipts_are_kept_over_a_restart),
                BED(test_twice_by_two_ways_is_once),
                BED(test_parts_in_disorder_and_parts_that_are_lost_do_no_harm),
                BED(test_a_bundle_that_is_not_finished_is_forgotten_by_the_next),
                BED(test_receipts_are_taken_by_the_device_that_they_are_for),
                BED(test_receipts_of_a_history_that_the_store_lost_settle_nothing),
                BED(test_receipts_that_came_before_the_loss_was_known_are_taken_back),
                BED(test_an_old_bundle_does_not_make_the_store_forget_what_it_owes),
                BED(test_parked_is_not_taken_from_a_courier_and_the_outcome_still_comes),
                BED(test_a_revoked_devices_bundle_is_kept_and_refused),
                BED(test_a_stranger_and_another_store_take_nothing),
                BED(test_a_courier_cannot_confirm_that_somebody_was_erased),
                BED(test_what_the_operator_is_shown_of_a_device_is_not_what_a_courier_brings),
                BED(test_the_way_of_a_bundle_does_not_shift_the_time_of_a_visit),
                BED(test_without_a_seal_key_nothing_is_exported_until_an_exchange_brings_it),
                BED(test_a_bundle_of_a_life_that_is_over_is_taken_and_is_no_incident),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
