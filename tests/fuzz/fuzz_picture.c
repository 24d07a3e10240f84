/* The picture filter: the first byte says which kind. In pieces or whole it does the same, and what came out of it goes through unchanged. */
#include "fuzz.h"

#include "daemon/picture.h"

static int filter(struct bytes media, struct bytes in, size_t piece, struct buffer *out)
{
        CLEANUP(picture_freep) struct picture *picture = NULL;
        int r = picture_new(media, &picture);

        REQUIRE(r == 0);
        for (size_t at = 0; at < in.size && r == 0; at += piece)
                r = picture_add(picture,
                                BYTES(in.data + at, in.size - at < piece ? in.size - at : piece),
                                out);
        return r < 0 ? r : picture_end(picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const media[] = {"image/jpeg", "image/png", "application/pdf"};
        CLEANUP(buffer_deinit) struct buffer whole = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer pieces = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer again = BUFFER_INIT;
        struct bytes kind, in;
        int r;

        if (size < 1)
                return 0;
        kind = bytes_text(media[data[0] % 3]);
        in = BYTES(data + 1, size - 1);
        r = filter(kind, in, size, &whole);
        REQUIRE(filter(kind, in, 1, &pieces) == r);
        if (r < 0)
                return 0;
        REQUIRE(bytes_equal(buffer_view(&whole), buffer_view(&pieces)));
        REQUIRE(filter(kind, buffer_view(&whole), 7, &again) == 0);
        REQUIRE(bytes_equal(buffer_view(&whole), buffer_view(&again)));
        return 0;
}
