/*
 * Which scopes a device may hold now: what the operator granted, widened by the catalogue's grant rules (a team's
 * organisation's home, the homes a hub serves), the reference data of its locality, and its own provisional scope.
 *
 * Widening reads reference data only, so it is kept until reference data, the operator's list or the day change.
 */
#ifndef STORE_GRANTS_H
#define STORE_GRANTS_H

#include "store/storage.h"

struct grants; /* what was widened before; one per connection */

int grants_new(struct grants **ret);
struct grants *grants_free(struct grants *grants);
DEFINE_FREEP(grants)

/**
 * grants_get() - the scopes of a device, in the transaction or snapshot that @storage is in
 * @day: scope_day() of now
 * @ret: borrowed until the next call
 */
int grants_get(struct grants *grants, struct storage *storage, const struct device_row *device,
               int64_t day, const struct scope_set **ret);

#endif
