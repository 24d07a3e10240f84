#include "tests/sim/queue.h"

#include "tests/sim/image.h"

static bool before(const struct event *a, const struct event *b)
{
        return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void swap(struct event *a, struct event *b)
{
        struct event kept = *a;

        *a = *b;
        *b = kept;
}

void queue_deinit(struct queue *queue)
{
        for (size_t i = 0; i < queue->count; i++)
                buffer_deinit(&queue->events[i].message);
        free(queue->events);
        *queue = (struct queue){0};
}

void queue_put(struct queue *queue, const struct event *event)
{
        size_t i = queue->count;

        queue->events =
                sim_grow(queue->events, queue->count, &queue->capacity, sizeof(*queue->events));
        queue->events[i] = *event;
        queue->events[i].order = queue->order++;
        queue->count++;
        for (; i > 0 && before(&queue->events[i], &queue->events[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&queue->events[i], &queue->events[(i - 1) / 2]);
}

bool queue_take(struct queue *queue, struct event *ret)
{
        size_t i = 0;

        if (queue->count == 0)
                return false;
        *ret = queue->events[0];
        queue->events[0] = queue->events[--queue->count];
        for (;;) {
                size_t least = i;

                for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
                        if (child < queue->count &&
                            before(&queue->events[child], &queue->events[least]))
                                least = child;
                if (least == i)
                        return true;
                swap(&queue->events[i], &queue->events[least]);
                i = least;
        }
}

const char *event_name(enum event_kind kind)
{
        static const char *const names[EVENT_KIND_COUNT] = {
                [EVENT_PLAN] = "plan",
                [EVENT_TIMER] = "timer",
                [EVENT_STEP] = "step",
                [EVENT_AGAIN] = "again",
                [EVENT_TIMEOUT] = "timeout",
                [EVENT_REQUEST] = "request",
                [EVENT_ANSWER] = "answer",
                [EVENT_FAILURE] = "failure",
                [EVENT_COMMIT] = "commit",
                [EVENT_REPLY] = "reply",
                [EVENT_EXPIRE] = "expire",
                [EVENT_DEVICE_ON] = "device on",
                [EVENT_DEVICE_OPEN] = "device open",
                [EVENT_STORE_ON] = "store on",
                [EVENT_LINK] = "link",
                [EVENT_REPAIR] = "repair",
        };

        return names[kind];
}
