/*
 * What one device may leave here, parked or quarantined. It is counted once in a transaction, and only for a device that has
 * something to leave; from then on what is taken and given back is added up.
 */
#include "store/judge_inside.h"

void judge_limit(struct judge *judge, const struct judge_limits *limits)
{
        judge->limits = *limits;
}

static int find_row(struct judge *judge, const struct uuid *device, struct room_row **ret)
{
        struct room_row *row = &judge->rooms[device->bytes[15] % ROOM_CACHE];
        int r = 0;

        if (!row->known || !uuid_equal(&row->device, device)) {
                *row = (struct room_row){.device = *device};
                r = judge->ops->backlog(judge->storage, device, &row->backlog);
                row->known = r == 0;
        }
        *ret = row;
        return r;
}

static bool fits(uint64_t count, uint64_t size, uint64_t more, uint64_t count_max,
                 uint64_t size_max)
{
        return count < count_max && size + more <= size_max;
}

static uint64_t limit(uint64_t wanted, uint64_t usual)
{
        return wanted ? wanted : usual;
}

int judge_room(struct judge *judge, const struct uuid *device, bool parked, uint64_t size)
{
        const struct judge_limits *limits = &judge->limits;
        struct room_row *row;
        int r = find_row(judge, device, &row);

        if (r < 0)
                return r;
        if (parked)
                return fits(row->backlog.parked, row->backlog.parked_size, size,
                            limit(limits->parked, JUDGE_PARKED_MAX),
                            limit(limits->parked_size, JUDGE_PARKED_SIZE_MAX))
                               ? 0
                               : JUDGE_FULL_PARKED;
        return fits(row->backlog.refused, row->backlog.refused_size, size,
                    limit(limits->refused, JUDGE_REFUSED_MAX),
                    limit(limits->refused_size, JUDGE_REFUSED_SIZE_MAX))
                       ? 0
                       : JUDGE_FULL_REFUSED;
}

void judge_room_took(struct judge *judge, const struct uuid *device, bool parked, int64_t count,
                     uint64_t size)
{
        struct room_row *row = &judge->rooms[device->bytes[15] % ROOM_CACHE];
        uint64_t *counts = parked ? &row->backlog.parked : &row->backlog.refused;
        uint64_t *sizes = parked ? &row->backlog.parked_size : &row->backlog.refused_size;

        if (!row->known || !uuid_equal(&row->device, device))
                return; /* it is counted when somebody asks */
        *counts += (uint64_t)count;
        *sizes = count < 0 ? *sizes - size : *sizes + size;
}

void judge_room_forget(struct judge *judge, const struct uuid *device)
{
        struct room_row *row = &judge->rooms[device->bytes[15] % ROOM_CACHE];

        if (uuid_equal(&row->device, device))
                row->known = false;
}
