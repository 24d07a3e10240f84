#include "common/body.h"

#include "common/compress.h"
#include "common/entry.h"
#include "common/error.h"

#include "body_dictionary.h" /* made by schema/embed_binary from schema/dictionary */

enum { HEAD_SIZE = 2 }; /* format and dictionary */

struct body_codec {
        struct compressor *compressor;
};

struct body_codec *body_codec_free(struct body_codec *codec)
{
        if (!codec)
                return NULL;
        (void)compressor_free(codec->compressor);
        free(codec);
        return NULL;
}

int body_codec_new(struct body_codec **ret)
{
        CLEANUP(body_codec_freep) struct body_codec *codec = calloc(1, sizeof(*codec));
        int r;

        if (!codec)
                return FAIL(PANNIER_E_MEMORY, "no memory for a codec");
        r = compressor_new(&codec->compressor);
        if (r == 0)
                r = compressor_add_dictionary(codec->compressor, 1,
                                              BYTES(body_dictionary_1, sizeof(body_dictionary_1)));
        if (r < 0)
                return r;
        *ret = TAKE(codec);
        return 0;
}

int body_pack(struct body_codec *codec, struct bytes clear, struct buffer *out)
{
        if (clear.size > ENTRY_BODY_MAX)
                return FAIL(PANNIER_E_LIMIT, "body of %zu bytes, at most %d are allowed",
                            clear.size, ENTRY_BODY_MAX);
        buffer_append_byte(out, BODY_FORMAT);
        buffer_append_byte(out, BODY_DICTIONARY);
        return compress_body(codec->compressor, BODY_DICTIONARY, clear, out);
}

int body_unpack(struct body_codec *codec, struct bytes packed, struct buffer *out)
{
        if (packed.size < HEAD_SIZE)
                return FAIL(PANNIER_E_MALFORMED, "body of %zu bytes", packed.size);
        if (packed.data[0] != BODY_FORMAT)
                return FAIL(packed.data[0] > BODY_FORMAT ? PANNIER_E_TOO_NEW : PANNIER_E_MALFORMED,
                            "body of format %u", packed.data[0]);
        return decompress_body(codec->compressor, packed.data[1],
                               BYTES(packed.data + HEAD_SIZE, packed.size - HEAD_SIZE),
                               ENTRY_BODY_MAX, out);
}
