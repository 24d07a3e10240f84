#include "common/bytes.h"

#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct bytes bytes_text(const char *text)
{
        return BYTES(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
        size_t common = a.size < b.size ? a.size : b.size;
        int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

        if (order != 0)
                return order;
        return (a.size > b.size) - (a.size < b.size);
}

/* Most text is ASCII: eight bytes at a time while none is 0 and none has its high bit set. */
static size_t ascii_run(struct bytes text, size_t i)
{
        const uint64_t high = 0x8080808080808080u, one = 0x0101010101010101u;

        while (text.size - i >= sizeof(uint64_t)) {
                uint64_t word;

                memcpy(&word, text.data + i, sizeof(word));
                if ((word | (word - one)) & high)
                        break;
                i += sizeof(word);
        }
        return i;
}

/* Bytes of the well-formed sequence at @p, 0 where there is none (table 3-7 of the Unicode standard). */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
        uint8_t low = 0x80, high = 0xbf;
        size_t size;

        if (p[0] == 0)
                return 0;
        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;
        size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (size > left)
                return 0;
        if (p[0] == 0xe0)
                low = 0xa0; /* shorter is overlong */
        else if (p[0] == 0xed)
                high = 0x9f; /* surrogates */
        else if (p[0] == 0xf0)
                low = 0x90; /* overlong */
        else if (p[0] == 0xf4)
                high = 0x8f; /* past U+10FFFF */
        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return size;
}

bool bytes_is_utf8(struct bytes text)
{
        size_t i = 0;

        for (;;) {
                size_t size;

                i = ascii_run(text, i);
                if (i == text.size)
                        return true;
                size = utf8_sequence(text.data + i, text.size - i);
                if (size == 0)
                        return false;
                i += size;
        }
}

void bytes_hex(struct bytes data, char *ret)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < data.size; i++) {
                *ret++ = digits[data.data[i] >> 4];
                *ret++ = digits[data.data[i] & 15];
        }
        *ret = '\0';
}

static bool hex_digit(uint8_t c, unsigned int *ret)
{
        if (c >= '0' && c <= '9')
                *ret = c - (unsigned int)'0';
        else if (c >= 'a' && c <= 'f')
                *ret = c - (unsigned int)'a' + 10;
        else if (c >= 'A' && c <= 'F')
                *ret = c - (unsigned int)'A' + 10;
        else
                return false;
        return true;
}

int bytes_from_hex(struct bytes digits, uint8_t *ret, size_t size)
{
        unsigned int high, low;

        if (digits.size != 2 * size)
                return FAIL(PANNIER_E_INVALID, "need %zu hexadecimal digits, have %zu", 2 * size,
                            digits.size);
        for (size_t i = 0; i < digits.size; i++)
                if (!hex_digit(digits.data[i], &low))
                        return FAIL(PANNIER_E_INVALID, "character %zu is no hexadecimal digit",
                                    i + 1);
        for (size_t i = 0; i < size; i++)
                if (hex_digit(digits.data[2 * i], &high) && hex_digit(digits.data[2 * i + 1], &low))
                        ret[i] = (uint8_t)(high << 4 | low);
        return 0;
}

void buffer_deinit(struct buffer *buffer)
{
        free(buffer->data);
        *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_wipe(struct buffer *buffer)
{
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->capacity);
        buffer_deinit(buffer);
}

void buffer_reset(struct buffer *buffer)
{
        buffer->size = 0;
        buffer->failed = false;
        buffer->over_limit = false;
}

/* A buffer that is wiped must leave no copy behind: grown by copy and overwrite, not by realloc(). */
static bool buffer_grow(struct buffer *buffer, size_t capacity)
{
        uint8_t *data = malloc(capacity);

        if (!data)
                return false;
        if (buffer->data) {
                memcpy(data, buffer->data, buffer->size);
                explicit_bzero(buffer->data, buffer->size);
                free(buffer->data);
        }
        buffer->data = data;
        buffer->capacity = capacity;
        return true;
}

static uint8_t *refuse_growth(struct buffer *buffer, bool over_limit)
{
        buffer->failed = true;
        buffer->over_limit = over_limit;
        return NULL;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t more)
{
        size_t limit = buffer->limit ? buffer->limit : BUFFER_LIMIT_MAX;
        size_t capacity = buffer->capacity ? buffer->capacity : 256;

        if (buffer->failed)
                return NULL;
        if (buffer->size > limit || more > limit - buffer->size)
                return refuse_growth(buffer, true);
        if (buffer->data && more <= buffer->capacity - buffer->size)
                return buffer->data + buffer->size;
        while (capacity < buffer->size + more)
                capacity *= 2;
        if (!buffer_grow(buffer, capacity))
                return refuse_growth(buffer, false);
        return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, struct bytes data)
{
        uint8_t *to = buffer_room(buffer, data.size);

        if (!to)
                to = buffer_reserve(buffer, data.size);
        if (!to || data.size == 0)
                return;
        memcpy(to, data.data, data.size);
        buffer->size += data.size;
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
        uint8_t *to = buffer_room(buffer, 1);

        if (!to)
                to = buffer_reserve(buffer, 1);
        if (!to)
                return;
        *to = byte;
        buffer->size++;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
        buffer_append(buffer, bytes_text(text));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
        va_list arguments;
        char *to;
        int size;

        va_start(arguments, format);
        size = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        to = size < 0 ? NULL : (char *)buffer_reserve(buffer, (size_t)size + 1);
        if (!to) {
                buffer->failed = true;
                return;
        }
        va_start(arguments, format);
        (void)vsnprintf(to, (size_t)size + 1, format, arguments);
        va_end(arguments);
        buffer->size += (size_t)size;
}

struct bytes buffer_view(const struct buffer *buffer)
{
        return (struct bytes){buffer->data, buffer->size};
}

int buffer_check(const struct buffer *buffer)
{
        if (!buffer->failed)
                return 0;
        if (buffer->over_limit)
                return FAIL(PANNIER_E_LIMIT, "more than %zu bytes",
                            buffer->limit ? buffer->limit : BUFFER_LIMIT_MAX);
        return FAIL(PANNIER_E_MEMORY, "no memory for a buffer past %zu bytes", buffer->size);
}

enum { ARENA_BLOCK_MIN = 4 << 10, ARENA_BLOCK_MAX = 64 << 10 };

struct arena_block {
        struct arena_block *next;
        size_t capacity;
        _Alignas(max_align_t) uint8_t data[];
};

static struct arena_block *arena_block_new(size_t capacity)
{
        struct arena_block *block;

        block = malloc(sizeof(*block) + capacity);
        if (block)
                block->capacity = capacity;
        return block;
}

/* A large object gets a block of its own behind the newest one, whose rest is not lost by that. */
static void *arena_large(struct arena *arena, size_t size)
{
        struct arena_block *block = arena_block_new(size);

        if (!block)
                return NULL;
        if (arena->blocks) {
                block->next = arena->blocks->next;
                arena->blocks->next = block;
        } else {
                block->next = NULL;
                arena->blocks = block;
                arena->used = size;
        }
        return block->data;
}

static void *arena_take(struct arena *arena, size_t size)
{
        const size_t align = _Alignof(max_align_t);
        struct arena_block *block = arena->blocks;
        size_t capacity = ARENA_BLOCK_MIN;
        void *memory;

        if (size > BUFFER_LIMIT_MAX)
                return NULL;
        size = size == 0 ? align : (size + align - 1) / align * align;
        if (!block || size > block->capacity - arena->used) {
                if (size > ARENA_BLOCK_MAX / 4)
                        return arena_large(arena, size);
                if (block)
                        capacity = block->capacity * 2;
                if (capacity > ARENA_BLOCK_MAX)
                        capacity = ARENA_BLOCK_MAX;
                while (capacity < size)
                        capacity *= 2;
                block = arena_block_new(capacity);
                if (!block)
                        return NULL;
                block->next = arena->blocks;
                arena->blocks = block;
                arena->used = 0;
        }
        memory = block->data + arena->used;
        arena->used += size;
        return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        void *memory = arena_take(arena, size);

        if (memory)
                memset(memory, 0, size);
        return memory;
}

struct bytes arena_copy(struct arena *arena, struct bytes data)
{
        uint8_t *copy = data.size > BUFFER_LIMIT_MAX ? NULL : arena_take(arena, data.size + 1);

        if (!copy)
                return BYTES_NONE;
        if (data.size > 0)
                memcpy(copy, data.data, data.size);
        copy[data.size] = 0;
        return BYTES(copy, data.size);
}

void arena_reset(struct arena *arena)
{
        struct arena_block *kept = arena->blocks;

        if (kept && kept->capacity > ARENA_BLOCK_MAX)
                kept = NULL;
        for (struct arena_block *block = arena->blocks, *next; block; block = next) {
                next = block->next;
                if (block != kept)
                        free(block);
        }
        if (kept)
                kept->next = NULL;
        arena->blocks = kept;
        arena->used = 0;
}

void arena_deinit(struct arena *arena)
{
        for (struct arena_block *block = arena->blocks, *next; block; block = next) {
                next = block->next;
                free(block);
        }
        *arena = ARENA_INIT;
}
