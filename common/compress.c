/*
 * A body's frame is a standard one without its first four bytes, the magic number; they are taken off and put
 * back here, so that nothing but zstd's stable interface is used.
 */
#include "common/compress.h"

#include "common/error.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd}; /* RFC 8878 §3.1.1 */

struct dictionary {
        ZSTD_CDict *compress;
        ZSTD_DDict *decompress;
};

struct compressor {
        ZSTD_CCtx *message, *body;
        ZSTD_DCtx *decompress;
        struct dictionary dictionaries[COMPRESS_DICTIONARY_MAX + 1]; /* by id; 0 stays empty */
        struct buffer frame; /* a body with its magic number */
};

static int set_up(ZSTD_CCtx *context, int level, int content_size)
{
        const struct {
                ZSTD_cParameter parameter;
                int value;
        } settings[] = {
                {ZSTD_c_compressionLevel, level},
                {ZSTD_c_contentSizeFlag, content_size},
                {ZSTD_c_checksumFlag, 0}, /* TLS and the hash chain find what was changed */
                {ZSTD_c_dictIDFlag, 0},   /* our own header names it */
        };

        for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
                if (ZSTD_isError(ZSTD_CCtx_setParameter(context, settings[i].parameter,
                                                        settings[i].value)))
                        return FAIL(PANNIER_E_INTERNAL, "zstd does not know a parameter");
        return 0;
}

int compressor_new(struct compressor **ret)
{
        CLEANUP(compressor_freep) struct compressor *compressor = calloc(1, sizeof(*compressor));
        int r;

        if (!compressor)
                return FAIL(PANNIER_E_MEMORY, "no memory for a compressor");
        compressor->message = ZSTD_createCCtx();
        compressor->body = ZSTD_createCCtx();
        compressor->decompress = ZSTD_createDCtx();
        if (!compressor->message || !compressor->body || !compressor->decompress)
                return FAIL(PANNIER_E_MEMORY, "no memory for zstd");
        r = set_up(compressor->message, COMPRESS_LEVEL_MESSAGE, 1);
        if (r < 0)
                return r;
        r = set_up(compressor->body, COMPRESS_LEVEL_BODY, 0);
        if (r < 0)
                return r;
        *ret = TAKE(compressor);
        return 0;
}

struct compressor *compressor_free(struct compressor *compressor)
{
        if (!compressor)
                return NULL;
        (void)ZSTD_freeCCtx(compressor->message);
        (void)ZSTD_freeCCtx(compressor->body);
        (void)ZSTD_freeDCtx(compressor->decompress);
        for (size_t i = 0; i <= COMPRESS_DICTIONARY_MAX; i++) {
                (void)ZSTD_freeCDict(compressor->dictionaries[i].compress);
                (void)ZSTD_freeDDict(compressor->dictionaries[i].decompress);
        }
        buffer_wipe(&compressor->frame);
        free(compressor);
        return NULL;
}

int compressor_add_dictionary(struct compressor *compressor, uint8_t id, struct bytes dictionary)
{
        struct dictionary *place;

        if (id == COMPRESS_DICTIONARY_NONE || id > COMPRESS_DICTIONARY_MAX || dictionary.size == 0)
                return FAIL(PANNIER_E_INVALID, "there is no place for dictionary %u", id);
        place = &compressor->dictionaries[id];
        if (place->compress)
                return FAIL(PANNIER_E_INVALID, "dictionary %u is there already", id);
        place->compress = ZSTD_createCDict(dictionary.data, dictionary.size, COMPRESS_LEVEL_BODY);
        place->decompress = ZSTD_createDDict(dictionary.data, dictionary.size);
        if (!place->compress || !place->decompress)
                return FAIL(PANNIER_E_MEMORY, "no memory for dictionary %u", id);
        return 0;
}

static int fail_zstd(size_t code)
{
        ZSTD_ErrorCode error = ZSTD_getErrorCode(code);

        return FAIL(error == ZSTD_error_memory_allocation ? PANNIER_E_MEMORY : PANNIER_E_MALFORMED,
                    "zstd: %s", ZSTD_getErrorName(code));
}

/* Appends a frame; @ret_start: where it begins in @out. */
static int compress(ZSTD_CCtx *context, struct bytes clear, struct buffer *out, size_t *ret_start)
{
        size_t bound = ZSTD_compressBound(clear.size), size;
        uint8_t *to;

        if (clear.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "%zu bytes are too many to compress", clear.size);
        to = buffer_reserve(out, bound);
        if (!to)
                return buffer_check(out);
        size = ZSTD_compress2(context, to, bound, clear.data, clear.size);
        if (ZSTD_isError(size))
                return fail_zstd(size);
        *ret_start = out->size;
        out->size += size;
        return 0;
}

int compress_body(struct compressor *compressor, uint8_t dictionary, struct bytes clear,
                  struct buffer *out)
{
        const ZSTD_CDict *known = NULL;
        size_t start = 0, code;
        int r;

        if (dictionary != COMPRESS_DICTIONARY_NONE) {
                known = dictionary <= COMPRESS_DICTIONARY_MAX
                                ? compressor->dictionaries[dictionary].compress
                                : NULL;
                if (!known)
                        return FAIL(PANNIER_E_INVALID, "there is no dictionary %u", dictionary);
        }
        code = ZSTD_CCtx_refCDict(compressor->body, known);
        if (ZSTD_isError(code))
                return fail_zstd(code);
        r = compress(compressor->body, clear, out, &start);
        if (r < 0)
                return r;
        out->size -= sizeof(magic);
        memmove(out->data + start, out->data + start + sizeof(magic), out->size - start);
        return 0;
}

/* Sizes to try: most bodies fit the first, and a peer's promise never decides how much memory is taken. */
static size_t next_size(size_t size, size_t size_max)
{
        return size > size_max / 4 ? size_max : size * 4;
}

static int decompress_frame(struct compressor *compressor, const ZSTD_DDict *dictionary,
                            struct bytes frame, size_t first_size, size_t size_max,
                            struct buffer *out)
{
        size_t size = first_size < size_max ? first_size : size_max;

        for (;;) {
                uint8_t *to = buffer_reserve(out, size);
                size_t code;

                if (!to)
                        return buffer_check(out);
                code = ZSTD_decompress_usingDDict(compressor->decompress, to, size, frame.data,
                                                  frame.size, dictionary);
                if (!ZSTD_isError(code)) {
                        out->size += code;
                        return 0;
                }
                if (ZSTD_getErrorCode(code) != ZSTD_error_dstSize_tooSmall)
                        return fail_zstd(code);
                if (size == size_max)
                        return FAIL(PANNIER_E_LIMIT, "more than %zu bytes are compressed here",
                                    size_max);
                size = next_size(size, size_max);
        }
}

/* One frame and nothing behind it: ZSTD_decompress() would take several for one. */
static int check_single(struct bytes frame)
{
        size_t size = ZSTD_findFrameCompressedSize(frame.data, frame.size);

        if (ZSTD_isError(size))
                return fail_zstd(size);
        if (size != frame.size)
                return FAIL(PANNIER_E_MALFORMED, "%zu bytes behind a zstd frame",
                            frame.size - size);
        return 0;
}

int decompress_body(struct compressor *compressor, uint8_t dictionary, struct bytes packed,
                    size_t size_max, struct buffer *out)
{
        const ZSTD_DDict *known = NULL;
        struct bytes frame;
        int r;

        if (dictionary != COMPRESS_DICTIONARY_NONE) {
                known = dictionary <= COMPRESS_DICTIONARY_MAX
                                ? compressor->dictionaries[dictionary].decompress
                                : NULL;
                if (!known)
                        return FAIL(PANNIER_E_TOO_NEW, "there is no dictionary %u", dictionary);
        }
        buffer_reset(&compressor->frame);
        buffer_append(&compressor->frame, BYTES(magic, sizeof(magic)));
        buffer_append(&compressor->frame, packed);
        r = buffer_check(&compressor->frame);
        if (r < 0)
                return r;
        frame = buffer_view(&compressor->frame);
        r = check_single(frame);
        return r < 0 ? r
                     : decompress_frame(compressor, known, frame, 512 + packed.size * 8, size_max,
                                        out);
}

int compress_message(struct compressor *compressor, struct bytes clear, struct buffer *out)
{
        size_t start;

        return compress(compressor->message, clear, out, &start);
}

int decompress_message(struct compressor *compressor, struct bytes packed, size_t size_max,
                       struct buffer *out)
{
        unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.size);
        int r;

        if (size == ZSTD_CONTENTSIZE_ERROR || packed.size < sizeof(magic) ||
            memcmp(packed.data, magic, sizeof(magic)) != 0)
                return FAIL(PANNIER_E_MALFORMED, "not a zstd frame");
        r = check_single(packed);
        if (r < 0)
                return r;
        if (size == ZSTD_CONTENTSIZE_UNKNOWN)
                size = packed.size * 8;
        else if (size > size_max)
                return FAIL(PANNIER_E_LIMIT, "%llu bytes are compressed here, at most %zu may be",
                            size, size_max);
        return decompress_frame(compressor, NULL, packed, (size_t)size, size_max, out);
}
