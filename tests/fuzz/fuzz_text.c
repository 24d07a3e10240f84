/* What people and programs write as text: ids, dates, instants, NHS numbers, hexadecimal, base64, table cells. */
#include "fuzz.h"

#include "common/base64.h"
#include "common/date.h"
#include "common/id.h"
#include "common/nhs_number.h"
#include "common/table.h"

#include <string.h>

static void try_id(struct bytes text)
{
        char again[UUID_TEXT_SIZE];
        struct uuid id, back;

        if (uuid_parse(text, &id) < 0)
                return;
        uuid_format(&id, again);
        REQUIRE(uuid_parse(bytes_text(again), &back) == 0 && uuid_equal(&id, &back));
}

static void try_moments(struct bytes text)
{
        char date_text[DATE_TEXT_SIZE], instant_text[INSTANT_TEXT_SIZE];
        int64_t value, back;

        if (date_parse(text, &value) == 0) {
                date_format(value, date_text);
                REQUIRE(bytes_equal(text, bytes_text(date_text)));
        }
        if (instant_parse(text, &value) == 0) {
                instant_format(value, instant_text);
                REQUIRE(instant_parse(bytes_text(instant_text), &back) == 0 && back == value);
        }
}

static void try_nhs_number(struct bytes text)
{
        char number[NHS_NUMBER_SIZE], shown[NHS_NUMBER_TEXT_SIZE], back[NHS_NUMBER_SIZE];

        if (nhs_number_parse(text, number) < 0)
                return;
        nhs_number_format(number, shown);
        REQUIRE(nhs_number_parse(bytes_text(shown), back) == 0 && strcmp(number, back) == 0);
        (void)nhs_number_range(number);
}

static void try_digits(struct bytes text)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        uint8_t data[64];
        char digits[129];

        if (text.size <= 128 && bytes_from_hex(text, data, text.size / 2) == 0) {
                bytes_hex(BYTES(data, text.size / 2), digits);
                REQUIRE(bytes_from_hex(bytes_text(digits), data, text.size / 2) == 0);
        }
        (void)base64_decode(text, &out);
}

static void try_table(struct bytes text)
{
        static const struct table_column column = {"text", true};
        CLEANUP(table_freep) struct table *table = NULL;
        char *printed = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&printed, &size);

        REQUIRE(file && table_new(&column, 1, &table) == 0);
        table_cell(table, text);
        REQUIRE(table_print(table, file) == 0);
        (void)fclose(file);
        for (size_t i = 0; i < size; i++) /* no way out of the line */
                REQUIRE((uint8_t)printed[i] >= 0x20 || printed[i] == '\n');
        REQUIRE(bytes_is_utf8(BYTES(printed, size)));
        REQUIRE(text_width(text) <= text.size * 2);
        free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes text = BYTES(data, size);

        try_id(text);
        try_moments(text);
        try_nhs_number(text);
        try_digits(text);
        if (size < 4096)
                try_table(text);
        return 0;
}
