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

int command_show_incidents(struct storage *storage, json_t *array)
{
        struct incidents incidents = {.storage = storage, .array = array};
        int r = storage->ops->incarnations(storage, NULL, show_life, &incidents);

        if (r >= 0)
                r = storage->ops->forked_lanes(storage, show_fork, &incidents);
        if (r >= 0)
                r = storage->ops->gaps(storage, NULL, show_gap, &incidents);
        return r < 0 ? r : 0;
}
