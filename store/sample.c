/*
 * Everything follows from the seed: names of places, homes and staff from (seed, number), people and their history
 * from one draw a person, so that person 17 is the same in a locality of 100 and of 100,000.
 */
#include "store/sample_internal.h"

#include "common/error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
        struct sample_file file;
        const char *header;
} sheets[SAMPLE_FILE_COUNT] = {
        [SHEET_PLACES] = {{"place", "places.csv"}, "locality,level,parent,name,ons_code"},
        [SHEET_ORGANISATIONS] =
                {{"organisation", "organisations.csv"},
                 "locality,types,name,ods_code,cqc_location,address,postcode,phone,beds"},
        [SHEET_TEAMS] = {{"team", "teams.csv"},
                         "locality,organisation,name,kind,phone,on_call_phone"},
        [SHEET_SERVES] = {{"serves", "serves.csv"}, "locality,server,served,relation,from"},
        [SHEET_STAFF] = {{"staff", "staff.csv"}, "locality,name,role,professional_id,phone"},
        [SHEET_MEMBERSHIPS] = {{"membership", "memberships.csv"}, "locality,staff,team,from"},
        [SHEET_PEOPLE] = {{"person", "people.csv"},
                          "locality,nhs_number,nhs_status,family,given,birth_date,gender,address,"
                          "postcode,phone,"
                          "contact_preference,language,practice,neighbourhood"},
        [SHEET_ASSIGNMENTS] = {{"assignment", "assignments.csv"},
                               "locality,person,team,tier,key_worker,status,from"},
        [SHEET_RESIDENCES] = {{"residence", "residences.csv"},
                              "locality,person,organisation,room,status,from"},
        [SHEET_CONTACTS] = {{"contact_person", "contacts.csv"},
                            "locality,id,person,name,relation,phone"},
        [SHEET_ALLERGIES] = {{"allergy", "allergies.csv"},
                             "locality,id,person,substance,reaction,severity,status"},
        [SHEET_BASELINES] = {{"baseline", "baselines.csv"},
                             "locality,id,person,spo2_scale,spo2_scale_signer,pregnant"},
        [SHEET_MEDICINES] = {{"medicine", "medicines.csv"}, "locality,person,name,dose,route,from"},
        [SHEET_VISITS] = {{"visit", "visits.csv"},
                          "locality,id,person,author,recorded,setting,arrived,left,consent,"
                          "subjective,objective,"
                          "assessment,plan,outcome"},
        [SHEET_OBSERVATIONS] = {{"observations", "observations.csv"},
                                "locality,id,person,author,recorded,taken,respiration,spo2,oxygen,"
                                "spo2_scale,systolic,"
                                "diastolic,pulse,consciousness,temperature"},
};

const struct sample_file *sample_files(void)
{
        static struct sample_file files[SAMPLE_FILE_COUNT];

        for (int i = 0; i < SAMPLE_FILE_COUNT; i++)
                files[i] = sheets[i].file;
        return files;
}

enum { PROGRESS_ROWS = 4096 };

void sample_row(struct sample *sample, enum sample_sheet sheet)
{
        const struct sample_options *options = sample->options;

        sheet_end_row(sample->sheets[sheet]);
        if (++sample->rows_done % PROGRESS_ROWS == 0 && options->progress)
                options->progress(options->context, sample->rows_done, sample->rows_all);
}

struct uuid sample_id(const struct sample *sample, enum sample_sheet kind, uint32_t person,
                      uint32_t number)
{
        struct draw draw = {sample->options->seed * 31 + ((uint64_t)kind << 56) +
                            ((uint64_t)person << 24) + number};
        uint64_t bits[2] = {draw_next(&draw), draw_next(&draw)};
        uint8_t random[10];

        memcpy(random, bits, sizeof random);
        /* Version 7 with the history's last day: ids that are loaded together lie together in every index. */
        return uuid_v7(sample->options->now_ms - (int64_t)(bits[1] >> 34), random);
}

static int check(const struct sample_options *options)
{
        if (options->people < 1 || options->people > SAMPLE_PEOPLE_MAX)
                return FAIL(PANNIER_E_INVALID, "a sample has 1 to %d people", SAMPLE_PEOPLE_MAX);
        if (options->visits > SAMPLE_VISITS_MAX)
                return FAIL(PANNIER_E_INVALID, "a person of the sample has 0 to %d visits",
                            SAMPLE_VISITS_MAX);
        if (options->observations > SAMPLE_OBSERVATIONS_MAX)
                return FAIL(PANNIER_E_INVALID, "a person of the sample has 0 to %d observations",
                            SAMPLE_OBSERVATIONS_MAX);
        if (mkdir(options->folder, 0700) < 0 && errno != EEXIST)
                return FAIL(PANNIER_E_SYSTEM, "cannot make the folder %s: %s", options->folder,
                            strerror(errno));
        return 0;
}

static int open_sheets(struct sample *sample)
{
        int r;

        for (int i = 0; i < SAMPLE_FILE_COUNT; i++) {
                r = sheet_open(sample->options->folder, sheets[i].file.name, sheets[i].header,
                               &sample->sheets[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int close_sheets(struct sample *sample)
{
        int first = 0, r;

        for (int i = 0; i < SAMPLE_FILE_COUNT; i++) {
                r = sheet_close(sample->sheets[i]);
                first = first < 0 ? first : r;
        }
        return first;
}

int sample_write(const struct sample_options *options)
{
        struct sample sample = {.options = options, .draw = {options->seed}};
        struct sample_person person;
        int r, closed;

        r = check(options);
        if (r < 0)
                return r;
        sample.neighbourhoods = options->people / 10000 + 1;
        sample.practices = options->people / 7000 + 2;
        sample.homes = options->people / 250 + 2;
        sample.staff = options->people / 40 + 16;
        sample.stem = draw_below(&sample.draw, 1000000);
        sample.rows_all = (uint64_t)options->people * (4 + options->visits + options->observations);
        r = open_sheets(&sample);
        if (r == 0) {
                sample_write_area(&sample);
                for (uint32_t i = 0; i < options->people; i++) {
                        person = (struct sample_person){.number = i};
                        sample_write_person(&sample, &person);
                        sample_write_history(&sample, &person);
                }
        }
        closed = close_sheets(&sample);
        return r < 0 ? r : closed;
}
