#include "tests/sim/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sim_alloc(size_t size)
{
        void *memory = calloc(1, size > 0 ? size : 1);

        if (!memory) {
                (void)fputs("pannier-sim: no memory\n", stderr);
                abort();
        }
        return memory;
}

void *sim_grow(void *items, size_t count, size_t *capacity, size_t size)
{
        size_t more = *capacity ? *capacity * 2 : 16;
        void *grown;

        if (count < *capacity)
                return items;
        grown = sim_alloc(more * size);
        if (count)
                memcpy(grown, items, count * size);
        free(items);
        *capacity = more;
        return grown;
}

static struct image_block *unused; /* blocks come and go all the time: they are kept */

static void release(struct image_block *block)
{
        if (!block || --block->references > 0)
                return;
        block->next = unused;
        unused = block;
}

static struct image_block *take_block(void)
{
        struct image_block *block = unused;

        if (block)
                unused = block->next;
        else
                block = sim_alloc(sizeof(*block));
        block->references = 1;
        block->looked = false;
        return block;
}

void image_deinit(struct image *image)
{
        for (size_t i = 0; i < image->count; i++)
                release(image->blocks[i]);
        free(image->blocks);
        *image = (struct image){0};
}

static void set_count(struct image *image, size_t count)
{
        for (size_t i = count; i < image->count; i++) {
                release(image->blocks[i]);
                image->blocks[i] = NULL;
        }
        while (image->capacity < count)
                image->blocks = sim_grow(image->blocks, image->capacity, &image->capacity,
                                         sizeof(*image->blocks));
        for (size_t i = image->count; i < count; i++)
                image->blocks[i] = NULL;
        image->count = count;
}

void image_copy(const struct image *from, struct image *to)
{
        for (size_t i = 0; i < from->count; i++)
                if (from->blocks[i])
                        from->blocks[i]->references++;
        set_count(to, 0);
        set_count(to, from->count);
        if (from->count)
                memcpy(to->blocks, from->blocks, from->count * sizeof(*to->blocks));
        to->size = from->size;
}

/* The block, owned by nobody else. */
static struct image_block *own(struct image *image, size_t index)
{
        struct image_block *block = image->blocks[index];

        if (block && block->references == 1) {
                block->looked = false;
                return block;
        }
        image->blocks[index] = take_block();
        if (block)
                memcpy(image->blocks[index]->data, block->data, IMAGE_BLOCK);
        else
                memset(image->blocks[index]->data, 0, IMAGE_BLOCK);
        release(block);
        return image->blocks[index];
}

void image_write(struct image *image, uint64_t offset, const void *data, size_t size)
{
        const uint8_t *from = data;

        if (offset + size > image->size)
                image_resize(image, offset + size);
        while (size > 0) {
                size_t at = offset % IMAGE_BLOCK;
                size_t piece = IMAGE_BLOCK - at < size ? IMAGE_BLOCK - at : size;

                memcpy(own(image, offset / IMAGE_BLOCK)->data + at, from, piece);
                from += piece;
                offset += piece;
                size -= piece;
        }
}

size_t image_read(const struct image *image, uint64_t offset, void *data, size_t size)
{
        uint64_t left = offset < image->size ? image->size - offset : 0;
        size_t there = left < size ? (size_t)left : size;
        uint8_t *to = data;

        memset(to + there, 0, size - there);
        for (size_t done = 0; done < there;) {
                size_t at = (offset + done) % IMAGE_BLOCK;
                size_t piece = IMAGE_BLOCK - at < there - done ? IMAGE_BLOCK - at : there - done;
                const struct image_block *block = image->blocks[(offset + done) / IMAGE_BLOCK];

                if (block)
                        memcpy(to + done, block->data + at, piece);
                else
                        memset(to + done, 0, piece);
                done += piece;
        }
        return there;
}

void image_resize(struct image *image, uint64_t size)
{
        size_t tail = size % IMAGE_BLOCK;

        set_count(image, (size_t)((size + IMAGE_BLOCK - 1) / IMAGE_BLOCK));
        /* what is cut off must not come back when the file grows again */
        if (size < image->size && tail && image->blocks[image->count - 1])
                memset(own(image, image->count - 1)->data + tail, 0, IMAGE_BLOCK - tail);
        image->size = size;
}
