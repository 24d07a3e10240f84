/*
 * Owning locals say so where they are declared, and leave only through TAKE():
 *
 *     CLEANUP(outbox_freep) struct outbox *outbox = NULL;
 *     …
 *     *ret = TAKE(outbox);
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdlib.h>

/* unused: an owner that is only there to be released is used enough */
#define CLEANUP(function) __attribute__((cleanup(function), unused))

/* TAKE(pointer) - hand the pointer over and forget it here */
#define TAKE(pointer)                                                                              \
        (__extension__({                                                                           \
                __typeof__(pointer) taken_ = (pointer);                                            \
                (pointer) = NULL;                                                                  \
                taken_;                                                                            \
        }))

/* DEFINE_FREEP(x) - x_freep(), for CLEANUP, from x_free(); made beside the declaration of x_free() */
#define DEFINE_FREEP(name)                                                                         \
        static inline __attribute__((unused)) void name##_freep(struct name **object)              \
        {                                                                                          \
                if (*object)                                                                       \
                        (void)name##_free(*object);                                                \
                *object = NULL;                                                                    \
        }

/* free_bufferp() - for CLEANUP of memory that malloc() gave, whatever the pointer's type */
static inline __attribute__((unused)) void free_pointerp(void *pointer_to_pointer)
{
        free(*(void **)pointer_to_pointer);
}

#endif
