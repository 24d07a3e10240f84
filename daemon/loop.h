/*
 * The daemon's loop: it owns identity, engine, link, enrolment and local API, and carries time, bytes and deadlines
 * between them. All of it runs on one thread; each event is one bounded step.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include "daemon/api.h"

struct loop;

enum loop_kind_choice { LOOP_KIND_AUTO, LOOP_KIND_WIRED, LOOP_KIND_WIFI, LOOP_KIND_MOBILE };
enum loop_metered { LOOP_METERED_AUTO, LOOP_METERED_YES, LOOP_METERED_NO }; /* auto: mobile data */

struct loop_options {
        const char *state;        /* folder */
        const char *socket;       /* of the local API */
        const char *socket_group; /* NULL: none */
        enum loop_kind_choice kind;
        enum loop_metered metered;           /* the link costs money: no long poll */
        uint64_t day_bytes[LINK_KIND_COUNT]; /* budget; 0: none */
        uint64_t attachment_reserve_bytes;   /* of the disk, that attachments leave free */
        uint32_t connect_s;                  /* for name, connection and handshake together */
        uint32_t stall_s; /* an exchange that gets nowhere for so long is ended and tried anew */
        uint16_t portal_port;   /* link.h */
        const char *proxy;      /* link.h; NULL: none */
        const char *proxy_file; /* has the proxy's USER:PASSWORD in its first line; NULL: none */
};

/**
 * loop_new() - take possession of the state folder, open the databases, listen
 *
 * Return: 0; PANNIER_E_BUSY another daemon has the folder or the socket; what the parts return
 */
int loop_new(const struct loop_options *options, struct loop **ret);

/* loop_run() - until a signal (TERM, INT) ends it; 0, or PANNIER_E_SYSTEM */
int loop_run(struct loop *loop);

/* loop_free() - finish: what waits is written, databases and socket are closed */
struct loop *loop_free(struct loop *loop);
DEFINE_FREEP(loop)

/* loop_enrolled() - for the one line that says how the daemon starts */
bool loop_enrolled(const struct loop *loop);

#endif
