/* PNG (W3C, RFC 2083) by its chunks: length, type, so many bytes, a check sum. What is kept is copied with its sum; nothing is decoded. */
#include "daemon/picture_internal.h"

#include "common/error.h"

#include <string.h>

enum { HEADER_CHUNK_SIZE = 13, SUM_SIZE = 4 };

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool is_type(const struct png *png, const char *type)
{
        return memcmp(png->head + 4, type, 4) == 0;
}

static bool is_kept(const struct png *png)
{
        static const char *const types[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM",
                                            "sRGB", "iCCP", "sBIT", "bKGD", "pHYs", "cICP"};

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
                if (is_type(png, types[i]))
                        return true;
        return false;
}

static int begin_chunk(struct png *png, struct buffer *out)
{
        uint32_t size = (uint32_t)png->head[0] << 24 | (uint32_t)png->head[1] << 16 |
                        (uint32_t)png->head[2] << 8 | png->head[3];
        bool critical = !(png->head[4] & 0x20); /* the case of its first letter */

        if (size > INT32_MAX)
                return FAIL(PANNIER_E_INVALID, "the PNG has a chunk without a sound length");
        if (png->begun == is_type(png, "IHDR") ||
            (is_type(png, "IHDR") && size != HEADER_CHUNK_SIZE))
                return FAIL(PANNIER_E_INVALID, "the PNG does not begin with its one header");
        if (is_type(png, "IEND") && (size != 0 || !png->drawn))
                return FAIL(PANNIER_E_INVALID, "the PNG has no picture");
        png->kept = is_kept(png);
        if (critical && !png->kept)
                return FAIL(PANNIER_E_INVALID, "the PNG has a chunk that nobody knows");
        png->begun = true;
        png->drawn = png->drawn || is_type(png, "IDAT");
        png->left = (uint64_t)size + SUM_SIZE;
        png->state = PNG_DATA;
        if (png->kept)
                buffer_append(out, BYTES(png->head, sizeof(png->head)));
        return 0;
}

static int take_head(struct png *png, uint8_t byte, struct buffer *out)
{
        png->head[png->count++] = byte;
        if (png->state == PNG_START && byte != signature[png->count - 1])
                return FAIL(PANNIER_E_INVALID, "this is no PNG");
        if (png->count < sizeof(png->head))
                return 0;
        png->count = 0;
        if (png->state == PNG_HEAD)
                return begin_chunk(png, out);
        buffer_append(out, BYTES(signature, sizeof(signature)));
        png->state = PNG_HEAD;
        return 0;
}

static int64_t take_data(struct png *png, struct bytes piece, struct buffer *out)
{
        size_t size = piece.size < png->left ? piece.size : (size_t)png->left;

        if (png->kept)
                buffer_append(out, BYTES(piece.data, size));
        png->left -= size;
        if (png->left == 0)
                png->state = is_type(png, "IEND") ? PNG_OVER : PNG_HEAD;
        return (int64_t)size;
}

int64_t png_add(struct png *png, struct bytes piece, struct buffer *out)
{
        int r;

        if (png->state == PNG_OVER)
                return (int64_t)piece.size;
        if (png->state == PNG_DATA)
                return take_data(png, piece, out);
        r = take_head(png, piece.data[0], out);
        return r < 0 ? r : 1;
}
