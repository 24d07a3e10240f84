/*
 * The way between a device and the store. Messages are delayed, lost, doubled, overtaken and cut, as the device's link is set;
 * a captive portal answers in the store's place. TLS is not simulated: nobody reads or changes a message on its way.
 */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include "tests/sim/world.h"

void network_well(struct link *link);

/* network_request() - a device sends; @exchange tells the answer that belongs to it */
void network_request(struct world *world, struct device *device, struct bytes body);
/* network_replay() - an old request comes to the store once more; nobody waits for its answer */
void network_replay(struct world *world, struct device *device, uint64_t which);
void network_answer(struct world *world, size_t device, uint64_t exchange, struct bytes body);
/* network_failure() - the store says that it does not answer */
void network_failure(struct world *world, size_t device, uint64_t exchange,
                     enum exchange_failure failure);
/* network_broken() - the connection broke while the device waited */
void network_broken(struct world *world, size_t device, uint64_t exchange);
/* network_strange() - a message that no engine sent arrives under this identity; nobody waits for an answer */
void network_strange(struct world *world, struct device *device, struct bytes body);

#endif
