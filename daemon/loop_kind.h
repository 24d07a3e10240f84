/* What kind of link leads out of this machine: read from what Linux says of its default route, without any service. */
#ifndef DAEMON_LOOP_KIND_H
#define DAEMON_LOOP_KIND_H

#include "daemon/budget.h"

/**
 * loop_kind() - the kind of the interface that the default route goes through
 * @root: "" for this machine; tests name a folder in which proc/net and sys/class/net lie
 *
 * IPv4 and IPv6 are looked at, the smallest metric wins. A modem, PPP and Bluetooth tethering are LINK_MOBILE. What cannot be told (no
 * default route, a tunnel, a phone that tethers as if it were a cable) is LINK_WIRED: the configuration can name it.
 */
enum link_kind loop_kind(const char *root);

#endif
