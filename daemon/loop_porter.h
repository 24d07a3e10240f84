/*
 * Carries attachments' bytes between this device's satchel and the store: up, one chunk after the other, when nothing that was
 * recorded waits; down, when somebody asks for a picture that is not here. One transfer at a time, behind everything else.
 *
 * Nothing here stands in the way of an entry: a chunk that is under way is given up when one is recorded, and a photo that cannot be
 * brought is one line of the status.
 */
#ifndef DAEMON_LOOP_PORTER_H
#define DAEMON_LOOP_PORTER_H

#include "daemon/engine_attachment.h"
#include "daemon/link.h"
#include "daemon/satchel.h"

struct porter;
struct porter_fetch;

enum {
        PORTER_DAY_MAX = 20 << 20, /* bytes a day, both ways, over a link that costs money */
        PORTER_RETRY_MS = 30000,   /* after trouble; doubles up to … */
        PORTER_RETRY_MAX_MS = 6 * 60 * 60 * 1000,
        PORTER_LINK_MAX_MS = 10 * 60 * 1000, /* … or so long where the link is the trouble */
        PORTER_WANTED_MS =
                6 * 60 * 60 *
                1000, /* between two questions whether the store lacks what is kept here */
        PORTER_DETAIL_SIZE = 160,
};

struct porter_options {
        struct event_base *base;
        struct link *link;
        struct satchel *satchel; /* borrowed */
        /* Fills in whom to trust and who we are; the URL is that of the store with @path behind it, into @url. */
        void (*request)(void *context, const char *path, struct buffer *url,
                        struct link_request *ret);
        bool (*metered)(void *context);
        void *context;
};

int porter_new(const struct porter_options *options, struct porter **ret);
struct porter *porter_free(struct porter *porter);
DEFINE_FREEP(porter)

struct satchel *porter_satchel(struct porter *porter);

/* porter_set_engine() - at start, and whenever it was opened anew: what a crash left is sorted out. NULL: there is none now */
int porter_set_engine(struct porter *porter, struct engine *engine, int64_t now_ms);

/* porter_add() - bytes that were published are to be brought */
void porter_add(struct porter *porter, const struct uuid *id);

/* porter_look() - after anything that may have changed what can be done: begins a transfer, or sets its time */
void porter_look(struct porter *porter);

/* porter_give_way() - an exchange begins: a chunk under way is given up where an entry waits */
void porter_give_way(struct porter *porter);

/* porter_network() - another network, or an exchange that went well: what failed because of the link is tried again */
void porter_network(struct porter *porter);

/* porter_left() - somebody may have left this device: kept bytes without a key go, when it is next looked */
void porter_left(struct porter *porter);

/* Called once: 0 the bytes are kept here now, or PANNIER_E_LINK, PANNIER_E_NOT_FOUND, PANNIER_E_CORRUPT, PANNIER_E_STORAGE … */
typedef void (*porter_done)(void *context, int error, const char *detail);

/* porter_fetch() - bring the bytes of a record here; @ret for porter_forget(), borrowed until @done was called */
int porter_fetch(struct porter *porter, const struct uuid *record,
                 const struct attachment *attachment, porter_done done, void *context,
                 struct porter_fetch **ret);
/* porter_forget() - whoever asked went away; @done is not called */
void porter_forget(struct porter *porter, struct porter_fetch *fetch);

struct porter_status {
        uint64_t waiting, waiting_bytes; /* not at the store yet, those that failed included */
        uint64_t failed;       /* tried in vain: they are tried again later and later, or never */
        struct uuid failed_id; /* one of them */
        char detail[PORTER_DETAIL_SIZE]; /* what its trouble is */
        uint64_t kept_bytes;
};

void porter_status(const struct porter *porter, struct porter_status *ret);

/* porter_waits() - is it still to be brought? *ret_detail: its trouble, "" for none; borrowed */
bool porter_waits(const struct porter *porter, const struct uuid *id, const char **ret_detail);

#endif
