/*
 * Three shapes of memory, used everywhere:
 *
 *   struct bytes    a borrowed view: somebody else owns the memory and keeps it alive
 *   struct buffer   an owned, growing run of bytes; the one way to build a message
 *   struct arena    many small copies with one lifetime, freed together; what a decoded record borrows from
 *
 * A failed growth is remembered in the buffer (`failed`), so that a run of appends is checked once at the end.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
        const uint8_t *data; /* may be NULL where size is 0 */
        size_t size;
};

#define BYTES(pointer, length) ((struct bytes){(const uint8_t *)(pointer), (length)})
#define BYTES_NONE             ((struct bytes){NULL, 0})

/* bytes_text() - view of a NUL-terminated string, without its NUL */
struct bytes bytes_text(const char *text);

/* bytes_equal() - same length and same content; not for secrets */
bool bytes_equal(struct bytes a, struct bytes b);

/* bytes_compare() - order by memcmp, a shorter prefix first: <0, 0, >0 */
int bytes_compare(struct bytes a, struct bytes b);

/* bytes_is_utf8() - well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong), and no U+0000 */
bool bytes_is_utf8(struct bytes text);

/* bytes_hex() - write @data as 2 * size lower-case digits and a NUL into @ret */
void bytes_hex(struct bytes data, char *ret);

/**
 * bytes_from_hex() - read exactly 2 * @size hexadecimal digits, either case
 *
 * Return: 0, or PANNIER_E_INVALID: another length, or another character
 */
int bytes_from_hex(struct bytes digits, uint8_t *ret, size_t size);

struct buffer {
        uint8_t *data;
        size_t size;     /* bytes in use */
        size_t capacity; /* bytes owned */
        size_t limit;    /* appends past it fail; 0: BUFFER_LIMIT_MAX */
        bool failed;     /* an append failed; all later ones do nothing */
        bool over_limit; /* the limit was the reason, not memory */
};

#define BUFFER_LIMIT_MAX ((size_t)64 << 20) /* no message or file of ours is larger */
#define BUFFER_INIT      ((struct buffer){0})

/* buffer_deinit() - release the memory; the buffer is empty and usable afterwards. Also for CLEANUP. */
void buffer_deinit(struct buffer *buffer);

/* buffer_wipe() - overwrite the content, then release: for keys and clinical content in clear */
void buffer_wipe(struct buffer *buffer);

/* buffer_reset() - forget the content and a failure, keep the memory */
void buffer_reset(struct buffer *buffer);

/**
 * buffer_reserve() - make room for @more bytes behind the content
 *
 * Return: where to write, valid until the next call on @buffer (then add to buffer->size what was written),
 *         or NULL: memory or the limit; `failed` is set
 */
uint8_t *buffer_reserve(struct buffer *buffer, size_t more);

/*
 * buffer_room() - as buffer_reserve(), but NULL where the buffer would have to grow or has a limit of its own: then call
 * buffer_reserve(). Appends are the inner loop of every encoder.
 */
static inline uint8_t *buffer_room(struct buffer *buffer, size_t more)
{
        if (!buffer->data || buffer->failed || buffer->limit ||
            more > buffer->capacity - buffer->size || buffer->capacity > BUFFER_LIMIT_MAX)
                return NULL;
        return buffer->data + buffer->size;
}

/* buffer_append() - copy @data behind the content; failures are kept in `failed` */
void buffer_append(struct buffer *buffer, struct bytes data);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* buffer_view() - the content, borrowed until the next append */
struct bytes buffer_view(const struct buffer *buffer);

/**
 * buffer_check() - did all appends succeed?
 *
 * Return: 0, PANNIER_E_MEMORY, or PANNIER_E_LIMIT where the limit was the reason
 */
int buffer_check(const struct buffer *buffer);

struct arena_block;

struct arena {
        struct arena_block *blocks; /* newest first; its first block survives arena_reset() */
        size_t used;                /* of the newest block */
};

#define ARENA_INIT ((struct arena){0})

/* arena_alloc() - zeroed memory, aligned for any object, that lives as long as the arena; NULL: no memory, or more than BUFFER_LIMIT_MAX */
void *arena_alloc(struct arena *arena, size_t size);

/* arena_copy() - a copy of @data in the arena, with a NUL behind it that is not counted; data NULL: no memory */
struct bytes arena_copy(struct arena *arena, struct bytes data);

/* arena_reset() - forget everything, keep one block for the next round */
void arena_reset(struct arena *arena);

/* arena_deinit() - release everything. Also for CLEANUP. */
void arena_deinit(struct arena *arena);

#endif
