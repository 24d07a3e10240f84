/*
 * What every implementation of store/storage.h has to do; run here on SQLite. A second implementation gets a second
 * opener and the same tests.
 */
#include "common/error.h"
#include "store/log.h"
#include "store/receipts.h"
#include "tests/unit/store_support.h"
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <string.h>

static struct store_test test;

static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        store_test_open(&test, unit_path(state, "store.db"));
        return 0;
}

static int tear_down(void **state)
{
        store_test_close(&test);
        return unit_folder_remove(state);
}

static const struct storage_ops *ops(void)
{
        return test.writer->ops;
}

static struct log_row sample_row(uint32_t number)
{
        struct log_row row = {
                .locality = test.locality,
                .received_ms = 1000 + number,
                .clock_offset_ms = -5,
                .catalogue_version = 1,
                .id = test_id(20, number),
                .device = test.device.id,
                .incarnation = test_id(21, 1),
                .lane = 1,
                .seq = number,
                .record = test_id(22, number),
                .person = test_id(23, number),
                .chain_root = test_id(20, number),
                .outcome = OUTCOME_APPLIED,
                .header = bytes_text("header"),
                .body = bytes_text("body"),
                .effects = bytes_text("\x82\x80\x80"),
        };

        entry_body_hash(row.body, row.body_hash);
        return row;
}

static void append(uint32_t number)
{
        struct log_row row = sample_row(number);

        assert_int_equal(log_append(test.writer, &row), 0);
}

/* ---- transactions and positions ---- */

static uint64_t position_seen(void)
{
        uint64_t position;

        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        position = test.reader->ops->locality(test.reader, &test.locality)->position;
        assert_int_equal(test.reader->ops->commit(test.reader), 0);
        return position;
}

static void test_a_commit_uses_one_position_whatever_is_in_it(void **state)
{
        (void)state;
        store_begin(&test);
        assert_int_equal(ops()->locality(test.writer, &test.locality)->position, 1);
        append(1);
        append(2);
        store_commit(&test);
        assert_int_equal(position_seen(), 1);
        store_begin(&test);
        append(3);
        store_commit(&test);
        assert_int_equal(position_seen(), 2);
}

static void test_a_commit_that_changed_nothing_uses_no_position(void **state)
{
        (void)state;
        store_begin(&test);
        store_commit(&test);
        assert_int_equal(position_seen(), 0);
}

static void test_what_is_rolled_back_never_was(void **state)
{
        (void)state;
        store_begin(&test);
        append(1);
        ops()->rollback(test.writer);
        assert_int_equal(position_seen(), 0);
        store_begin(&test);
        assert_int_equal(ops()->locality(test.writer, &test.locality)->number, 0);
        append(1);
        store_commit(&test);
        assert_int_equal(position_seen(), 1);
}

static void test_a_savepoint_takes_counters_and_chain_back_too(void **state)
{
        struct storage_locality before, after;

        (void)state;
        store_begin(&test);
        append(1);
        before = *ops()->locality(test.writer, &test.locality);
        assert_int_equal(ops()->savepoint(test.writer), 0);
        append(2);
        assert_int_equal(ops()->savepoint_back(test.writer), 0);
        after = *ops()->locality(test.writer, &test.locality);
        assert_memory_equal(&before, &after, sizeof(before));
        assert_int_equal(ops()->savepoint(test.writer), 0);
        append(3);
        assert_int_equal(ops()->savepoint_keep(test.writer), 0);
        store_commit(&test);
        store_begin(&test);
        assert_int_equal(ops()->locality(test.writer, &test.locality)->number, 2);
        ops()->rollback(test.writer);
}

static void test_a_snapshot_does_not_move_while_others_commit(void **state)
{
        (void)state;
        store_begin(&test);
        append(1);
        store_commit(&test);
        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        store_begin(&test);
        append(2);
        store_commit(&test);
        assert_int_equal(test.reader->ops->locality(test.reader, &test.locality)->position, 1);
        assert_int_equal(test.reader->ops->commit(test.reader), 0);
        assert_int_equal(position_seen(), 2);
}

static void test_use_in_the_wrong_state_is_an_error_and_harmless(void **state)
{
        struct log_row row = sample_row(1);
        const struct uuid elsewhere = test_id(1, 99);
        const struct uuid wrong_order[] = {test_id(1, 2), test_id(1, 1)};

        (void)state;
        assert_int_equal(ops()->log_append(test.writer, &row), PANNIER_E_INTERNAL);
        assert_int_equal(ops()->commit(test.writer), PANNIER_E_INTERNAL);
        assert_int_equal(ops()->begin(test.writer, &elsewhere, 1), PANNIER_E_NOT_FOUND);
        assert_int_equal(test.reader->ops->begin(test.reader, &test.locality, 1),
                         PANNIER_E_INTERNAL);
        assert_int_equal(ops()->locality_add(test.writer, &wrong_order[0], &test.epoch_id, 0), 0);
        assert_int_equal(ops()->begin(test.writer, wrong_order, 2), PANNIER_E_INTERNAL);
        assert_int_equal(ops()->locality_add(test.writer, &test.locality, &test.epoch_id, 0),
                         PANNIER_E_TAKEN);
        store_begin(&test);
        assert_int_equal(ops()->begin(test.writer, &test.locality, 1), PANNIER_E_INTERNAL);
        store_commit(&test);
}

static void test_localities_have_positions_and_logs_of_their_own(void **state)
{
        struct uuid both[] = {test_id(1, 1), test_id(1, 2)};
        struct log_row row = sample_row(1);

        (void)state;
        assert_int_equal(ops()->locality_add(test.writer, &both[1], &test.epoch_id, 0), 0);
        store_begin(&test);
        append(1);
        store_commit(&test);
        assert_int_equal(ops()->begin(test.writer, both, 2), 0);
        row.locality = both[1];
        row.id = test_id(20, 9);
        assert_int_equal(log_append(test.writer, &row), 0);
        assert_int_equal(row.number, 1);
        assert_int_equal(row.position, 1);
        store_commit(&test);
        assert_int_equal(position_seen(), 1);
}

/* ---- log ---- */

static int check_row(void *context, const struct log_row *row)
{
        struct log_row *last = context;
        uint8_t chain[HASH_SIZE];

        assert_int_equal(row->number, last->number + 1);
        assert_int_equal(log_chain(last->chain, row, chain), 0);
        assert_memory_equal(chain, row->chain, HASH_SIZE);
        *last = *row;
        return 0;
}

static void test_the_log_gives_back_what_was_put_in_and_its_chain_holds(void **state)
{
        struct log_row last = {0};

        (void)state;
        store_begin(&test);
        for (uint32_t i = 1; i <= 50; i++)
                append(i);
        store_commit(&test);
        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        assert_int_equal(
                test.reader->ops->log_each(test.reader, &test.locality, 1, check_row, &last), 0);
        assert_int_equal(last.number, 50);
        assert_memory_equal(last.chain,
                            test.reader->ops->locality(test.reader, &test.locality)->head,
                            HASH_SIZE);
        assert_int_equal(test.reader->ops->commit(test.reader), 0);
}

static void test_a_change_of_any_member_of_a_row_changes_its_chain(void **state)
{
        const uint8_t previous[HASH_SIZE] = {7};
        uint8_t plain[HASH_SIZE], changed[HASH_SIZE];
        struct log_row row = sample_row(1);

        (void)state;
        assert_int_equal(log_chain(previous, &row, plain), 0);
#define CHANGES(member)                                                                            \
        do {                                                                                       \
                struct log_row other = row;                                                        \
                *(uint8_t *)&other.member ^= 1;                                                    \
                assert_int_equal(log_chain(previous, &other, changed), 0);                         \
                assert_memory_not_equal(plain, changed, HASH_SIZE);                                \
        } while (0)
        CHANGES(locality);
        CHANGES(number);
        CHANGES(epoch);
        CHANGES(position);
        CHANGES(received_ms);
        CHANGES(clock_offset_ms);
        CHANGES(catalogue_version);
        CHANGES(id);
        CHANGES(device);
        CHANGES(incarnation);
        CHANGES(lane);
        CHANGES(seq);
        CHANGES(record);
        CHANGES(person);
        CHANGES(previous);
        CHANGES(chain_root);
        CHANGES(outcome);
        CHANGES(reason);
        CHANGES(body_hash);
#undef CHANGES
        row.header = bytes_text("headeR");
        assert_int_equal(log_chain(previous, &row, changed), 0);
        assert_memory_not_equal(plain, changed, HASH_SIZE);
}

static void test_an_entry_is_found_by_id_device_and_hash(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct log_row row = sample_row(1), found, whole;
        struct uuid other_device = test_id(3, 2);
        uint8_t other_hash[HASH_SIZE] = {1};

        (void)state;
        row.reason = 3;
        row.previous = test_id(20, 7);
        row.chain_root = test_id(20, 5);
        store_begin(&test);
        assert_int_equal(log_append(test.writer, &row), 0);
        assert_int_equal(ops()->log_find(test.writer, &test.locality, &row.id, &row.device,
                                         row.body_hash, &arena, &found),
                         FOUND_SAME);
        assert_memory_equal(&found.chain_root, &row.chain_root, sizeof(row.chain_root));
        assert_memory_equal(found.chain, row.chain, HASH_SIZE);
        assert_int_equal(found.body.size, 0);
        assert_int_equal(found.reason, 3);
        assert_int_equal(ops()->log_get(test.writer, &test.locality, found.number, &arena, &whole),
                         1);
        assert_bytes(whole.header, row.header);
        assert_bytes(whole.body, row.body);
        assert_int_equal(ops()->log_get(test.writer, &test.locality, 99, &arena, &whole), 0);
        assert_int_equal(ops()->log_find(test.writer, &test.locality, &row.id, &other_device,
                                         row.body_hash, &arena, &found),
                         FOUND_OTHER);
        assert_int_equal(ops()->log_find(test.writer, &test.locality, &row.id, &row.device,
                                         other_hash, &arena, &found),
                         FOUND_OTHER);
        assert_int_equal(ops()->log_find(test.writer, &test.locality, &other_device, &row.device,
                                         row.body_hash, &arena, &found),
                         FOUND_NONE);
        /* What was quarantined as "id taken" is found by its own device and hash, too. */
        row = sample_row(1);
        row.device = other_device;
        row.outcome = OUTCOME_QUARANTINED;
        assert_int_equal(log_append(test.writer, &row), 0);
        assert_int_equal(ops()->log_find(test.writer, &test.locality, &row.id, &other_device,
                                         row.body_hash, &arena, &found),
                         FOUND_SAME);
        assert_int_equal(found.outcome, OUTCOME_QUARANTINED);
        store_commit(&test);
}

static void test_receipts_come_back_from_rows_as_they_were(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer effects = BUFFER_INIT;
        const struct wire_effect effect[] = {{3, EFFECT_HELD}, {7, EFFECT_SUPERSEDED}};
        const struct uuid conflict = test_id(30, 1);
        struct wire_receipt receipt = {.effects = effect,
                                       .effects_count = 2,
                                       .conflicts = &conflict,
                                       .conflicts_count = 1};
        struct wire_receipt back;
        struct log_row row = sample_row(1);

        (void)state;
        receipt_effects_encode(&receipt, &effects);
        row.effects = buffer_view(&effects);
        row.outcome = OUTCOME_HELD;
        row.position = 9;
        assert_int_equal(receipt_from_row(&row, &arena, &back), 0);
        assert_int_equal(back.position, 9);
        assert_int_equal(back.effects_count, 2);
        assert_int_equal(back.effects[1].field, 7);
        assert_int_equal(back.effects[1].effect, EFFECT_SUPERSEDED);
        assert_true(uuid_equal(&back.conflicts[0], &conflict));
        assert_memory_equal(back.body_hash, row.body_hash, HASH_SIZE);
        row.outcome = OUTCOME_QUARANTINED;
        assert_int_equal(receipt_from_row(&row, &arena, &back), 0);
        assert_int_equal(back.position, 0);
        row.effects = bytes_text("\x82\x80");
        assert_int_equal(receipt_from_row(&row, &arena, &back), PANNIER_E_CORRUPT);
}

/* ---- parked ---- */

static struct parked_row sample_parked(uint32_t number, enum parked_wait wait)
{
        struct parked_row row = {
                .locality = test.locality,
                .id = test_id(40, number),
                .device = test.device.id,
                .incarnation = test_id(21, 1),
                .lane = 1,
                .seq = 100 - number,
                .wait = wait,
                .wait_id = test_id(41, 1),
                .received_ms = number,
                .header = bytes_text("header"),
                .body = bytes_text("body"),
        };

        entry_body_hash(row.body, row.body_hash);
        return row;
}

struct parked_seen {
        uint32_t numbers[16];
        size_t count;
};

static int see_parked(void *context, const struct parked_row *row)
{
        struct parked_seen *seen = context;

        assert_true(seen->count < COUNT(seen->numbers));
        seen->numbers[seen->count++] = row->id.bytes[15];
        assert_bytes(row->header, bytes_text("header"));
        return 0;
}

static int count_row(void *context, const struct log_row *row)
{
        size_t *count = context;

        (void)row;
        (*count)++;
        return 0;
}

static void test_parked_entries_are_found_by_what_they_wait_for_and_by_age(void **state)
{
        struct parked_seen seen = {0};
        struct parked_row row;
        struct uuid waited = test_id(41, 1);

        (void)state;
        store_begin(&test);
        for (uint32_t i = 1; i <= 3; i++) {
                row = sample_parked(i, i == 3 ? WAIT_PERSON : WAIT_RECORD);
                assert_int_equal(ops()->parked_put(test.writer, &row), 0);
        }
        assert_int_equal(ops()->parked_waiting(test.writer, &test.locality, WAIT_RECORD, &waited,
                                               see_parked, &seen),
                         0);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.numbers[0], 2); /* in the order of the lane */
        assert_int_equal(seen.numbers[1], 1);
        seen.count = 0;
        assert_int_equal(ops()->parked_older(test.writer, &test.locality, 3, see_parked, &seen), 0);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.numbers[0], 1);
        store_commit(&test);
}

static void test_a_receipt_is_owed_from_the_judgement_of_a_parked_entry_until_it_is_known(
        void **state)
{
        struct parked_seen seen = {0};
        struct parked_row row = sample_parked(5, WAIT_RECORD);
        struct log_row judged = sample_row(1);
        const struct uuid other = test_id(50, 99);
        size_t count = 0;

        (void)state;
        store_begin(&test);
        assert_int_equal(ops()->parked_put(test.writer, &row), 0);
        assert_int_equal(ops()->parked_of(test.writer, &test.device.id, see_parked, &seen), 0);
        assert_int_equal(seen.count, 1);
        judged.id = row.id;
        assert_int_equal(log_append(test.writer, &judged), 0);
        assert_int_equal(ops()->parked_remove(test.writer, &test.locality, &row.id, &row.device),
                         0);
        seen.count = 0;
        assert_int_equal(ops()->parked_of(test.writer, &test.device.id, see_parked, &seen), 0);
        assert_int_equal(seen.count, 0);
        assert_int_equal(ops()->settled_of(test.writer, &test.device.id, count_row, &count), 0);
        assert_int_equal(count, 1);
        assert_int_equal(ops()->settled_clear(test.writer, &test.device.id, &other, 1), 0);
        assert_int_equal(ops()->settled_of(test.writer, &test.device.id, count_row, &count), 0);
        assert_int_equal(count, 2);
        assert_int_equal(ops()->settled_clear(test.writer, &test.device.id, &row.id, 1), 0);
        assert_int_equal(ops()->settled_of(test.writer, &test.device.id, count_row, &count), 0);
        assert_int_equal(count, 2);
        store_commit(&test);
}

/* ---- lanes ---- */

static void test_lanes_and_gaps_are_kept_per_incarnation(void **state)
{
        struct uuid incarnation = test_id(21, 1), other = test_id(21, 2);
        struct lane_row lane = {
                .device = test.device.id, .incarnation = incarnation, .lane = 2, .next_seq = 7};
        const struct gap_row gap = {.device = test.device.id,
                                    .incarnation = incarnation,
                                    .lane = 2,
                                    .from_seq = 3,
                                    .to_seq = 5};
        struct lane_row back;

        (void)state;
        store_begin(&test);
        assert_int_equal(ops()->lane_get(test.writer, &test.device.id, &incarnation, 2, &back), 0);
        assert_int_equal(ops()->lane_put(test.writer, &lane), 0);
        assert_int_equal(ops()->lane_get(test.writer, &test.device.id, &incarnation, 2, &back), 1);
        assert_false(back.head_known);
        lane.head_known = true;
        lane.head[31] = 9;
        lane.forked = true;
        assert_int_equal(ops()->lane_put(test.writer, &lane), 0);
        assert_int_equal(ops()->lane_get(test.writer, &test.device.id, &incarnation, 2, &back), 1);
        assert_true(back.head_known && back.forked);
        assert_int_equal(back.next_seq, 7);
        assert_memory_equal(back.head, lane.head, sizeof(lane.head));
        assert_memory_equal(back.signature, lane.signature, sizeof(lane.signature));
        assert_int_equal(ops()->lane_get(test.writer, &test.device.id, &other, 2, &back), 0);
        assert_int_equal(ops()->gap_put(test.writer, &gap), 0);
        for (uint64_t seq = 1; seq <= 7; seq++)
                assert_int_equal(
                        ops()->gap_covers(test.writer, &test.device.id, &incarnation, 2, seq),
                        seq >= 3 && seq <= 5);
        store_commit(&test);
}

/* ---- devices, custody, conflicts ---- */

static int take_scope(void *context, const struct scope *scope)
{
        struct scope *ret = context;

        *ret = *scope;
        return 1;
}

/* Field by field: what lies between them is nobody's. */
static void assert_same_device(const struct device_row *have, const struct device_row *want)
{
        assert_true(uuid_equal(&have->id, &want->id));
        assert_true(uuid_equal(&have->locality, &want->locality));
        assert_string_equal(have->name, want->name);
        assert_int_equal(have->state, want->state);
        assert_int_equal(have->ceiling, want->ceiling);
        assert_memory_equal(have->public_key, want->public_key, sizeof(want->public_key));
        assert_memory_equal(have->certificate, want->certificate, sizeof(want->certificate));
        assert_int_equal(have->not_after_ms, want->not_after_ms);
        assert_int_equal(have->created_ms, want->created_ms);
        assert_int_equal(have->enrolled_ms, want->enrolled_ms);
        assert_int_equal(have->seen_ms, want->seen_ms);
        assert_int_equal(have->lost_ms, want->lost_ms);
}

static void test_devices_keep_what_they_reported_when_their_row_is_written_again(void **state)
{
        const struct device_report report = {.waiting = 3, .clock_offset_ms = -9};
        const struct scope scope = {SCOPE_TEAM, test_id(5, 1)};
        struct device_row row = test.device, back;
        struct scope granted;

        (void)state;
        assert_int_equal(ops()->device_report(test.writer, &row.id, 77, &report), 0);
        row.public_key[0] = 4;
        row.certificate[3] = 1;
        row.seen_ms = 5;
        assert_int_equal(ops()->device_put(test.writer, &row), 0);
        assert_int_equal(test.reader->ops->device_get(test.reader, &row.id, &back), 1);
        assert_int_equal(back.seen_ms, 77);
        back.seen_ms = 5;
        assert_same_device(&back, &row);
        assert_int_equal(ops()->grant_put(test.writer, &row.id, &scope), 0);
        assert_int_equal(ops()->grant_put(test.writer, &row.id, &scope), 0);
        assert_int_equal(ops()->grants_of(test.writer, &row.id, take_scope, &granted), 1);
        assert_true(scope_equal(&granted, &scope));
        assert_int_equal(ops()->grant_remove(test.writer, &row.id, &scope), 0);
        assert_int_equal(ops()->grants_of(test.writer, &row.id, take_scope, &granted), 0);
}

static void test_an_enrolment_code_remembers_the_key_that_used_it(void **state)
{
        const uint8_t hash[HASH_SIZE] = {1, 2, 3};
        const uint8_t point[PUBLIC_KEY_SIZE] = {4, 5, 6};
        uint8_t back[PUBLIC_KEY_SIZE];
        struct uuid device;
        int64_t expires_ms;

        (void)state;
        assert_int_equal(ops()->code_get(test.writer, hash, &device, &expires_ms, back), 0);
        assert_int_equal(ops()->code_put(test.writer, hash, &test.device.id, 99), 0);
        assert_int_equal(ops()->code_get(test.writer, hash, &device, &expires_ms, back), 1);
        assert_int_equal(expires_ms, 99);
        assert_int_equal(back[0], 0);
        assert_int_equal(ops()->code_use(test.writer, hash, point), 0);
        assert_int_equal(ops()->code_get(test.writer, hash, &device, &expires_ms, back), 1);
        assert_memory_equal(back, point, sizeof(point));
        assert_int_equal(ops()->code_burn(test.writer, &test.device.id), 0);
        assert_int_equal(ops()->code_get(test.writer, hash, &device, &expires_ms, back), 0);
}

static void test_custody_begins_with_the_first_sending_and_keeps_the_newest_position(void **state)
{
        struct custody_row row = {.locality = test.locality,
                                  .device = test.device.id,
                                  .person = test_id(6, 1),
                                  .since_ms = 100,
                                  .position = 5};
        struct custody_row back;

        (void)state;
        assert_int_equal(ops()->custody_sent(test.writer, &row, 1), PANNIER_E_INTERNAL);
        store_begin(&test);
        assert_int_equal(ops()->custody_sent(test.writer, &row, 1), 0);
        row.since_ms = 200;
        row.position = 3;
        assert_int_equal(ops()->custody_sent(test.writer, &row, 1), 0);
        row.position = 8;
        assert_int_equal(ops()->custody_sent(test.writer, &row, 1), 0);
        store_commit(&test);
        assert_int_equal(ops()->custody_get(test.writer, &row.device, &row.person, &back), 1);
        assert_int_equal(back.since_ms, 100);
        assert_int_equal(back.position, 8);
        assert_true(uuid_equal(&back.locality, &test.locality));
        assert_int_equal(ops()->custody_get(test.writer, &row.person, &row.person, &back), 0);
}

static void test_an_open_conflict_is_found_until_it_is_closed(void **state)
{
        const struct open_conflict conflict = {test.locality, test_id(7, 1), 258, test_id(8, 1)};
        struct uuid found;

        (void)state;
        store_begin(&test);
        assert_int_equal(ops()->conflict_open(test.writer, &conflict), 0);
        assert_int_equal(
                ops()->conflict_find(test.writer, &test.locality, &conflict.record, 258, &found),
                1);
        assert_true(uuid_equal(&found, &conflict.conflict));
        assert_int_equal(
                ops()->conflict_find(test.writer, &test.locality, &conflict.record, 2, &found), 0);
        assert_int_equal(ops()->conflict_close(test.writer, &test.locality, &found), 0);
        assert_int_equal(
                ops()->conflict_find(test.writer, &test.locality, &conflict.record, 258, &found),
                0);
        store_commit(&test);
}

static void test_figures_count_what_is_there(void **state)
{
        struct uuid person = test_id(6, 1), alert = test_id(9, 1);
        struct storage_counts counts;

        (void)state;
        store_begin(&test);
        store_put(&test, "person", &person, &person, "Ada");
        store_put(&test, "alert", &alert, &person, "dog");
        append(1);
        store_commit(&test);
        assert_int_equal(test.reader->ops->counts(test.reader, &test.locality, &counts), 0);
        assert_int_equal(counts.people, 1);
        assert_int_equal(counts.records, 2);
        assert_int_equal(counts.entries, 1);
        assert_int_equal(counts.outcomes[OUTCOME_APPLIED], 1);
        assert_int_equal(counts.devices, 1);
}

static void test_a_database_of_a_newer_store_is_left_alone(void **state)
{
        struct storage *storage = NULL;
        sqlite3 *handle;

        store_test_close(&test);
        assert_int_equal(sqlite3_open(unit_path(state, "store.db"), &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, "PRAGMA user_version = 1000", NULL, NULL, NULL),
                         SQLITE_OK);
        (void)sqlite3_close(handle);
        assert_int_equal(storage_sqlite_open(unit_path(state, "store.db"), false, &storage),
                         PANNIER_E_TOO_NEW);
        assert_null(storage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_commit_uses_one_position_whatever_is_in_it),
                TEST(test_a_commit_that_changed_nothing_uses_no_position),
                TEST(test_what_is_rolled_back_never_was),
                TEST(test_a_savepoint_takes_counters_and_chain_back_too),
                TEST(test_a_snapshot_does_not_move_while_others_commit),
                TEST(test_use_in_the_wrong_state_is_an_error_and_harmless),
                TEST(test_localities_have_positions_and_logs_of_their_own),
                TEST(test_the_log_gives_back_what_was_put_in_and_its_chain_holds),
                TEST(test_a_change_of_any_member_of_a_row_changes_its_chain),
                TEST(test_an_entry_is_found_by_id_device_and_hash),
                TEST(test_receipts_come_back_from_rows_as_they_were),
                TEST(test_parked_entries_are_found_by_what_they_wait_for_and_by_age),
                TEST(test_a_receipt_is_owed_from_the_judgement_of_a_parked_entry_until_it_is_known),
                TEST(test_lanes_and_gaps_are_kept_per_incarnation),
                TEST(test_devices_keep_what_they_reported_when_their_row_is_written_again),
                TEST(test_an_enrolment_code_remembers_the_key_that_used_it),
                TEST(test_custody_begins_with_the_first_sending_and_keeps_the_newest_position),
                TEST(test_an_open_conflict_is_found_until_it_is_closed),
                TEST(test_figures_count_what_is_there),
                TEST(test_a_database_of_a_newer_store_is_left_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
