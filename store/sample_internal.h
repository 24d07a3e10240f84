/* What the files of the sample locality share: how many of each thing there are, and who is who. */
#ifndef STORE_SAMPLE_INTERNAL_H
#define STORE_SAMPLE_INTERNAL_H

#include "common/nhs_number.h"
#include "store/sample.h"
#include "store/sample_draw.h"
#include "store/sample_sheet.h"

enum sample_sheet { /* in the order of sample_files() */
                    SHEET_PLACES,
                    SHEET_ORGANISATIONS,
                    SHEET_TEAMS,
                    SHEET_SERVES,
                    SHEET_STAFF,
                    SHEET_MEMBERSHIPS,
                    SHEET_PEOPLE,
                    SHEET_ASSIGNMENTS,
                    SHEET_RESIDENCES,
                    SHEET_CONTACTS,
                    SHEET_ALLERGIES,
                    SHEET_BASELINES,
                    SHEET_MEDICINES,
                    SHEET_VISITS,
                    SHEET_OBSERVATIONS,
};

#define SAMPLE_LOCALITY "Harrowdale"

struct sample {
        const struct sample_options *options;
        struct draw draw;
        uint32_t stem; /* of the next NHS number, from the start of the test range */
        uint32_t neighbourhoods, practices, homes, staff;
        struct sheet *sheets[SAMPLE_FILE_COUNT];
        uint64_t rows_done, rows_all;
};

/* Names by number: the same number gives the same name in every file. */
enum { SAMPLE_NAME_SIZE = 96 };
void sample_neighbourhood_name(const struct sample *sample, uint32_t number,
                               char ret[SAMPLE_NAME_SIZE]);
void sample_home_name(const struct sample *sample, uint32_t number, char ret[SAMPLE_NAME_SIZE]);
void sample_staff_name(const struct sample *sample, uint32_t number, char ret[SAMPLE_NAME_SIZE]);
/* sample_nurse() - number of a nurse who works in that neighbourhood */
uint32_t sample_nurse(const struct sample *sample, uint32_t neighbourhood, struct draw *draw);
void sample_practice_code(uint32_t number, char ret[SAMPLE_NAME_SIZE]);

/* sample_id() - id of the @number-th thing of a kind that a person has; the same in every run of the seed */
struct uuid sample_id(const struct sample *sample, enum sample_sheet kind, uint32_t person,
                      uint32_t number);

void sample_write_area(
        struct sample *sample); /* places, organisations, teams, serving relations, staff */

struct sample_person {
        uint32_t number, neighbourhood;
        char nhs[NHS_NUMBER_SIZE];
        int64_t born;                /* days since 1970 */
        bool female, in_home, lungs; /* lungs: SpO2 scale 2, by a signed decision */
        uint32_t home;
};

void sample_write_person(struct sample *sample, struct sample_person *person);
void sample_write_history(struct sample *sample, const struct sample_person *person);

/* sample_row() - end the row of a sheet, and say how far we are now and then */
void sample_row(struct sample *sample, enum sample_sheet sheet);

#endif
