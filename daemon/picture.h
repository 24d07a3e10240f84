/*
 * What leaves a picture before it is hashed: where it was taken, by which camera, when, what a program wrote into it, and the small
 * copies of it that still show what was cropped. A pure filter: bytes go in piece by piece, what stays comes out.
 *
 * Kept is what is listed here, everything else goes: of a JPEG its tables, frames and scans, the JFIF head without thumbnail, the
 * colour profile, Adobe's colour flag, and of Exif the orientation alone, written anew; of a PNG its picture, palette,
 * transparency, colours and density. What stands behind the end of a picture goes as well. A PDF is kept as it is.
 * The picture itself is not looked at: what is drawn into it stays.
 */
#ifndef DAEMON_PICTURE_H
#define DAEMON_PICTURE_H

#include "common/bytes.h"

struct picture;

/* picture_new() - @media_type: image/jpeg, image/png, application/pdf; PANNIER_E_INVALID for any other; PANNIER_E_MEMORY */
int picture_new(struct bytes media_type, struct picture **ret);

/**
 * picture_add() - the next piece
 * @out: what stays of it, and of what came before, is appended
 *
 * Return: 0; PANNIER_E_INVALID it is not such a file, with a word why; PANNIER_E_MEMORY
 */
int picture_add(struct picture *picture, struct bytes piece, struct buffer *out);

/* picture_end() - that was all: 0, or PANNIER_E_INVALID where the picture is not whole */
int picture_end(const struct picture *picture);

struct picture *picture_free(struct picture *picture);
DEFINE_FREEP(picture)

#endif
