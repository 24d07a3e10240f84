#include "common/crypto.h"
#include "common/error.h"
#include "common/nhs_number.h"
#include "store/load_csv.h"
#include "store/sample.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { PEOPLE = 300 };

static int write_sample(const char *folder, uint64_t seed)
{
        const struct sample_options options = {
                .seed = seed,
                .people = PEOPLE,
                .visits = 2,
                .observations = 3,
                .now_ms = 1790000000000,
                .folder = folder,
        };

        return sample_write(&options);
}

/* Rows behind the header; the first two fields of the last one stay in @last. */
static int count_rows(const char *folder, const char *name, int (*each)(const struct csv_row *row))
{
        CLEANUP(csv_closep) struct csv_file *file = NULL;
        char path[512];
        struct csv_row row;
        int count = -1, r;
        size_t columns = 0;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(csv_open(path, &file), 0);
        while ((r = csv_next(file, &row)) == 1) {
                if (count < 0)
                        columns = row.count;
                assert_int_equal(row.count, columns);
                if (count >= 0 && each)
                        assert_int_equal(each(&row), 0);
                count++;
        }
        assert_int_equal(r, 0);
        return count;
}

static void hash_folder(const char *folder, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer all = BUFFER_INIT;

        for (int i = 0; i < SAMPLE_FILE_COUNT; i++) {
                char path[512], block[4096];
                size_t size;
                FILE *file;

                (void)snprintf(path, sizeof path, "%s/%s", folder, sample_files()[i].name);
                file = fopen(path, "rb");
                assert_non_null(file);
                while ((size = fread(block, 1, sizeof block, file)) > 0)
                        buffer_append(&all, BYTES(block, size));
                (void)fclose(file);
        }
        assert_int_equal(buffer_check(&all), 0);
        crypto_sha256(buffer_view(&all), ret);
}

static char seen[1000000];

static int check_person(const struct csv_row *row)
{
        char number[NHS_NUMBER_SIZE];
        unsigned int stem;

        assert_int_equal(nhs_number_check(row->fields[1], NHS_ENVIRONMENT_TEST, number), 0);
        assert_int_equal(sscanf(number, "999%6u", &stem), 1);
        assert_int_equal(seen[stem]++, 0); /* each number once */
        return 0;
}

static void test_every_person_has_a_valid_test_number_of_their_own(void **state)
{
        const char *folder = unit_path(state, "a");

        assert_int_equal(write_sample(folder, 7), 0);
        memset(seen, 0, sizeof seen);
        assert_int_equal(count_rows(folder, "people.csv", check_person), PEOPLE);
        assert_int_equal(count_rows(folder, "visits.csv", NULL), 2 * PEOPLE);
        assert_int_equal(count_rows(folder, "observations.csv", NULL), 3 * PEOPLE);
        assert_int_equal(count_rows(folder, "assignments.csv", NULL), PEOPLE);
}

static void test_the_same_seed_gives_the_same_bytes_and_another_gives_others(void **state)
{
        uint8_t first[HASH_SIZE], second[HASH_SIZE], other[HASH_SIZE];

        assert_int_equal(write_sample(unit_path(state, "a"), 7), 0);
        assert_int_equal(write_sample(unit_path(state, "b"), 7), 0);
        assert_int_equal(write_sample(unit_path(state, "c"), 8), 0);
        hash_folder(unit_path(state, "a"), first);
        hash_folder(unit_path(state, "b"), second);
        hash_folder(unit_path(state, "c"), other);
        assert_memory_equal(first, second, HASH_SIZE);
        assert_memory_not_equal(first, other, HASH_SIZE);
}

static void test_sizes_out_of_range_are_refused(void **state)
{
        struct sample_options options = {.people = 0, .folder = unit_path(state, "x")};

        assert_int_equal(sample_write(&options), PANNIER_E_INVALID);
        options.people = SAMPLE_PEOPLE_MAX + 1;
        assert_int_equal(sample_write(&options), PANNIER_E_INVALID);
        options.people = 1;
        options.visits = SAMPLE_VISITS_MAX + 1;
        assert_int_equal(sample_write(&options), PANNIER_E_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_every_person_has_a_valid_test_number_of_their_own, unit_folder_make,
                        unit_folder_remove),
                cmocka_unit_test_setup_teardown(
                        test_the_same_seed_gives_the_same_bytes_and_another_gives_others,
                        unit_folder_make, unit_folder_remove),
                cmocka_unit_test_setup_teardown(test_sizes_out_of_range_are_refused,
                                                unit_folder_make, unit_folder_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
