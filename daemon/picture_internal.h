/* What the files of the picture filter share. Nobody else includes it. */
#ifndef DAEMON_PICTURE_INTERNAL_H
#define DAEMON_PICTURE_INTERNAL_H

#include "daemon/picture.h"

enum { PICTURE_EXIF_MAX = 1 << 16 };

/* A filter takes the bytes one after the other; where it can, it takes a run of them. */
struct jpeg {
        enum jpeg_state {
                JPEG_START,  /* the two bytes of SOI */
                JPEG_MARKER, /* the next byte is FF */
                JPEG_CODE,   /* FF was there: the marker's code, or more FF */
                JPEG_LENGTH,
                JPEG_SEGMENT,
                JPEG_SCAN,      /* coded picture */
                JPEG_SCAN_CODE, /* FF inside of it */
                JPEG_OVER,      /* EOI was there: what follows is not the picture's */
        } state;
        uint8_t code;
        bool framed, scanned, oriented;
        unsigned count; /* bytes of START or LENGTH so far */
        size_t left;    /* of the segment */
        struct buffer segment;
};

struct png {
        enum png_state { PNG_START, PNG_HEAD, PNG_DATA, PNG_OVER } state;
        uint8_t head[8]; /* signature, or length and type of a chunk */
        unsigned count;
        uint64_t left; /* of the chunk, its check sum included */
        bool kept, begun, drawn;
};

/* jpeg_add() - how many bytes of @piece were taken (at least 1), or PANNIER_E_INVALID; @piece is not empty */
int64_t jpeg_add(struct jpeg *jpeg, struct bytes piece, struct buffer *out);
int64_t png_add(struct png *png, struct bytes piece, struct buffer *out);

/* jpeg_orientation() - 1 … 8 of the Exif block in an APP1 segment's content; 0: it says none */
unsigned jpeg_orientation(struct bytes segment);

#endif
