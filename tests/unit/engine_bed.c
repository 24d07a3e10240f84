#include "tests/unit/engine_bed.h"

#include "tests/unit/unit.h"

struct rig rig;
struct station tablet;

int bed_make(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        return 0;
}

int bed_unmake(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

struct engine_status status_of(struct station *station)
{
        struct engine_now now = station_now(station);
        struct engine_status status;

        assert_int_equal(engine_status(station->engine, &now, &status), 0);
        return status;
}

static int count_people(void *context, const struct engine_record *record)
{
        (void)record;
        (*(size_t *)context)++;
        return 0;
}

size_t people(struct station *station, const struct uuid *staff, const char *query)
{
        struct engine_now now = station_now(station);
        bool more, complete;
        size_t count = 0;
        int r = engine_people(station->engine, staff, &now, bytes_text(query), NULL, 100,
                              count_people, &count, &more, &complete);

        assert_int_equal(r, 0);
        return count;
}

struct uuid new_id(uint32_t number)
{
        return test_id(90, number);
}

int alert(struct station *station, uint32_t number, const struct uuid *person, const char *text)
{
        struct uuid id = new_id(number);

        return station_create(
                station, &station->rig->nurse, &id, "alert", person,
                (struct field_text[]){{"category", "dog", NULL, 0}, {"text", text, NULL, 0}}, 2);
}

int edit_text(struct station *station, uint32_t number, const struct uuid *record, const char *text)
{
        struct uuid id = new_id(number);

        return station_edit(station, &station->rig->nurse, &id, "alert", record,
                            (struct field_text[]){{"text", text, NULL, 0}}, 1);
}

int state_of(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_state(station, &id);
}

int meet(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_create(station, &station->rig->nurse, &id, "person", NULL,
                              (struct field_text[]){{"family", "New", NULL, 0},
                                                    {"given", "Nora", NULL, 0},
                                                    {"birth_date", NULL, NULL, -9000}},
                              3);
}
