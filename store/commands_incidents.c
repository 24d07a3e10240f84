/* What a store's status says of histories: machines that share an identity, entries that are gone, backups. */
#include "store/commands.h"

#include "common/error.h"

#include <inttypes.h>
#include <stdio.h>

struct incidents {
        struct storage *storage;
        json_t *array; /* NULL: text */
};

static void device_name(struct incidents *incidents, const struct uuid *id, char *ret, size_t size)
{
        struct device_row row;

        if (incidents->storage->ops->device_get(incidents->storage, id, &row) > 0)
                (void)snprintf(ret, size, "%s", row.name);
        else
                (void)snprintf(ret, size, "(unknown)");
}

static int show_life(void *context, const struct incarnation_row *row)
{
        struct incidents *incidents = context;
        char name[128], since[32];

        if (row->again_ms == 0)
                return 0;
        device_name(incidents, &row->device, name, sizeof(name));
        if (incidents->array)
                return json_array_append_new(
                               incidents->array,
                               json_pack("{s:s, s:o, s:s, s:o, s:o}", "kind", "identity", "device",
                                         command_json_uuid(&row->device), "name", name,
                                         "incarnation", command_json_uuid(&row->id), "seen",
                                         command_json_time(row->again_ms))) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        (void)printf("Incident     %s: a state that was left writes again (%s): two machines have "
                     "one identity, or one was restored twice. Revoke it and enrol both anew.\n",
                     name, command_time(row->again_ms, since));
        return 0;
}

static int show_fork(void *context, const struct lane_row *row)
{
        struct incidents *incidents = context;
        char name[128];

        device_name(incidents, &row->device, name, sizeof(name));
        if (incidents->array)
                return json_array_append_new(incidents->array,
                                             json_pack("{s:s, s:o, s:s, s:o, s:i}", "kind", "fork",
                                                       "device", command_json_uuid(&row->device),
                                                       "name", name, "incarnation",
                                                       command_json_uuid(&row->incarnation), "lane",
                                                       (int)row->lane)) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        (void)printf(
                "Fork         %s was restored or cloned; it went on under a new name, and both "
                "histories are kept.\n",
                name);
        return 0;
}

static int show_gap(void *context, const struct gap_row *row)
{
        struct incidents *incidents = context;
        char name[128];

        device_name(incidents, &row->device, name, sizeof(name));
        if (incidents->array)
                return json_array_append_new(
                               incidents->array,
                               json_pack("{s:s, s:o, s:s, s:o, s:i, s:I, s:I, s:o, s:s}", "kind",
                                         "gap", "device", command_json_uuid(&row->device), "name",
                                         name, "incarnation", command_json_uuid(&row->incarnation),
                                         "lane", (int)row->lane, "first", (json_int_t)row->from_seq,
                                         "last", (json_int_t)row->to_seq, "declared",
                                         command_json_time(row->declared_ms), "detail",
                                         row->detail)) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        (void)printf("Gap          %s: %" PRIu64 " entries are gone (%s)\n", name,
                     row->to_seq - row->from_seq + 1, row->detail);
        return 0;
}

/* Of each device one line: repairs come in the order of devices. */
struct repaired {
        struct incidents *incidents;
        struct uuid device; /* in hand */
        uint64_t made, erased, faults;
        int64_t newest_ms;
};

static int show_repaired(struct repaired *repaired)
{
        struct incidents *incidents = repaired->incidents;
        char name[128], when[32];

        if (uuid_is_none(&repaired->device))
                return 0;
        device_name(incidents, &repaired->device, name, sizeof(name));
        if (incidents->array)
                return json_array_append_new(
                               incidents->array,
                               json_pack("{s:s, s:o, s:s, s:I, s:I, s:I, s:o}", "kind", "repair",
                                         "device", command_json_uuid(&repaired->device), "name",
                                         name, "made", (json_int_t)repaired->made, "erased",
                                         (json_int_t)repaired->erased, "faults",
                                         (json_int_t)repaired->faults, "newest",
                                         command_json_time(repaired->newest_ms))) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        (void)printf("Repair       %s: its copy differed and was put right, %" PRIu64
                     " people; %" PRIu64 " erased; %" PRIu64 " faults (newest %s)\n",
                     name, repaired->made, repaired->erased, repaired->faults,
                     command_time(repaired->newest_ms, when));
        return 0;
}

static int count_repair(void *context, const struct uuid *device, const struct wire_repair *repair)
{
        struct repaired *repaired = context;
        int r = 0;

        if (!uuid_equal(&repaired->device, device)) {
                r = show_repaired(repaired);
                *repaired = (struct repaired){.incidents = repaired->incidents,
                                              .device = *device,
                                              .newest_ms = repair->at_ms};
        }
        repaired->made += repair->what == REPAIR_MADE;
        repaired->erased += repair->what == REPAIR_ERASED;
        repaired->faults += repair->what == REPAIR_FAULT;
        return r;
}

int command_show_incidents(struct storage *storage, json_t *array)
{
        struct incidents incidents = {.storage = storage, .array = array};
        struct repaired repaired = {.incidents = &incidents};
        int r = storage->ops->incarnations(storage, NULL, show_life, &incidents);

        if (r >= 0)
                r = storage->ops->forked_lanes(storage, show_fork, &incidents);
        if (r >= 0)
                r = storage->ops->gaps(storage, NULL, show_gap, &incidents);
        if (r >= 0)
                r = storage->ops->repairs_of(storage, NULL, count_repair, &repaired);
        if (r >= 0)
                r = show_repaired(&repaired);
        return r < 0 ? r : 0;
}
