/*
 * JPEG (ITU T.81) by its markers: FF, a code, for most of them a length and so many bytes; after SOS the coded picture, in
 * which FF is followed by 00 or by a restart marker, until the next marker. Nothing is decoded.
 */
#include "daemon/picture_internal.h"

#include "common/error.h"

#include <string.h>

enum jpeg_code {
        CODE_SOF0 = 0xc0,
        CODE_DHT = 0xc4,
        CODE_JPG = 0xc8, /* reserved */
        CODE_SOF15 = 0xcf,
        CODE_RST0 = 0xd0,
        CODE_RST7 = 0xd7,
        CODE_SOI = 0xd8,
        CODE_EOI = 0xd9,
        CODE_SOS = 0xda,
        CODE_DQT = 0xdb,
        CODE_DNL = 0xdc,
        CODE_DRI = 0xdd,
        CODE_DHP = 0xde,
        CODE_EXP = 0xdf,
        CODE_APP0 = 0xe0,
        CODE_APP1 = 0xe1,
        CODE_APP2 = 0xe2,
        CODE_APP14 = 0xee,
        CODE_DAC = 0xcc,
        CODE_TEM = 0x01,
};

static bool begins_with(struct bytes segment, const char *name, size_t size)
{
        return segment.size >= size && memcmp(segment.data, name, size) == 0;
}

static void put_segment(struct buffer *out, uint8_t code, struct bytes content)
{
        size_t size = content.size + 2;

        buffer_append_byte(out, 0xff);
        buffer_append_byte(out, code);
        buffer_append_byte(out, (uint8_t)(size >> 8));
        buffer_append_byte(out, (uint8_t)size);
        buffer_append(out, content);
}

/* ---- Exif: a TIFF file in a segment ---- */

struct tiff {
        struct bytes bytes;
        bool big;
};

static unsigned tiff_number(const struct tiff *tiff, size_t at, size_t size)
{
        unsigned value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | tiff->bytes.data[at + (tiff->big ? i : size - 1 - i)];
        return value;
}

static unsigned find_orientation(const struct tiff *tiff)
{
        size_t at = tiff_number(tiff, 4, 4), size = tiff->bytes.size;
        unsigned count;

        if (at > size || size - at < 2)
                return 0;
        count = tiff_number(tiff, at, 2);
        at += 2;
        for (unsigned i = 0; i < count && size - at >= 12; i++, at += 12)
                if (tiff_number(tiff, at, 2) == 0x0112 && tiff_number(tiff, at + 2, 2) == 3 &&
                    tiff_number(tiff, at + 4, 4) == 1)
                        return tiff_number(tiff, at + 8, 2);
        return 0;
}

unsigned jpeg_orientation(struct bytes segment)
{
        struct tiff tiff = {0};
        unsigned orientation;

        if (!begins_with(segment, "Exif\0\0", 6) || segment.size < 6 + 8)
                return 0;
        tiff.bytes = BYTES(segment.data + 6, segment.size - 6);
        tiff.big = begins_with(tiff.bytes, "MM\0*", 4);
        if (!tiff.big && !begins_with(tiff.bytes, "II*\0", 4))
                return 0;
        orientation = find_orientation(&tiff);
        return orientation <= 8 ? orientation : 0;
}

/* Without it a photo that was taken upright lies on its side. */
static void put_orientation(struct jpeg *jpeg, unsigned orientation, struct buffer *out)
{
        uint8_t exif[] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\0\0\0\0\0\0";

        if (orientation < 2 || jpeg->oriented)
                return;
        jpeg->oriented = true;
        exif[6 + 8 + 2 + 9] = (uint8_t)orientation;
        put_segment(out, CODE_APP1, BYTES(exif, sizeof(exif)));
}

/* ---- segments ---- */

/* The head without the thumbnail behind it. */
static void put_jfif(struct bytes segment, struct buffer *out)
{
        uint8_t head[14] = {0};

        if (!begins_with(segment, "JFIF", 5) || segment.size < sizeof(head))
                return;
        memcpy(head, segment.data, 12);
        put_segment(out, CODE_APP0, BYTES(head, sizeof(head)));
}

static void end_segment(struct jpeg *jpeg, struct buffer *out)
{
        struct bytes segment = buffer_view(&jpeg->segment);

        jpeg->state = jpeg->code == CODE_SOS ? JPEG_SCAN : JPEG_MARKER;
        if (jpeg->code == CODE_APP0)
                put_jfif(segment, out);
        else if (jpeg->code == CODE_APP1)
                put_orientation(jpeg, jpeg_orientation(segment), out);
        else if (
                jpeg->code <
                        CODE_APP0 || /* tables; and the profile: wounds are judged by their colour */
                (jpeg->code == CODE_APP2 && begins_with(segment, "ICC_PROFILE", 12)))
                put_segment(out, jpeg->code, segment);
        else if (jpeg->code == CODE_APP14 && begins_with(segment, "Adobe", 5) && segment.size >= 12)
                put_segment(out, jpeg->code, BYTES(segment.data, 12));
        buffer_reset(&jpeg->segment);
}

static bool is_frame(uint8_t code)
{
        return code >= CODE_SOF0 && code <= CODE_SOF15 && code != CODE_DHT && code != CODE_JPG &&
               code != CODE_DAC;
}

static int begin_marker(struct jpeg *jpeg, uint8_t code, struct buffer *out)
{
        bool table = code == CODE_DHT || code == CODE_DAC || (code >= CODE_SOS && code <= CODE_DRI);

        if (code == CODE_EOI) {
                if (!jpeg->scanned)
                        return FAIL(PANNIER_E_INVALID, "the JPEG has no picture");
                buffer_append_byte(out, 0xff);
                buffer_append_byte(out, code);
                jpeg->state = JPEG_OVER;
                return 0;
        }
        if (!table && !is_frame(code) && code < CODE_APP0)
                return FAIL(PANNIER_E_INVALID, "the JPEG has a marker (%02x) in the wrong place",
                            code);
        if (code == CODE_SOS && !jpeg->framed)
                return FAIL(PANNIER_E_INVALID, "the JPEG has a scan before its frame");
        jpeg->framed = jpeg->framed || is_frame(code);
        jpeg->scanned = jpeg->scanned || code == CODE_SOS;
        jpeg->code = code;
        jpeg->count = 0;
        jpeg->left = 0;
        jpeg->state = JPEG_LENGTH;
        return 0;
}

static int take_start(struct jpeg *jpeg, uint8_t byte, struct buffer *out)
{
        if (byte != (jpeg->count ? CODE_SOI : 0xff))
                return FAIL(PANNIER_E_INVALID, "this is no JPEG");
        buffer_append_byte(out, byte);
        if (++jpeg->count == 2)
                jpeg->state = JPEG_MARKER;
        return 0;
}

static int take_length(struct jpeg *jpeg, uint8_t byte, struct buffer *out)
{
        jpeg->left = jpeg->left << 8 | byte;
        if (++jpeg->count < 2)
                return 0;
        if (jpeg->left < 2)
                return FAIL(PANNIER_E_INVALID, "the JPEG has a segment without a length");
        jpeg->left -= 2;
        jpeg->state = JPEG_SEGMENT;
        if (jpeg->left == 0)
                end_segment(jpeg, out);
        return 0;
}

static int take_scan_code(struct jpeg *jpeg, uint8_t byte, struct buffer *out)
{
        if (byte == 0xff)
                return 0; /* may be repeated */
        if (byte != 0 && (byte < CODE_RST0 || byte > CODE_RST7))
                return begin_marker(jpeg, byte, out);
        buffer_append_byte(out, 0xff);
        buffer_append_byte(out, byte);
        jpeg->state = JPEG_SCAN;
        return 0;
}

static int take_byte(struct jpeg *jpeg, uint8_t byte, struct buffer *out)
{
        switch (jpeg->state) {
        case JPEG_START:
                return take_start(jpeg, byte, out);
        case JPEG_MARKER:
                if (byte != 0xff)
                        return FAIL(PANNIER_E_INVALID, "the JPEG has bytes between its segments");
                jpeg->state = JPEG_CODE;
                return 0;
        case JPEG_CODE:
                return byte == 0xff ? 0 : begin_marker(jpeg, byte, out);
        case JPEG_LENGTH:
                return take_length(jpeg, byte, out);
        case JPEG_SCAN_CODE:
                return take_scan_code(jpeg, byte, out);
        case JPEG_SEGMENT:
        case JPEG_SCAN:
        case JPEG_OVER:
                break;
        }
        return FAIL(PANNIER_E_INTERNAL, "a state of runs got a byte");
}

static int64_t take_segment(struct jpeg *jpeg, struct bytes piece, struct buffer *out)
{
        size_t size = piece.size < jpeg->left ? piece.size : jpeg->left;

        buffer_append(&jpeg->segment, BYTES(piece.data, size));
        if (buffer_check(&jpeg->segment) < 0)
                return buffer_check(&jpeg->segment);
        jpeg->left -= size;
        if (jpeg->left == 0)
                end_segment(jpeg, out);
        return (int64_t)size;
}

static int64_t take_scan(struct jpeg *jpeg, struct bytes piece, struct buffer *out)
{
        const uint8_t *mark = memchr(piece.data, 0xff, piece.size);
        size_t size = mark ? (size_t)(mark - piece.data) : piece.size;

        buffer_append(out, BYTES(piece.data, size));
        if (!mark)
                return (int64_t)size;
        jpeg->state = JPEG_SCAN_CODE;
        return (int64_t)size + 1;
}

int64_t jpeg_add(struct jpeg *jpeg, struct bytes piece, struct buffer *out)
{
        int r;

        if (jpeg->state == JPEG_OVER)
                return (int64_t)piece.size;
        if (jpeg->state == JPEG_SEGMENT)
                return take_segment(jpeg, piece, out);
        if (jpeg->state == JPEG_SCAN)
                return take_scan(jpeg, piece, out);
        r = take_byte(jpeg, piece.data[0], out);
        return r < 0 ? r : 1;
}
