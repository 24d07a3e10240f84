#include "daemon/picture_internal.h"

#include "common/error.h"

#include <string.h>

static const char pdf_magic[] = "%PDF-";

enum { PDF_MAGIC_SIZE = sizeof(pdf_magic) - 1 };

enum picture_kind { PICTURE_JPEG, PICTURE_PNG, PICTURE_PDF };

struct picture {
        enum picture_kind kind;
        struct jpeg jpeg;
        struct png png;
        size_t pdf_size;
};

static int find_kind(struct bytes media_type, enum picture_kind *ret)
{
        static const char *const names[] = {
                [PICTURE_JPEG] = "image/jpeg",
                [PICTURE_PNG] = "image/png",
                [PICTURE_PDF] = "application/pdf",
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (bytes_equal(media_type, bytes_text(names[i]))) {
                        *ret = (enum picture_kind)i;
                        return 0;
                }
        return FAIL(PANNIER_E_INVALID, "image/jpeg, image/png and application/pdf can be attached");
}

int picture_new(struct bytes media_type, struct picture **ret)
{
        enum picture_kind kind;
        struct picture *picture;
        int r = find_kind(media_type, &kind);

        if (r < 0)
                return r;
        picture = calloc(1, sizeof(*picture));
        if (!picture)
                return FAIL(PANNIER_E_MEMORY, "no memory for a picture");
        picture->kind = kind;
        picture->jpeg.segment.limit = PICTURE_EXIF_MAX;
        *ret = picture;
        return 0;
}

static int64_t pdf_add(struct picture *picture, struct bytes piece, struct buffer *out)
{
        for (size_t i = 0; i < piece.size && picture->pdf_size + i < PDF_MAGIC_SIZE; i++)
                if (piece.data[i] != (uint8_t)pdf_magic[picture->pdf_size + i])
                        return FAIL(PANNIER_E_INVALID, "this is no PDF");
        picture->pdf_size += piece.size;
        buffer_append(out, piece);
        return (int64_t)piece.size;
}

int picture_add(struct picture *picture, struct bytes piece, struct buffer *out)
{
        while (piece.size > 0) {
                int64_t taken = 0;

                switch (picture->kind) {
                case PICTURE_JPEG:
                        taken = jpeg_add(&picture->jpeg, piece, out);
                        break;
                case PICTURE_PNG:
                        taken = png_add(&picture->png, piece, out);
                        break;
                case PICTURE_PDF:
                        taken = pdf_add(picture, piece, out);
                        break;
                }
                if (taken < 0)
                        return (int)taken;
                piece = BYTES(piece.data + taken, piece.size - (size_t)taken);
        }
        return buffer_check(out);
}

int picture_end(const struct picture *picture)
{
        switch (picture->kind) {
        case PICTURE_JPEG:
                if (picture->jpeg.state != JPEG_OVER)
                        return FAIL(PANNIER_E_INVALID, "the JPEG ends in its middle");
                return 0;
        case PICTURE_PNG:
                if (picture->png.state != PNG_OVER)
                        return FAIL(PANNIER_E_INVALID, "the PNG ends in its middle");
                return 0;
        case PICTURE_PDF:
                if (picture->pdf_size < PDF_MAGIC_SIZE)
                        return FAIL(PANNIER_E_INVALID, "this is no PDF");
                return 0;
        }
        return 0;
}

struct picture *picture_free(struct picture *picture)
{
        if (!picture)
                return NULL;
        buffer_wipe(&picture->jpeg.segment);
        free(picture);
        return NULL;
}
