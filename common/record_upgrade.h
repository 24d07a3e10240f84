/* What an older program kept of a type's records without knowing it. Between record_sql.c and record_upgrade.c only. */
#ifndef COMMON_RECORD_UPGRADE_H
#define COMMON_RECORD_UPGRADE_H

#include "common/catalogue.h"
#include "common/db.h"

/* record_upgrade() - columns were added to the type's table: fill them from what was unknown. In the caller's transaction */
int record_upgrade(struct db *db, const struct catalogue_type *type);

#endif
