/* A record's fields as they travel; the first byte chooses the type. */
#include "fuzz.h"

#include "wire_samples.h"

#include <string.h>

static const struct catalogue_type *choose_type(uint8_t byte)
{
        const struct catalogue *catalogue = catalogue_get();

        return byte % (catalogue->type_count + 1u) == 0
                       ? &sample_type
                       : &catalogue->types[byte % (catalogue->type_count + 1u) - 1];
}

static int decode(struct bytes input, struct arena *arena, struct record *record)
{
        struct cbor_reader reader;

        cbor_reader_init(&reader, input);
        return record_decode_fields(&reader, arena, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;
        struct record record;

        if (size == 0)
                return 0;
        memset(&record, 0, sizeof(record));
        record.type = choose_type(data[0]);
        if (decode(BYTES(data + 1, size - 1), &arena, &record) < 0)
                return 0;
        record_encode_fields(&record, &once);
        REQUIRE(once.size < size);
        REQUIRE(decode(buffer_view(&once), &arena, &record) == 0);
        record_encode_fields(&record, &twice);
        REQUIRE(bytes_equal(buffer_view(&once), buffer_view(&twice)));
        return 0;
}
