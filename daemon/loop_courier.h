/*
 * The loop as a courier: parts of other devices' bundles go to the store after an exchange that went well, one after the other,
 * and their receipts are kept for the way back.
 */
#ifndef DAEMON_LOOP_COURIER_H
#define DAEMON_LOOP_COURIER_H

#include "daemon/carry.h"
#include "daemon/link.h"

struct loop;
struct couriering;

/* loop_courier_new() - the bag is in the state's folder. Where that cannot be used, nothing is carried, and everything else goes on */
int loop_courier_new(struct loop *loop, struct couriering **ret);
struct couriering *loop_courier_free(struct couriering *couriering);

/* loop_courier_bag() - NULL: there is none */
struct carry *loop_courier_bag(struct couriering *couriering);

/* loop_courier_deliver() - the store can be reached now: bring it what is in the bag, if nothing of it is on its way already */
void loop_courier_deliver(struct couriering *couriering);

#endif
