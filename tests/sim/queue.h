/* Events in the order of their time; those of one time in the order in which they were put. */
#ifndef TESTS_SIM_QUEUE_H
#define TESTS_SIM_QUEUE_H

#include "common/bytes.h"

enum event_kind {
        EVENT_PLAN,        /* the plan's next step */
        EVENT_TIMER,       /* the device's deadline has come */
        EVENT_STEP,        /* the device applies the next piece */
        EVENT_AGAIN,       /* the device goes on with its exchange */
        EVENT_TIMEOUT,     /* the device gives a request up */
        EVENT_REQUEST,     /* a request arrives at the store */
        EVENT_ANSWER,      /* an answer arrives at the device */
        EVENT_FAILURE,     /* the device learns that its request failed */
        EVENT_COMMIT,      /* the store's writer takes what has gathered */
        EVENT_REPLY,       /* the store answers what was committed */
        EVENT_EXPIRE,      /* what comes with time at the store */
        EVENT_DEVICE_ON,   /* the device starts */
        EVENT_DEVICE_OPEN, /* the daemon opens its databases again */
        EVENT_STORE_ON,
        EVENT_LINK,   /* the link is well again */
        EVENT_REPAIR, /* a disk that failed or was full is well again */
        EVENT_KIND_COUNT
};

struct event {
        int64_t at_ms;
        uint64_t order;
        enum event_kind kind;
        size_t device;
        uint64_t number;       /* of the exchange, of the life or of the timer it belongs to */
        int64_t detail;        /* of a failure: which, and when to come again */
        struct buffer message; /* owned */
};

struct queue {
        struct event *events; /* a heap */
        size_t count, capacity;
        uint64_t order;
};

void queue_deinit(struct queue *queue);
/* queue_put() - takes the message */
void queue_put(struct queue *queue, const struct event *event);
/* queue_take() - the next one; false: there is none. The caller releases its message */
bool queue_take(struct queue *queue, struct event *ret);

const char *event_name(enum event_kind kind);

#endif
