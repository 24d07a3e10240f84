/*
 * The content of a file as shared 4 KiB blocks: a copy costs a pointer per block, and a write copies the block it touches.
 * So a history begins from a prepared disk in microseconds, and keeping a durable state beside the current one is cheap.
 *
 * The simulator's own memory: where there is none, the program ends.
 */
#ifndef TESTS_SIM_IMAGE_H
#define TESTS_SIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_BLOCK = 4096 };

struct image_block {
        uint32_t references;      /* 0: nobody's, and the next of those is … */
        struct image_block *next; /* … this one */
        bool looked;              /* somebody looked at it since it was written … */
        uint64_t seen[2];         /* … and keeps here what there was */
        uint8_t data[IMAGE_BLOCK];
};

struct image {
        struct image_block **blocks; /* NULL: a hole, reads as zero */
        size_t count, capacity;
        uint64_t size;
};

/* sim_alloc() - zeroed; ends the program where there is no memory */
void *sim_alloc(size_t size);
/* sim_grow() - an array that has room for one more item behind @count */
void *sim_grow(void *items, size_t count, size_t *capacity, size_t size);

void image_deinit(struct image *image);
/* image_copy() - @to becomes the same as @from; what it held is released */
void image_copy(const struct image *from, struct image *to);
void image_write(struct image *image, uint64_t offset, const void *data, size_t size);
/* image_read() - bytes behind the end are zero; returns how many were before it */
size_t image_read(const struct image *image, uint64_t offset, void *data, size_t size);
void image_resize(struct image *image, uint64_t size);

#endif
