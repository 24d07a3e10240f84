/*
 * An entry's header, and its body in clear: what is accepted is written again, and read again as the same. Only the spelling
 * may differ: an id that could have been left out may be there.
 */
#include "fuzz.h"

#include "common/entry.h"

static void try_header(struct bytes input)
{
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;
        struct entry_header header;

        if (entry_header_decode(input, &header) < 0)
                return;
        entry_header_encode(&header, &once);
        REQUIRE(once.size <= input.size);
        REQUIRE(entry_header_decode(buffer_view(&once), &header) == 0);
        entry_header_encode(&header, &twice);
        REQUIRE(bytes_equal(buffer_view(&once), buffer_view(&twice)));
}

static void try_body(struct bytes input)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;
        struct entry_header header = {.id = {{1, 2, 3, 4, 5, 6, 0x71}}, .locality = {{9}}};
        struct entry_body body;

        if (entry_body_decode(input, &header, &arena, &body) < 0)
                return;
        entry_body_encode(&body, &header, &once);
        REQUIRE(once.size <= input.size);
        REQUIRE(entry_body_decode(buffer_view(&once), &header, &arena, &body) == 0);
        entry_body_encode(&body, &header, &twice);
        REQUIRE(bytes_equal(buffer_view(&once), buffer_view(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        try_header(BYTES(data, size));
        try_body(BYTES(data, size));
        return 0;
}
