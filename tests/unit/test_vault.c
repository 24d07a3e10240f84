/* The vault: what it says it has is on the disk, whole, and the bytes that were named; damage has a place and can be mended. */
#include "common/error.h"
#include "store/vault.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795262400000)
#define DAY_MS INT64_C(86400000)

enum { SIZE = 2 * ATTACHMENT_CHUNK_SIZE + 1000, CHUNKS = 3 };

static const struct vault_limits wide = {.total_max = 1 << 30};
static uint8_t content[SIZE];

static struct uuid id(uint8_t number)
{
        struct uuid id = {{[0] = number, [6] = 0x70, [8] = 0x80}};

        return id;
}

static struct vault_claim claim(uint8_t number)
{
        struct vault_claim claim = {.entry = id(number), .record = id(number)};

        for (size_t i = 0; i < SIZE; i++)
                content[i] = (uint8_t)(i * 7 + i / 4096);
        claim.attachment.size = SIZE;
        crypto_sha256(BYTES(content, SIZE), claim.attachment.hash);
        return claim;
}

static struct vault *open_vault(void **state, const struct vault_limits *limits)
{
        struct vault *vault = NULL;

        assert_int_equal(vault_open(unit_path(state, "vault"), limits, NOW_MS, &vault), 0);
        return vault;
}

static struct bytes chunk_of(uint32_t chunk)
{
        return BYTES(content + (size_t)chunk * ATTACHMENT_CHUNK_SIZE,
                     attachment_chunk_size(SIZE, chunk));
}

static int put(struct vault *vault, const struct vault_claim *claim, uint32_t chunk)
{
        uint8_t hash[HASH_SIZE];

        crypto_sha256(chunk_of(chunk), hash);
        return vault_put(vault, claim, chunk, chunk_of(chunk), hash, NOW_MS);
}

static uint32_t next(struct vault *vault, const struct vault_claim *claim)
{
        uint32_t chunk = 99;

        assert_int_equal(vault_next(vault, claim, &chunk), 0);
        return chunk;
}

static void put_all(struct vault *vault, const struct vault_claim *claim)
{
        for (uint32_t i = 0; i < CHUNKS; i++)
                assert_int_equal(put(vault, claim, i), VAULT_TAKEN);
}

static void assert_whole(struct vault *vault, const struct vault_claim *claim)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        for (uint32_t i = 0; i < CHUNKS; i++)
                assert_int_equal(vault_get(vault, &claim->record, &claim->attachment, i, &out), 0);
        assert_bytes(buffer_view(&out), BYTES(content, SIZE));
}

/* "vault/ab/HASH.RECORD" */
static const char *whole_path(void **state, const struct vault_claim *claim)
{
        static char path[256];
        char hash[2 * HASH_SIZE + 1], text[UUID_TEXT_SIZE];

        bytes_hex(BYTES(claim->attachment.hash, HASH_SIZE), hash);
        uuid_format(&claim->record, text);
        (void)snprintf(path, sizeof(path), "vault/%.2s/%s.%s", hash, hash, text);
        return unit_path(state, path);
}

static const char *part_path(void **state, const struct vault_claim *claim)
{
        static char path[64];
        char text[UUID_TEXT_SIZE];

        uuid_format(&claim->entry, text);
        (void)snprintf(path, sizeof(path), "vault/parts/%s", text);
        return unit_path(state, path);
}

static void flip(const char *path, off_t place)
{
        int fd = open(path, O_RDWR);
        uint8_t byte;

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &byte, 1, place), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, place), 1);
        (void)close(fd);
}

static void test_chunks_in_order_make_a_whole(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        for (uint32_t i = 0; i < CHUNKS; i++) {
                assert_int_equal(next(vault, &mine), i);
                assert_int_equal(vault_get(vault, &mine.record, &mine.attachment, 0, &out),
                                 PANNIER_E_NOT_FOUND);
                assert_int_equal(put(vault, &mine, i), VAULT_TAKEN);
        }
        assert_int_equal(next(vault, &mine), CHUNKS);
        assert_whole(vault, &mine);
        assert_int_equal(access(part_path(state, &mine), F_OK), -1);
        assert_int_equal(vault_get(vault, &mine.record, &mine.attachment, CHUNKS, &out),
                         PANNIER_E_NOT_FOUND);
}

static void test_only_the_first_chunk_that_is_missing_is_taken(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);

        assert_int_equal(put(vault, &mine, 1), VAULT_NOT_NEXT);
        assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 0), VAULT_NOT_NEXT);
        assert_int_equal(put(vault, &mine, 2), VAULT_NOT_NEXT);
        assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 2), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 2), VAULT_NOT_NEXT); /* all is here */
}

static void test_a_chunk_with_another_size_or_hash_is_not_taken(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);
        uint8_t hash[HASH_SIZE] = {0};

        assert_int_equal(vault_put(vault, &mine, 0, chunk_of(0), hash, NOW_MS), PANNIER_E_INVALID);
        crypto_sha256(chunk_of(2), hash);
        assert_int_equal(vault_put(vault, &mine, 0, chunk_of(2), hash, NOW_MS), PANNIER_E_INVALID);
        assert_int_equal(vault_put(vault, &mine, 3, chunk_of(2), hash, NOW_MS), PANNIER_E_INVALID);
        assert_int_equal(next(vault, &mine), 0);
}

static void test_what_a_crash_tore_off_is_sent_again_and_nothing_else(void **state)
{
        struct vault_claim mine = claim(1);

        for (off_t cut = 1; cut < ATTACHMENT_CHUNK_SIZE; cut += 50021) {
                CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
                struct stat status;

                assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
                assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
                assert_int_equal(stat(part_path(state, &mine), &status), 0);
                assert_int_equal(truncate(part_path(state, &mine), status.st_size - cut), 0);
                vault = vault_free(vault);
                vault = open_vault(state, &wide);
                assert_int_equal(next(vault, &mine), 1);
                assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
                assert_int_equal(put(vault, &mine, 2), VAULT_TAKEN);
                assert_whole(vault, &mine);
                assert_int_equal(unlink(whole_path(state, &mine)), 0);
        }
}

static void test_a_damaged_part_goes_on_at_the_damage(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);

        assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
        flip(part_path(state, &mine), HASH_SIZE + ATTACHMENT_CHUNK_SIZE + HASH_SIZE + 5);
        assert_int_equal(next(vault, &mine), 1);
        assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 2), VAULT_TAKEN);
        assert_whole(vault, &mine);
}

/* The crash came behind the last chunk and before the whole. */
static void test_a_part_that_has_everything_becomes_a_whole_when_it_is_asked_for(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);
        uint8_t hash[HASH_SIZE];
        int fd;

        assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
        fd = open(part_path(state, &mine), O_WRONLY | O_APPEND);
        crypto_sha256(chunk_of(2), hash);
        assert_int_equal(write(fd, hash, HASH_SIZE), HASH_SIZE);
        assert_int_equal(write(fd, chunk_of(2).data, chunk_of(2).size), chunk_of(2).size);
        (void)close(fd);
        assert_int_equal(next(vault, &mine), CHUNKS);
        assert_whole(vault, &mine);
}

static void test_other_bytes_than_the_ones_named_are_forgotten(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);

        mine.attachment.hash[31] ^= 1;
        assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 1), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 2), VAULT_OTHER);
        assert_int_equal(next(vault, &mine), 0);
        assert_int_equal(access(whole_path(state, &mine), F_OK), -1);
}

/* Who knows a hash has not the bytes: what was brought for one record is not there for another. */
static void test_a_hash_alone_gives_nothing(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1), theirs = claim(2);
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        put_all(vault, &mine);
        assert_int_equal(next(vault, &theirs), 0);
        assert_int_equal(vault_get(vault, &theirs.record, &theirs.attachment, 0, &out),
                         PANNIER_E_NOT_FOUND);
}

static void test_two_who_bring_the_same_do_not_meet_in_one_part(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1), theirs = claim(1);

        theirs.entry = id(2); /* names the same record */
        assert_int_equal(put(vault, &theirs, 0), VAULT_TAKEN);
        assert_int_equal(next(vault, &mine), 0);
        put_all(vault, &mine);
        assert_whole(vault, &mine);
}

static int count_wanted(void *context, const struct uuid *record)
{
        (void)record;
        (*(size_t *)context)++;
        return 0;
}

static size_t wanted(struct vault *vault)
{
        size_t count = 0;

        assert_int_equal(vault_wanted(vault, count_wanted, &count), 0);
        return count;
}

static void test_a_damaged_chunk_is_found_and_mended_alone(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1), again = claim(1);
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        uint8_t zeros[1000] = {0}, hash[HASH_SIZE];

        put_all(vault, &mine);
        assert_int_equal(vault_check(vault, &mine.record, &mine.attachment), 0);
        flip(whole_path(state, &mine), ATTACHMENT_CHUNK_SIZE + 17);
        assert_int_equal(vault_get(vault, &mine.record, &mine.attachment, 0, &out), 0);
        assert_int_equal(wanted(vault), 0);
        assert_int_equal(vault_get(vault, &mine.record, &mine.attachment, 1, &out),
                         PANNIER_E_CORRUPT);
        assert_true(vault_is_wanted(vault, &mine.record));
        assert_int_equal(vault_check(vault, &mine.record, &mine.attachment), 2);
        again.entry = id(3); /* another device that has them */
        assert_int_equal(next(vault, &again), 1);
        assert_int_equal(put(vault, &again, 0), VAULT_NOT_NEXT);
        crypto_sha256(BYTES(zeros, sizeof(zeros)), hash);
        assert_int_equal(vault_put(vault, &again, 2, BYTES(zeros, sizeof(zeros)), hash, NOW_MS),
                         VAULT_NOT_NEXT);
        assert_int_equal(put(vault, &again, 1), VAULT_TAKEN);
        assert_int_equal(next(vault, &again), CHUNKS);
        assert_whole(vault, &mine);
        assert_int_equal(wanted(vault), 0);
}

static void test_a_damaged_chunk_is_not_mended_with_other_bytes(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);
        uint8_t zeros[1000] = {0}, hash[HASH_SIZE];

        put_all(vault, &mine);
        flip(whole_path(state, &mine), 2 * ATTACHMENT_CHUNK_SIZE);
        crypto_sha256(BYTES(zeros, sizeof(zeros)), hash);
        assert_int_equal(vault_put(vault, &mine, 2, BYTES(zeros, sizeof(zeros)), hash, NOW_MS),
                         PANNIER_E_INVALID);
        assert_int_equal(next(vault, &mine), 2);
}

static void test_a_damaged_table_has_everything_brought_again(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1);

        for (off_t place = SIZE; place < SIZE + 3 * HASH_SIZE; place += HASH_SIZE) {
                put_all(vault, &mine);
                flip(whole_path(state, &mine), place);
                assert_int_equal(vault_check(vault, &mine.record, &mine.attachment), 2);
                assert_int_equal(next(vault, &mine), 0);
                put_all(vault, &mine);
                assert_whole(vault, &mine);
                assert_int_equal(unlink(whole_path(state, &mine)), 0);
        }
        assert_int_equal(vault_check(vault, &mine.record, &mine.attachment), 1);
        assert_true(vault_is_wanted(vault, &mine.record));
}

static void test_a_quota_refuses_and_loses_nothing(void **state)
{
        const struct vault_limits narrow = {.total_max = ATTACHMENT_CHUNK_SIZE + 100};
        const struct vault_limits full = {.total_max = 1 << 30, .reserve_min = UINT64_MAX / 2};
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &narrow);
        struct vault_claim mine = claim(1);

        assert_int_equal(put(vault, &mine, 0), VAULT_TAKEN);
        assert_int_equal(put(vault, &mine, 1), PANNIER_E_LIMIT);
        vault = vault_free(vault);
        vault = open_vault(state, &full);
        assert_int_equal(put(vault, &mine, 1), PANNIER_E_LIMIT);
        vault = vault_free(vault);
        vault = open_vault(state, &wide);
        assert_int_equal(vault_used(vault), ATTACHMENT_CHUNK_SIZE + HASH_SIZE);
        assert_int_equal(next(vault, &mine), 1);
}

static void test_what_is_kept_is_counted_and_an_old_part_is_dropped(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        struct vault_claim mine = claim(1), begun = claim(2);
        uint64_t used;

        put_all(vault, &mine);
        used = vault_used(vault);
        assert_int_equal(put(vault, &begun, 0), VAULT_TAKEN);
        vault = vault_free(vault);
        assert_int_equal(vault_open(unit_path(state, "vault"), &wide, NOW_MS, &vault), 0);
        assert_int_equal(vault_used(vault), used + ATTACHMENT_CHUNK_SIZE + HASH_SIZE);
        vault = vault_free(vault);
        assert_int_equal(vault_open(unit_path(state, "vault"), &wide,
                                    INT64_C(4102444800000) + VAULT_PART_DAYS * DAY_MS, &vault),
                         0);
        assert_int_equal(vault_used(vault), used);
        assert_int_equal(next(vault, &begun), 0);
}

static void test_a_copy_has_what_is_whole_and_takes_only_what_is_new(void **state)
{
        CLEANUP(vault_freep) struct vault *vault = open_vault(state, &wide);
        CLEANUP(vault_freep) struct vault *copy = NULL;
        struct vault_claim mine = claim(1), theirs = claim(2), begun = claim(3);
        uint64_t count, bytes;

        put_all(vault, &mine);
        assert_int_equal(put(vault, &begun, 0), VAULT_TAKEN);
        assert_int_equal(
                vault_copy(unit_path(state, "vault"), unit_path(state, "copy"), &count, &bytes), 0);
        assert_int_equal(count, 1);
        put_all(vault, &theirs);
        assert_int_equal(
                vault_copy(unit_path(state, "vault"), unit_path(state, "copy"), &count, &bytes), 0);
        assert_int_equal(count, 1);
        assert_true(bytes > SIZE);
        assert_int_equal(vault_open(unit_path(state, "copy"), &wide, NOW_MS, &copy), 0);
        assert_whole(copy, &mine);
        assert_whole(copy, &theirs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_chunks_in_order_make_a_whole),
                TEST(test_only_the_first_chunk_that_is_missing_is_taken),
                TEST(test_a_chunk_with_another_size_or_hash_is_not_taken),
                TEST(test_what_a_crash_tore_off_is_sent_again_and_nothing_else),
                TEST(test_a_damaged_part_goes_on_at_the_damage),
                TEST(test_a_part_that_has_everything_becomes_a_whole_when_it_is_asked_for),
                TEST(test_other_bytes_than_the_ones_named_are_forgotten),
                TEST(test_a_hash_alone_gives_nothing),
                TEST(test_two_who_bring_the_same_do_not_meet_in_one_part),
                TEST(test_a_damaged_chunk_is_found_and_mended_alone),
                TEST(test_a_damaged_chunk_is_not_mended_with_other_bytes),
                TEST(test_a_damaged_table_has_everything_brought_again),
                TEST(test_a_quota_refuses_and_loses_nothing),
                TEST(test_what_is_kept_is_counted_and_an_old_part_is_dropped),
                TEST(test_a_copy_has_what_is_whole_and_takes_only_what_is_new),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
