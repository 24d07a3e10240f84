/*
 * zstd, one run of bytes at a time, in two shapes:
 *
 *   message   a standard frame with its content size: bodies of HTTP requests and answers
 *   body      a frame without magic number, content size and checksum, with a dictionary: an entry's body, where
 *             each byte counts and the hash is taken over what comes out
 *
 * A compressor keeps zstd's contexts and dictionaries, so that no call allocates them. One thread at a time.
 * Nothing that a peer sends makes it take more memory than the caller's limit.
 */
#ifndef COMMON_COMPRESS_H
#define COMMON_COMPRESS_H

#include "common/bytes.h"

enum {
        COMPRESS_DICTIONARY_NONE = 0, /* id that stands for no dictionary */
        COMPRESS_DICTIONARY_MAX = 8,  /* ids 1 … of one compressor */
        COMPRESS_LEVEL_MESSAGE = 3,
        COMPRESS_LEVEL_BODY =
                5, /* of bodies 9 saves 1 % more and takes three times as long: 13 us of a write */
};

struct compressor;

int compressor_new(struct compressor **ret);
struct compressor *compressor_free(struct compressor *compressor);
DEFINE_FREEP(compressor)

/**
 * compressor_add_dictionary() - make a dictionary known
 * @id:         1 … COMPRESS_DICTIONARY_MAX, not added before
 * @dictionary: as zstd trained it; must live as long as the compressor
 *
 * Return: 0; PANNIER_E_INVALID; PANNIER_E_MEMORY
 */
int compressor_add_dictionary(struct compressor *compressor, uint8_t id, struct bytes dictionary);

/**
 * compress_body() - append the compressed form of @clear to @out
 * @dictionary: id; one that was not added is PANNIER_E_INVALID
 *
 * The same bytes in give the same bytes out with one version of zstd; no hash relies on that across versions.
 */
int compress_body(struct compressor *compressor, uint8_t dictionary, struct bytes clear,
                  struct buffer *out);

/**
 * decompress_body() - append what compress_body() was given to @out
 * @size_max: bytes that may come out
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_TOO_NEW unknown dictionary; PANNIER_E_MEMORY
 */
int decompress_body(struct compressor *compressor, uint8_t dictionary, struct bytes packed,
                    size_t size_max, struct buffer *out);

/* compress_message() - append one standard frame to @out */
int compress_message(struct compressor *compressor, struct bytes clear, struct buffer *out);

/**
 * decompress_message() - append the content of one standard frame to @out
 * @packed:   exactly one frame
 * @size_max: bytes that may come out; a frame that announces more is refused before memory is taken
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int decompress_message(struct compressor *compressor, struct bytes packed, size_t size_max,
                       struct buffer *out);

#endif
