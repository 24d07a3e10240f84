/* Tells when the machine's network changes (Linux: rtnetlink): a signal that comes back is worth an exchange soon. */
#ifndef DAEMON_LOOP_NETWORK_H
#define DAEMON_LOOP_NETWORK_H

struct event_base;
struct network;

/* network_new() - @changed is called at most once per second; a system that cannot tell gives PANNIER_E_SYSTEM */
int network_new(struct event_base *base, void (*changed)(void *context), void *context,
                struct network **ret);
struct network *network_free(struct network *network);

#endif
