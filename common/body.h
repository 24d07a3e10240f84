/*
 * An entry's body as it travels with seal key 0: byte 0 the format, byte 1 the dictionary, then a zstd frame.
 *
 * Bodies are a few hundred bytes, too small to compress alone: a dictionary that was trained on made-up
 * bodies (schema/dictionary) knows what they look like. The frame is without magic number, checksum and
 * content size. Hash chain, body hash and repeat rule cover these bytes, so a body is packed once and kept.
 */
#ifndef COMMON_BODY_H
#define COMMON_BODY_H

#include "common/bytes.h"

enum {
        BODY_FORMAT = 1,
        BODY_DICTIONARY = 1,  /* newest dictionary, used to pack; all older ones still unpack */
        BODY_OVERHEAD = 1024, /* a packed body is at most this much larger than the clear one */
};

struct body_codec; /* compression state and dictionaries; one per thread, reused */

int body_codec_new(struct body_codec **ret);
struct body_codec *body_codec_free(struct body_codec *codec);
DEFINE_FREEP(body_codec)

/**
 * body_pack() - append @clear (entry_body_encode()) to @out as it travels
 *
 * Return: 0; PANNIER_E_LIMIT where @clear is larger than ENTRY_BODY_MAX; PANNIER_E_MEMORY
 */
int body_pack(struct body_codec *codec, struct bytes clear, struct buffer *out);

/**
 * body_unpack() - append the clear body to @out
 *
 * Never makes more than ENTRY_BODY_MAX bytes, whatever the frame promises. @out is unchanged on failure.
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_TOO_NEW where the format or the dictionary is not known here
 *         yet; PANNIER_E_MEMORY
 */
int body_unpack(struct body_codec *codec, struct bytes packed, struct buffer *out);

#endif
