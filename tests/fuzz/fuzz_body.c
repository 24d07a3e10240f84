/* A packed body: whatever comes in, at most ENTRY_BODY_MAX bytes come out, and what comes out can be packed and unpacked again. */
#include "common/body.h"

#include "common/entry.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct body_codec *codec; /* contexts are dear; libFuzzer has one thread */
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT, packed = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer again = BUFFER_INIT;

        if (!codec)
                REQUIRE(body_codec_new(&codec) == 0);
        if (body_unpack(codec, BYTES(data, size), &clear) < 0) {
                REQUIRE(clear.size == 0);
                return 0;
        }
        REQUIRE(clear.size <= ENTRY_BODY_MAX);
        REQUIRE(body_pack(codec, buffer_view(&clear), &packed) == 0);
        REQUIRE(body_unpack(codec, buffer_view(&packed), &again) == 0);
        REQUIRE(bytes_equal(buffer_view(&clear), buffer_view(&again)));
        return 0;
}
