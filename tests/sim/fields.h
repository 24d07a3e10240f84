/* Values of fields by the names of the catalogue, for what staff and operators write. */
#ifndef TESTS_SIM_FIELDS_H
#define TESTS_SIM_FIELDS_H

#include "common/catalogue.h"
#include "common/entry.h"

enum { SIM_FIELDS_MAX = 12 };

struct sim_field {
        const char *name, *text; /* text: a text; a code's code; an id is given by `id` */
        const struct uuid *id;
        int64_t number; /* where text and id are NULL */
};

struct sim_changes {
        struct entry_change items[SIM_FIELDS_MAX];
        size_t count;
};

/* sim_type() - by its name; a name that the catalogue does not have ends the program */
const struct catalogue_type *sim_type(const char *name);
size_t sim_field_index(const struct catalogue_type *type, const char *name);
/* sim_changes_make() - ascending by number; values borrow from @fields */
void sim_changes_make(const struct catalogue_type *type, const struct sim_field *fields,
                      size_t count, struct sim_changes *ret);

#endif
