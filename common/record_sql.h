/*
 * The SQL texts of the record tables, made from the catalogue's descriptors. Between record_table.c and record_sql.c only.
 */
#ifndef COMMON_RECORD_SQL_H
#define COMMON_RECORD_SQL_H

#include "common/catalogue.h"

enum record_column { /* places in what the statements select; parameters of RECORD_SQL_PUT are one more */
                     RECORD_COLUMN_ID,
                     RECORD_COLUMN_PERSON,
                     RECORD_COLUMN_LOCALITY,
                     RECORD_COLUMN_AUTHOR,
                     RECORD_COLUMN_DEVICE,
                     RECORD_COLUMN_ROLE,
                     RECORD_COLUMN_RECORDED,
                     RECORD_COLUMN_POSITION,
                     RECORD_COLUMN_UNKNOWN,
                     RECORD_COLUMN_STAMPS,
                     RECORD_COLUMN_FIELDS, /* and those behind it, as type->fields */
};

enum record_sql {
        RECORD_SQL_PUT,              /* all columns */
        RECORD_SQL_PUT_NEW,          /* all columns; changes nothing where there is a row */
        RECORD_SQL_GET,              /* 1: id */
        RECORD_SQL_POSITION,         /* 1: id */
        RECORD_SQL_EACH,             /* 1: after this id */
        RECORD_SQL_EACH_OF_PERSON,   /* 1: after this id, 2: person */
        RECORD_SQL_DELETE,           /* 1: id */
        RECORD_SQL_DELETE_OF_PERSON, /* 1: person */
        RECORD_SQL_COUNT_,
        RECORD_SQL_FIND = RECORD_SQL_COUNT_, /* 1: value; one for each field */
        RECORD_SQL_RANGE, /* 1: from this value, 2: to below that one; one for each field */
};

void record_sql_text(const struct catalogue_type *type, enum record_sql which, int field_index,
                     struct buffer *out);

/* record_sql_part() - id, position and the fields of the bits (1 << place) of a person's records; 1: person */
void record_sql_part(const struct catalogue_type *type, uint64_t fields, struct buffer *out);

/* record_sql_has_person() - may records of the type hang on a person? */
bool record_sql_has_person(const struct catalogue_type *type);

/* record_sql_column_type() - of a field's column, as schema/generate writes it */
const char *record_sql_column_type(const struct catalogue_field *field);

#endif
