/* What the porter's two files share: loop_porter.c (up, and what is next), loop_porter_fetch.c (down). Nobody else includes it. */
#ifndef DAEMON_LOOP_PORTER_INTERNAL_H
#define DAEMON_LOOP_PORTER_INTERNAL_H

#include "daemon/loop_porter.h"

#include <event2/event.h>
#include <sys/queue.h>

#define PORTER_CHUNK_TYPE "application/octet-stream"

enum porter_state {
        PORTER_IDLE,
        PORTER_ASKING,
        PORTER_BRINGING,
        PORTER_FETCHING,
        PORTER_WONDERING
};

struct load { /* something to bring */
        TAILQ_ENTRY(load) link;
        struct uuid id;
        bool again; /* kept bytes that the store has lost: its own are in kept.d */
        bool never; /* it cannot be brought */
        uint32_t tries;
        int64_t due_ms; /* boot clock */
        char detail[PORTER_DETAIL_SIZE];
};

struct porter_fetch {
        TAILQ_ENTRY(porter_fetch) link;
        struct uuid record;
        struct attachment attachment;
        porter_done done; /* NULL: whoever asked went away */
        void *context;
        struct satchel_writer *writer;
        uint32_t chunk, tries;
};

struct porter {
        struct porter_options options;
        struct engine *engine;
        struct event *timer;
        enum porter_state state;
        struct link_transfer *transfer;
        TAILQ_HEAD(loads, load) loads;
        TAILQ_HEAD(fetches, porter_fetch) fetches;
        struct uuid current; /* load of the transfer */
        struct attachment attachment;
        uint8_t key[AEAD_KEY_SIZE];
        uint32_t next;
        struct buffer chunk;
        uint32_t link_tries;
        int64_t link_due_ms, patience_ms,
                wanted_due_ms; /* boot clock; patience: what the store asked for */
        bool left;             /* kept.d is to be looked through */
        int64_t day;
        uint64_t spent;
};

/* porter_transfer() - begin one; @body empty: a GET */
int porter_transfer(struct porter *porter, enum porter_state state, const char *path,
                    struct bytes body, const char *wanted_type, size_t answer_max, link_done done);
/* porter_spend() - bytes that were carried today */
void porter_spend(struct porter *porter, uint64_t bytes);
/* porter_step() - begin what is next */
void porter_step(struct porter *porter);

/* fetch_chunk() - go on with a download */
void fetch_chunk(struct porter *porter, struct porter_fetch *fetch);

#endif
