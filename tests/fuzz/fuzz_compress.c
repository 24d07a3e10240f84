/* What a peer compressed: never more than the limit comes out, and what came out goes there and back. */
#include "fuzz.h"

#include "common/compress.h"

enum { SIZE_MAX_OUT = 1 << 16 };

static void both_ways(struct compressor *compressor, struct bytes clear)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer back = BUFFER_INIT;

        REQUIRE(compress_message(compressor, clear, &packed) == 0);
        REQUIRE(decompress_message(compressor, buffer_view(&packed), clear.size, &back) == 0);
        REQUIRE(bytes_equal(buffer_view(&back), clear));
        buffer_reset(&packed);
        buffer_reset(&back);
        REQUIRE(compress_body(compressor, COMPRESS_DICTIONARY_NONE, clear, &packed) == 0);
        REQUIRE(decompress_body(compressor, COMPRESS_DICTIONARY_NONE, buffer_view(&packed),
                                clear.size, &back) == 0);
        REQUIRE(bytes_equal(buffer_view(&back), clear));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        REQUIRE(compressor_new(&compressor) == 0);
        if (decompress_message(compressor, BYTES(data, size), SIZE_MAX_OUT, &out) == 0)
                both_ways(compressor, buffer_view(&out));
        REQUIRE(out.size <= SIZE_MAX_OUT && out.capacity <= 2 * SIZE_MAX_OUT);
        buffer_reset(&out);
        if (decompress_body(compressor, COMPRESS_DICTIONARY_NONE, BYTES(data, size), SIZE_MAX_OUT,
                            &out) == 0)
                both_ways(compressor, buffer_view(&out));
        REQUIRE(out.size <= SIZE_MAX_OUT && out.capacity <= 2 * SIZE_MAX_OUT);
        return 0;
}
