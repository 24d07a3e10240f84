/*
 * The typed tables: one SQL table per record type, generated from the catalogue, the same on device and store.
 *
 * Columns: id, person, locality, author, device, role, recorded_ms, position, unknown, stamps (the store's
 * memory of who set which field when; NULL on a device), then one per field, named f_<field>.
 */
#ifndef COMMON_RECORD_TABLE_H
#define COMMON_RECORD_TABLE_H

#include "common/db.h"
#include "common/record.h"

/* Of one row: the record and its stamps borrow from it until the call returns; copy what you keep. */
typedef int record_visitor(void *context, const struct record *record, struct bytes stamps);

/*
 * Prepared statements for every type on one connection, made when they are first needed; the connection owns them. A visit may look at anything, also through the same call, and write to other records than it looks at.
 */
struct record_tables;

/* record_tables_create() - make the tables that are missing, add columns of fields that are new */
int record_tables_create(struct db *db);

int record_tables_new(struct db *db, struct record_tables **ret);
struct record_tables *record_tables_free(struct record_tables *tables);
DEFINE_FREEP(record_tables)

/* record_put() - insert or replace; @stamps may be empty. Nothing is copied. */
int record_put(struct record_tables *tables, const struct record *record, struct bytes stamps);

/* record_put_new() - the same, unless there is a record of this id and type; 1 put, 0 not, or an error */
int record_put_new(struct record_tables *tables, const struct record *record, struct bytes stamps);

/**
 * record_get() - one record by id
 * @arena:      owns what ret borrows
 * @ret_stamps: may be NULL
 *
 * Return: 1 found, 0 not there, or an error
 */
int record_get(struct record_tables *tables, const struct catalogue_type *type,
               const struct uuid *id, struct arena *arena, struct record *ret,
               struct bytes *ret_stamps);

/**
 * record_visit() - look at one record without copying it
 *
 * Return: 1 visited, 0 not there, or the error that @visit returned
 */
int record_visit(struct record_tables *tables, const struct catalogue_type *type,
                 const struct uuid *id, record_visitor *visit, void *context);

/* record_position() - its position only; 1 found, 0 not there, or an error */
int record_position(struct record_tables *tables, const struct catalogue_type *type,
                    const struct uuid *id, uint64_t *ret);

/* record_delete() - remove one; not being there is no error */
int record_delete(struct record_tables *tables, const struct catalogue_type *type,
                  const struct uuid *id);

/* record_delete_person() - remove all records of a person, of every type */
int record_delete_person(struct record_tables *tables, const struct uuid *person);

/**
 * record_each() - visit a person's records of one type, or all of a type where @person is NULL, ascending by id
 * @after:  visit only ids greater than it; NULL: from the first
 * @visit:  returns 0 to go on, 1 to stop, or an error
 *
 * Return: 0 all visited, 1 stopped by @visit, or an error
 */
int record_each(struct record_tables *tables, const struct catalogue_type *type,
                const struct uuid *person, const struct uuid *after, record_visitor *visit,
                void *context);

/**
 * record_each_part() - visit a person's records of one type with some of their fields, ascending by id
 * @fields: bit 1 << place in type->fields: what is read. Everything else of a visited record is unset, but its id,
 *          person and position
 *
 * Each column of a row costs about as much as finding the row. @visit must not ask for a part of the same type.
 *
 * Return: as record_each()
 */
int record_each_part(struct record_tables *tables, const struct catalogue_type *type,
                     const struct uuid *person, uint64_t fields, record_visitor *visit,
                     void *context);

/**
 * record_find() - visit the records of a type whose field has a value, ascending by id
 * @value: not none; a set or map is compared whole
 *
 * Quick where the catalogue marks the field as indexed, or it leads a unique rule; otherwise the whole table is read.
 *
 * Return: as record_each()
 */
int record_find(struct record_tables *tables, const struct catalogue_type *type, int field_index,
                const struct value *value, record_visitor *visit, void *context);

/* record_range() - visit the records of a type whose field, a number, is from @from to below @to, ascending by it; otherwise as record_find() */
int record_range(struct record_tables *tables, const struct catalogue_type *type, int field_index,
                 int64_t from, int64_t to, record_visitor *visit, void *context);

#endif
