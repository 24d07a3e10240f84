#include "common/crypto.h"
#include "common/error.h"
#include "store/load.h"
#include "store/membership.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* One store in a folder, and what the newest load said. */
struct bed {
        void *folder;
        struct storage *storage;
        struct load_report report;
        char messages[4096];
        size_t used;
};

static void on_message(void *context, enum load_severity severity, uint64_t line, const char *text)
{
        struct bed *bed = context;
        int size =
                snprintf(bed->messages + bed->used, sizeof bed->messages - bed->used, "%c%llu %s\n",
                         severity == LOAD_REFUSED   ? 'R'
                         : severity == LOAD_WARNING ? 'W'
                                                    : 'N',
                         (unsigned long long)line, text);

        if (size > 0)
                bed->used = bed->used + (size_t)size < sizeof bed->messages
                                    ? bed->used + (size_t)size
                                    : sizeof bed->messages - 1;
}

static int bed_make(void **state)
{
        struct bed *bed = calloc(1, sizeof *bed);

        if (!bed || unit_folder_make(&bed->folder) != 0)
                return -1;
        *state = bed;
        return storage_sqlite_open(unit_path(&bed->folder, "store.db"), false, &bed->storage);
}

static int bed_remove(void **state)
{
        struct bed *bed = *state;

        (void)storage_free(bed->storage);
        (void)unit_folder_remove(&bed->folder);
        free(bed);
        return 0;
}

static const char *write_file(struct bed *bed, const char *name, const char *content)
{
        const char *path = unit_path(&bed->folder, name);
        FILE *file = fopen(path, "wb");

        assert_non_null(file);
        assert_true(fputs(content, file) >= 0);
        assert_int_equal(fclose(file), 0);
        return path;
}

static int load_with(struct bed *bed, const char *type, const char *content,
                     struct load_options options)
{
        options.type = load_type(bytes_text(type));
        options.path = write_file(bed, "table.csv", content);
        options.now_ms = 1790000000000; /* 2026-09-21 */
        options.random = crypto_random;
        options.message = on_message;
        options.context = bed;
        bed->used = 0;
        bed->messages[0] = '\0';
        assert_non_null(options.type);
        return load_table(bed->storage, &options, &bed->report);
}

static void load(struct bed *bed, const char *type, const char *content)
{
        if (load_with(bed, type, content, (struct load_options){0}) != 0)
                fail_msg("%s: %s", error_place(), error_detail());
}

static void expect(struct bed *bed, uint64_t created, uint64_t edited, uint64_t unchanged,
                   uint64_t refused)
{
        if (bed->report.created != created || bed->report.refused != refused)
                (void)fprintf(stderr, "%s", bed->messages);
        assert_int_equal(bed->report.created, created);
        assert_int_equal(bed->report.edited, edited);
        assert_int_equal(bed->report.unchanged, unchanged);
        assert_int_equal(bed->report.refused, refused);
}

static const char places[] = "level,name,ons_code,parent,locality\n"
                             "locality,Bolton,E08000001,,\n"
                             "locality,Wigan,E08000010,,\n"
                             "neighbourhood,Farnworth,,Bolton,Bolton\n";

static void load_places_and_teams(struct bed *bed)
{
        load(bed, "places", places);
        expect(bed, 3, 0, 0, 0);
        load(bed, "organisations",
             "locality,types,name,ods_code\nBolton,community_trust,Bolton Community,RMC\n");
        expect(bed, 1, 0, 0, 0);
        load(bed, "teams",
             "locality,organisation,name,kind\nBolton,RMC,Farnworth nurses,district_nursing\n");
        expect(bed, 1, 0, 0, 0);
}

static void test_a_table_loaded_twice_changes_nothing_the_second_time(void **state)
{
        struct bed *bed = *state;
        const char people[] = "locality,nhs_number,family,given,birth_date\n"
                              "Bolton,9990000018,Entwistle,Doris,1941-03-02\n"
                              "Bolton,9990000026,Haslam,Frank,02/05/1938\n";

        load_places_and_teams(bed);
        load(bed, "people", people);
        expect(bed, 2, 0, 0, 0);
        load(bed, "people", people);
        expect(bed, 0, 0, 2, 0);
        load(bed, "places", places);
        expect(bed, 0, 0, 3, 0);
}

static void test_only_what_differs_is_changed(void **state)
{
        struct bed *bed = *state;

        load_places_and_teams(bed);
        load(bed, "people",
             "locality,nhs_number,family,phone\nBolton,9990000018,Entwistle,0161 496 0001\n"
             "Bolton,9990000026,Haslam,0161 496 0002\n");
        load(bed, "people",
             "locality,nhs_number,family,phone\nBolton,9990000018,Entwistle,0161 496 0009\n"
             "Bolton,9990000026,Haslam,\n");
        expect(bed, 0, 1, 1, 0); /* an empty cell changes nothing */
}

static void test_a_bad_row_is_refused_with_its_line_and_stops_nobody(void **state)
{
        struct bed *bed = *state;

        load_places_and_teams(bed);
        load(bed, "assignments",
             "locality,person,team,status\nBolton,9990000018,Farnworth nurses,active\n");
        expect(bed, 0, 0, 0, 1);
        assert_non_null(strstr(bed->messages, "R2 no person '9990000018'"));
        load(bed, "people",
             "locality,nhs_number,family,birth_date\nBolton,9990000018,Entwistle,1941-03-02\n"
             "Bolton,9990000026,Ha\"slam,1938-01-01\nAtlantis,9990000042,Nobody,1938-01-01\n"
             "Bolton,9990000093,Holt,1938-02-30\n");
        expect(bed, 2, 0, 0, 2);
        assert_non_null(strstr(bed->messages, "R3 "));
        assert_non_null(strstr(bed->messages, "R4 names no locality"));
        load(bed, "assignments",
             "locality,person,team,status\nBolton,9990000018,Farnworth nurses,active\n"
             "Bolton,9990000018,Farnworth nursery,active\n");
        expect(bed, 1, 0, 0, 1);
        assert_non_null(strstr(bed->messages, "R3 team: 'Farnworth nursery' is not in the store"));
}

static void test_a_value_that_is_not_needed_is_left_out_with_a_warning(void **state)
{
        struct bed *bed = *state;

        load_places_and_teams(bed);
        load(bed, "organisations",
             "locality,types,name,postcode,beds\nBolton,care_home_nursing,Oakfield,BL1 "
             "1AA,plenty\n");
        expect(bed, 1, 0, 0, 0);
        assert_int_equal(bed->report.warned, 1);
        assert_non_null(strstr(bed->messages, "W2 beds: not a whole number; left out"));
}

static void test_a_bad_area_code_gives_way_to_the_name_and_an_alias(void **state)
{
        struct bed *bed = *state;
        struct load_options options = {0};

        load_places_and_teams(bed);
        options.aliases_path = write_file(bed, "aliases.csv",
                                          "alias,locality\nBolton-le-Moors & District,Bolton\n");
        assert_int_equal(load_with(bed, "organisations",
                                   "locality,locality_name,name,postcode\n"
                                   "E0800001,Bolton,Oakfield,BL1 1AA\n"
                                   "E0800001,bolton le moors and district,Birchfield,BL1 1AB\n"
                                   "E0800001,Elsewhere,Elmfield,BL1 1AC\n",
                                   options),
                         0);
        expect(bed, 2, 0, 0, 1);
        assert_int_equal(bed->report.warned, 2);
        assert_non_null(strstr(bed->messages, "took 'Bolton' by its name"));
}

static void test_two_rows_with_one_key_are_two_records_also_the_second_time(void **state)
{
        struct bed *bed = *state;
        const char homes[] = "locality,name,postcode,phone\nBolton,Sunrise,BL1 "
                             "1AA,1\nBolton,Sunrise,BL1 1AA,2\n";

        load_places_and_teams(bed);
        load(bed, "organisations", homes);
        expect(bed, 2, 0, 0, 0);
        assert_int_equal(bed->report.warned, 1);
        load(bed, "organisations", homes);
        expect(bed, 0, 0, 2, 0);
}

static void test_one_name_and_birth_date_with_two_nhs_numbers_are_two_people(void **state)
{
        struct bed *bed = *state;

        load_places_and_teams(bed);
        load(bed, "people",
             "locality,nhs_number,family,given,birth_date\nBolton,9990000018,Taylor,Jean,1941-03-"
             "02\n");
        load(bed, "people",
             "locality,nhs_number,family,given,birth_date\nBolton,9990000026,Taylor,Jean,1941-03-"
             "02\n");
        expect(bed, 1, 0, 0, 0);
        load(bed, "people", "locality,family,given,birth_date\nBolton,Holt,Ann,1941-03-02\n");
        expect(bed, 1, 0, 0, 0);
        load(bed, "people",
             "locality,nhs_number,family,given,birth_date\nBolton,9990000042,Holt,Ann,1941-03-"
             "02\n");
        expect(bed, 0, 1, 0, 0); /* who had no number gets one */
}

static int take_first(void *context, const struct uuid *id)
{
        *(struct uuid *)context = *id;
        return 1;
}

/* A person whom a device brought: no key of a table leads to them. */
static void put_person(struct bed *bed, uint8_t name, const char *number, int64_t status)
{
        const struct catalogue_type *type = catalogue_person_type();
        struct record record = {.type = type,
                                .id = {.bytes = {name}},
                                .person = {.bytes = {name}},
                                .author = {.bytes = {9}},
                                .recorded_ms = 1};
        const struct storage_ops *ops = bed->storage->ops;

        assert_true(ops->localities(bed->storage, take_first, &record.locality) >= 0);
        record.values[catalogue_field_index_by_name(type, bytes_text("family"))] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text("Entwistle")};
        record.values[catalogue_field_index_by_name(type, bytes_text("nhs_number"))] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text(number)};
        record.values[catalogue_field_index_by_name(type, bytes_text("nhs_status"))] =
                (struct value){.form = VALUE_INTEGER, .integer = status};
        assert_int_equal(ops->begin(bed->storage, &record.locality, 1), 0);
        assert_int_equal(ops->record_put(bed->storage, &record, BYTES_NONE), 0);
        assert_int_equal(membership_publish(bed->storage, &record, 0), 0);
        assert_int_equal(ops->commit(bed->storage), 0);
}

static void test_a_number_that_must_be_traced_first_leads_to_nobody(void **state)
{
        enum { VERIFIED = 1, TRACE_REQUIRED = 3 };
        struct bed *bed = *state;

        load(bed, "places", "level,name\nlocality,Bolton\n");
        put_person(bed, 1, "9990000018", VERIFIED);
        put_person(bed, 2, "9990000026", TRACE_REQUIRED);
        put_person(bed, 3, "9990000019", TRACE_REQUIRED); /* its check digit is wrong, too */
        load(bed, "people", "locality,nhs_number,family\nBolton,9990000018,Entwistle\n");
        assert_int_equal(bed->report.created, 0);
        load(bed, "people", "locality,nhs_number,family\nBolton,9990000026,Haslam\n");
        assert_int_equal(bed->report.created, 1);
        load(bed, "people", "locality,nhs_number,family\nBolton,9990000019,Kay\n");
        assert_int_equal(bed->report.edited,
                         0); /* it is kept apart, or refused, but nobody becomes Kay */
}

static void test_nothing_is_ended_unless_the_file_is_the_whole_truth(void **state)
{
        struct bed *bed = *state;
        const struct load_options complete = {.complete = true};
        const char one[] =
                "locality,organisation,name,from\nBolton,RMC,Farnworth nurses,2020-01-01\n";

        load_places_and_teams(bed);
        load(bed, "teams",
             "locality,organisation,name,from\nBolton,RMC,Farnworth nurses,2020-01-01\n"
             "Bolton,RMC,Kearsley nurses,2020-01-01\n");
        load(bed, "teams", one);
        assert_int_equal(bed->report.ended, 0);
        assert_int_equal(load_with(bed, "teams", one, complete), 0);
        assert_int_equal(bed->report.ended, 1);
        assert_int_equal(load_with(bed, "teams", one, complete), 0);
        assert_int_equal(bed->report.ended, 0);
        assert_int_equal(load_with(bed, "people", "locality,family\n", complete),
                         PANNIER_E_INVALID);
}

static void test_a_dry_run_reports_and_changes_nothing(void **state)
{
        struct bed *bed = *state;
        const struct load_options dry = {.dry_run = true};
        const char people[] = "locality,nhs_number,family\nBolton,9990000018,Entwistle\n";

        load_places_and_teams(bed);
        assert_int_equal(load_with(bed, "people", people, dry), 0);
        expect(bed, 1, 0, 0, 0);
        load(bed, "people", people);
        expect(bed, 1, 0, 0, 0);
}

static void test_wrong_headers_and_mappings_are_told_before_anything_is_read(void **state)
{
        struct bed *bed = *state;
        struct load_options options = {0};

        load_places_and_teams(bed);
        assert_int_equal(load_with(bed, "people", "locality,surname\nBolton,Holt\n", options),
                         PANNIER_E_INVALID);
        assert_non_null(
                strstr(error_detail(), "'surname' is no column of person: there are nhs_number,"));
        assert_int_equal(load_with(bed, "people", "locality,family,family\nBolton,A,B\n", options),
                         PANNIER_E_INVALID);
        assert_non_null(strstr(error_detail(), "'family' twice"));
        assert_int_equal(load_with(bed, "people", "", options), PANNIER_E_INVALID);
        options.map_path =
                write_file(bed, "people.map", "[columns]\nfamily = Surname\nnhs = Number\n");
        assert_int_equal(load_with(bed, "people", "Surname,Number\nHolt,9990000018\n", options),
                         PANNIER_E_INVALID);
        assert_non_null(strstr(error_detail(), "people.map:3: 'nhs' is no column"));
        options.map_path =
                write_file(bed, "people.map", "[columns]\nfamily = Surname\nnhs_number = NHS\n");
        assert_int_equal(load_with(bed, "people", "Surname,Number\nHolt,9990000018\n", options),
                         PANNIER_E_INVALID);
        assert_non_null(strstr(error_detail(), "no column 'NHS'"));
        options.map_path = "/nonexistent/people.map";
        assert_int_equal(load_with(bed, "people", "Surname\nHolt\n", options), PANNIER_E_NOT_FOUND);
}

static void test_a_mapping_renames_columns_and_words(void **state)
{
        struct bed *bed = *state;
        struct load_options options = {.locality = "E08000001"};

        load_places_and_teams(bed);
        options.map_path = write_file(
                bed, "homes.map",
                "[columns]\nname = Home\ntypes = Services\nphone = Tel\npostcode = Post\n"
                "[constants]\nbeds = 30\n"
                "[values types]\nNursing homes = care_home_nursing\nShared lives =\n"
                "[separators]\ntypes = |\n[empty]\nna = NA\n");
        assert_int_equal(load_with(bed, "organisations",
                                   "Home,Services,Tel,Post,Ignored\nOakfield,Nursing homes|Shared "
                                   "lives|hospice,NA,BL1 1AA,x\n",
                                   options),
                         0);
        expect(bed, 1, 0, 0, 0);
        assert_int_equal(bed->report.warned, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_a_table_loaded_twice_changes_nothing_the_second_time, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(test_only_what_differs_is_changed, bed_make,
                                                bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_a_bad_row_is_refused_with_its_line_and_stops_nobody, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_a_value_that_is_not_needed_is_left_out_with_a_warning, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_a_bad_area_code_gives_way_to_the_name_and_an_alias, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_two_rows_with_one_key_are_two_records_also_the_second_time, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_one_name_and_birth_date_with_two_nhs_numbers_are_two_people, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_nothing_is_ended_unless_the_file_is_the_whole_truth, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(test_a_dry_run_reports_and_changes_nothing,
                                                bed_make, bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_wrong_headers_and_mappings_are_told_before_anything_is_read, bed_make,
                        bed_remove),
                cmocka_unit_test_setup_teardown(test_a_mapping_renames_columns_and_words, bed_make,
                                                bed_remove),
                cmocka_unit_test_setup_teardown(
                        test_a_number_that_must_be_traced_first_leads_to_nobody, bed_make,
                        bed_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
