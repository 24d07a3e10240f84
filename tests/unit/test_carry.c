/* The bag of a courier: bounded, durable, and nothing in it pushes out what is true. */
#include "common/error.h"
#include "daemon/carry.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct uuid tablet = {{1}}, other = {{2}}, bundle = {{9}};

static void put_part(const struct uuid *device, uint32_t part, const char *sealed, size_t size,
                     struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer filled = BUFFER_INIT;
        struct wire_bundle message = {
                .device = *device, .bundle = bundle, .part = part, .last = true};

        assert_non_null(buffer_reserve(&filled, size + 1));
        memset(filled.data, sealed[0], size);
        filled.size = size;
        message.key[0] = message.encapsulated[0] = 4;
        message.sealed = buffer_view(&filled);
        buffer_reset(out);
        wire_put_bundle(&message, out);
}

static void put_receipts(const struct uuid *device, uint32_t part, struct buffer *out)
{
        struct wire_bundle_receipts message = {.device = *device,
                                               .bundle = bundle,
                                               .part = part,
                                               .nonce = {1},
                                               .sealed = bytes_text("sealed")};

        buffer_reset(out);
        wire_put_bundle_receipts(&message, out);
}

static struct carry *open_bag(void *const *state)
{
        struct carry *carry = NULL;

        assert_int_equal(carry_new(unit_path(state, "bag"), &carry), 0);
        return carry;
}

static size_t count(struct carry *carry, enum carry_kind kind)
{
        struct carry_counts counts;

        carry_count(carry, &counts);
        return counts.count[kind];
}

static void test_parts_go_up_in_order_and_come_back_as_receipts(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT, out = BUFFER_INIT;
        struct carry_item item;

        for (uint32_t part = 3; part-- > 0;) {
                put_part(&tablet, part, "s", 10, &message);
                assert_int_equal(carry_put(carry, buffer_view(&message)), 0);
                assert_int_equal(carry_put(carry, buffer_view(&message)), 0); /* again: no matter */
        }
        carry = carry_free(carry);
        carry = open_bag(state); /* what was taken is there after a restart */
        for (uint32_t part = 0; part < 3; part++) {
                assert_int_equal(carry_next(carry, &item, &out), 1);
                assert_int_equal(item.part, part);
                put_receipts(&other, part, &message);
                assert_int_equal(carry_answered(carry, &item, buffer_view(&message)),
                                 PANNIER_E_MALFORMED);
                put_receipts(&tablet, part, &message);
                assert_int_equal(carry_answered(carry, &item, buffer_view(&message)), 0);
        }
        assert_int_equal(carry_next(carry, &item, &out), 0);
        assert_int_equal(count(carry, CARRY_BACK), 3);
}

static int keep_name(void *context, const struct carry_item *item)
{
        (void)snprintf(context, CARRY_NAME_SIZE, "%s", item->name);
        return 1;
}

static void test_receipts_are_read_by_their_name_and_nothing_else_is(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT, out = BUFFER_INIT;
        char name[CARRY_NAME_SIZE], up[CARRY_NAME_SIZE];
        struct carry_item item;

        put_part(&tablet, 0, "s", 10, &message);
        assert_int_equal(carry_put(carry, buffer_view(&message)), 0);
        assert_int_equal(carry_next(carry, &item, &out), 1);
        (void)snprintf(up, sizeof(up), "%s", item.name);
        assert_int_equal(carry_read(carry, up, &out), PANNIER_E_NOT_FOUND);
        put_receipts(&tablet, 0, &message);
        assert_int_equal(carry_answered(carry, &item, buffer_view(&message)), 0);
        assert_int_equal(carry_each(carry, CARRY_BACK, keep_name, name), 1);
        buffer_reset(&out);
        assert_int_equal(carry_read(carry, name, &out), 0);
        assert_bytes(buffer_view(&out), buffer_view(&message));
        assert_int_equal(carry_read(carry, "../outbox.db", &out), PANNIER_E_NOT_FOUND);
        assert_int_equal(carry_read(carry, "", &out), PANNIER_E_NOT_FOUND);
        name[strlen(name) - 20] ^= 1;
        assert_int_equal(carry_read(carry, name, &out), PANNIER_E_NOT_FOUND);
}

static void test_a_forged_part_of_the_same_name_does_not_push_out_the_true_one(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer good = BUFFER_INIT, bad = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct carry_item item;
        bool found = false;

        put_part(&tablet, 0, "g", 10, &good);
        put_part(&tablet, 0, "b", 10, &bad);
        assert_int_equal(carry_put(carry, buffer_view(&good)), 0);
        assert_int_equal(carry_put(carry, buffer_view(&bad)), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(carry_next(carry, &item, &out), 1);
                found = found || bytes_equal(buffer_view(&out), buffer_view(&good));
                assert_int_equal(carry_refused(carry, &item), 0);
        }
        assert_true(found);
        assert_int_equal(carry_next(carry, &item, &out), 0);
        assert_int_equal(count(carry, CARRY_REFUSED), 2);
}

static void test_one_device_fills_its_share_and_no_more(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        uint32_t part = 0;
        int r;

        do {
                put_part(&tablet, part++, "s", 1000000, &message);
                r = carry_put(carry, buffer_view(&message));
        } while (r == 0);
        assert_int_equal(r, PANNIER_E_LIMIT);
        assert_int_equal(count(carry, CARRY_UP), CARRY_DEVICE_MAX / (1000000 + 200));
        put_part(&other, 0, "s", 10, &message);
        assert_int_equal(carry_put(carry, buffer_view(&message)), 0);
}

static void test_what_is_no_part_is_not_taken_and_other_files_are_let_alone(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT, out = BUFFER_INIT;
        struct carry_item item;
        FILE *file;

        assert_int_equal(carry_put(carry, bytes_text("rubbish")), PANNIER_E_MALFORMED);
        assert_int_equal(carry_put(carry, BYTES_NONE), PANNIER_E_MALFORMED);
        put_receipts(&tablet, 0, &message);
        assert_int_equal(carry_put(carry, buffer_view(&message)), PANNIER_E_MALFORMED);
        put_part(&tablet, 0, "s", 10, &message);
        buffer_append_byte(&message, 0);
        assert_int_equal(carry_put(carry, buffer_view(&message)), PANNIER_E_MALFORMED);
        file = fopen(unit_path(state, "bag/up-something"), "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(carry_next(carry, &item, &out), 0);
        carry_tidy(carry, INT64_MAX);
        assert_int_equal(access(unit_path(state, "bag/up-something"), F_OK), 0);
}

static void test_what_was_kept_long_enough_goes_and_what_is_on_its_way_up_stays(void **state)
{
        CLEANUP(carry_freep) struct carry *carry = open_bag(state);
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT, out = BUFFER_INIT;
        struct carry_item item;

        for (uint32_t part = 0; part < 3; part++) {
                put_part(&tablet, part, "s", 10, &message);
                assert_int_equal(carry_put(carry, buffer_view(&message)), 0);
        }
        assert_int_equal(carry_next(carry, &item, &out), 1);
        put_receipts(&tablet, 0, &message);
        assert_int_equal(carry_answered(carry, &item, buffer_view(&message)), 0);
        assert_int_equal(carry_next(carry, &item, &out), 1);
        assert_int_equal(carry_refused(carry, &item), 0);
        carry_tidy(carry, item.taken_ms + 1000);
        assert_int_equal(count(carry, CARRY_BACK) + count(carry, CARRY_REFUSED), 2);
        carry_tidy(carry, item.taken_ms + (CARRY_KEPT_DAYS + 1) * INT64_C(86400000));
        assert_int_equal(count(carry, CARRY_BACK) + count(carry, CARRY_REFUSED), 0);
        assert_int_equal(count(carry, CARRY_UP), 1);
}

#define FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                FOLDER(test_parts_go_up_in_order_and_come_back_as_receipts),
                FOLDER(test_receipts_are_read_by_their_name_and_nothing_else_is),
                FOLDER(test_a_forged_part_of_the_same_name_does_not_push_out_the_true_one),
                FOLDER(test_one_device_fills_its_share_and_no_more),
                FOLDER(test_what_is_no_part_is_not_taken_and_other_files_are_let_alone),
                FOLDER(test_what_was_kept_long_enough_goes_and_what_is_on_its_way_up_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
