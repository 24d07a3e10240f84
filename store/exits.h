/*
 * Exit rows: they stand in a feed until nobody can hold the person any more, never until a time limit.
 *
 * Every device that custody says may hold the person has confirmed that nothing is left, or was written off. Then the rows go; the
 * end of a feed stays marked where one was its newest row, so that no cursor lies beyond it. An answer that was made before an exit, and
 * leaves after its row went, would leave a device with somebody who is never taken back: whoever notes what an answer brings
 * looks for that, and puts the row there again.
 */
#ifndef STORE_EXITS_H
#define STORE_EXITS_H

#include "store/storage.h"

/* exits_settle() - write: where nobody may hold the person, their exit rows in the localities of this transaction go */
int exits_settle(struct storage *storage, const struct uuid *person);

/* exits_forgotten() - has somebody who is noted as sent left a feed whose exit row is gone? 1, 0, or an error */
int exits_forgotten(struct storage *storage, const struct custody_row *row);

#endif
