/* Whose planned contacts of a day count, and whether the people are here. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include "common/date.h"

enum { TODAY = 20000 }; /* days since 1970 */

static struct rig rig;
static struct station tablet;
static uint32_t next;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        next = 0;
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

/* @staff, @team: NULL: none. Return: the contact's id */
static struct uuid plan(const struct uuid *person, int64_t start_ms, const struct uuid *staff,
                        const struct uuid *team)
{
        struct uuid id = test_id(90, ++next);
        struct field_text fields[3] = {{"start", NULL, NULL, start_ms}};
        size_t count = 1;

        if (staff)
                fields[count++] = (struct field_text){"staff", NULL, staff, 0};
        if (team)
                fields[count++] = (struct field_text){"team", NULL, team, 0};
        assert_int_equal(station_create(&tablet, &rig.coordinator, &id, "planned_contact", person,
                                        fields, count),
                         0);
        return id;
}

static void move_on(const struct uuid *contact, const char *status)
{
        struct uuid id = test_id(90, ++next);

        assert_int_equal(station_edit(&tablet, &rig.coordinator, &id, "planned_contact", contact,
                                      (struct field_text[]){{"status", status, NULL, 0}}, 1),
                         0);
}

static struct engine_ready ready(const struct uuid *staff, int64_t day)
{
        struct engine_now now = station_now(&tablet);
        struct engine_ready ret;

        assert_int_equal(
                engine_ready(tablet.engine, staff, &now, day * DAY_MS, (day + 1) * DAY_MS, &ret),
                0);
        return ret;
}

static void a_day_has_its_own_contacts_from_midnight_to_midnight(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        plan(&person, TODAY * DAY_MS, &rig.nurse, NULL);
        plan(&person, (TODAY + 1) * DAY_MS - 1, &rig.nurse, NULL);
        plan(&person, TODAY * DAY_MS - 1, &rig.nurse, NULL);
        plan(&person, (TODAY + 1) * DAY_MS, &rig.nurse, NULL);
        assert_int_equal(ready(&rig.nurse, TODAY).contacts, 2);
        assert_int_equal(ready(&rig.nurse, TODAY).people, 1);
        assert_int_equal(ready(&rig.nurse, TODAY).missing, 0);
        assert_int_equal(ready(&rig.nurse, TODAY + 2).contacts, 0);
}

static void a_nurse_has_their_own_contacts_and_those_of_the_team_that_are_nobodys(void **state)
{
        struct uuid ann = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct uuid olu = rig_person(&rig, 2, "Oak", "Olu", &rig.team);

        (void)state;
        station_sync(&tablet);
        plan(&ann, TODAY * DAY_MS, &rig.nurse, &rig.team);
        plan(&olu, TODAY * DAY_MS, NULL, &rig.team);
        plan(&olu, TODAY * DAY_MS, &rig.coordinator, &rig.team);
        plan(&olu, TODAY * DAY_MS, NULL, NULL);
        assert_int_equal(ready(&rig.nurse, TODAY).contacts, 2);
        assert_int_equal(ready(&rig.nurse, TODAY).people, 2);
        assert_int_equal(ready(&rig.coordinator, TODAY).contacts, 2);
        assert_int_equal(ready(&rig.coordinator, TODAY).people, 1);
        assert_int_equal(ready(&UUID_NONE, TODAY).contacts, 4);
}

static void what_is_done_or_cancelled_is_not_waited_for(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), contact;

        (void)state;
        station_sync(&tablet);
        contact = plan(&person, TODAY * DAY_MS, &rig.nurse, NULL);
        move_on(&contact, "started");
        assert_int_equal(ready(&rig.nurse, TODAY).contacts, 1);
        move_on(&contact, "done");
        assert_int_equal(ready(&rig.nurse, TODAY).contacts, 0);
}

/* A contact whose person has not come: a first sync that was cut, or a restored replica. */
static void somebody_who_is_not_here_is_missed_once(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        plan(&person, TODAY * DAY_MS, &rig.nurse, NULL);
        plan(&person, TODAY * DAY_MS + 1, &rig.nurse, NULL);
        assert_int_equal(record_delete(replica_tables(tablet.engine->replica),
                                       catalogue_person_type(), &person),
                         0);
        assert_int_equal(ready(&rig.nurse, TODAY).contacts, 2);
        assert_int_equal(ready(&rig.nurse, TODAY).missing, 1);
        assert_int_equal(ready(&UUID_NONE, TODAY).missing, 1);
}

static void a_stranger_is_refused(void **state)
{
        struct engine_now now;
        struct uuid nobody = test_id(4, 99);
        struct engine_ready ret;

        (void)state;
        station_sync(&tablet);
        now = station_now(&tablet);
        assert_int_equal(engine_ready(tablet.engine, &nobody, &now, 0, DAY_MS, &ret),
                         PANNIER_E_REFUSED);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_day_has_its_own_contacts_from_midnight_to_midnight),
                TEST(a_nurse_has_their_own_contacts_and_those_of_the_team_that_are_nobodys),
                TEST(what_is_done_or_cancelled_is_not_waited_for),
                TEST(somebody_who_is_not_here_is_missed_once),
                TEST(a_stranger_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
