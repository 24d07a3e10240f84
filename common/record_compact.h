/*
 * Between wire_records.c and entry.c only: a time that lies beside an id of version 7 is written as the difference to the
 * milliseconds in the id, one byte or two instead of nine. Nothing decides anything by it.
 */
#ifndef COMMON_RECORD_COMPACT_H
#define COMMON_RECORD_COMPACT_H

#include "common/cbor.h"

/* compact_time() - what travels for @time_ms beside @id */
int64_t compact_time(int64_t time_ms, const struct uuid *id);

/* compact_time_read() - the time again; 0 or PANNIER_E_MALFORMED */
int compact_time_read(struct cbor_reader *reader, const struct uuid *id, int64_t *ret);

#endif
