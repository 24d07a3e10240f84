/*
 * The rows of W as JSON, one object a line, for the peers: json_rows FIRST COUNT. The same rows as the floor has.
 */
#include "tests/bench/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[ROW_KIND_COUNT] = {"person", "visit", "observations"};

static const char *const field_names[ROW_KIND_COUNT][ROW_FIELDS_MAX] = {
        {"nhs_number", "nhs_status", "family", "given", "birth_date", "gender", "address",
         "postcode", "phone", "contact_preference", "language", "practice"},
        {"setting", "arrived", "left", "consent", "subjective", "objective", "assessment", "plan",
         "skin", "mood", "pain", "mobility", "nutrition", "outcome", "recorded"},
        {"taken", "respiration", "spo2", "systolic", "diastolic", "pulse", "temperature",
         "consciousness"},
};

static void print_id(const char *name, const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        uuid_format(id, text);
        (void)printf("\"%s\":\"%s\",", name, text);
}

/* The word lists hold nothing that JSON escapes. */
static void print_row(const struct row *row)
{
        (void)printf("{\"type\":\"%s\",", kind_names[row->kind]);
        print_id("id", &row->id);
        print_id("person", &row->person);
        for (size_t i = 0; i < row->field_count; i++) {
                const char *end = i + 1 < row->field_count ? "," : "}\n";

                if (row->fields[i].is_text)
                        (void)printf("\"%s\":\"%s\"%s", field_names[row->kind][i],
                                     row->fields[i].text, end);
                else
                        (void)printf("\"%s\":%" PRId64 "%s", field_names[row->kind][i],
                                     row->fields[i].number, end);
        }
}

int main(int argc, char **argv)
{
        uint64_t first, count;
        struct row row;

        if (argc != 3)
                return EXIT_FAILURE;
        first = strtoull(argv[1], NULL, 10);
        count = strtoull(argv[2], NULL, 10);
        for (uint64_t i = first; i < first + count; i++) {
                row_make(1, i, &row);
                print_row(&row);
        }
        return fflush(stdout) == 0 ? 0 : EXIT_FAILURE;
}
