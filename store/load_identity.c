/*
 * Which record a row is about. A key is a hash over the values of its fields; a second row with the same key in one
 * file is a second record, and finds itself again by its turn.
 */
#include "common/crypto.h"
#include "common/error.h"
#include "store/load_row.h"

#include <search.h>
#include <string.h>

enum { LOAD_TURNS_MAX = 1000 }; /* rows of one file with the same key */

static int compare_ids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

bool load_touched(const struct load_table *table, const struct uuid *record)
{
        return tfind(record, &table->touched, compare_ids) != NULL;
}

bool load_touch(struct load_table *table, const struct uuid *record)
{
        struct uuid *copy;

        if (load_touched(table, record))
                return false;
        copy = malloc(sizeof *copy);
        if (copy) {
                *copy = *record;
                if (!tsearch(copy, &table->touched, compare_ids))
                        free(copy);
        }
        return true;
}

/* Text is compared without case and with single blanks, so that a second export finds its rows again. */
static void append_folded(struct buffer *out, struct bytes text)
{
        bool blank = false;

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];

                if (c == ' ') {
                        blank = true;
                        continue;
                }
                if (blank && out->size)
                        buffer_append_byte(out, ' ');
                blank = false;
                buffer_append_byte(out, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
}

/* false: a field of the key is empty, so the row does not have this key. */
static bool key_text(const struct load_row *row, size_t number, struct buffer *out)
{
        const struct catalogue_key *key = &row->table->type->keys[number];

        buffer_append_byte(out, (uint8_t)number);
        for (size_t i = 0; i < key->field_count; i++) {
                int index = key->field_indexes[i];
                const struct value *value = index < 0 ? NULL : &row->values[index];

                buffer_append_byte(out, 0);
                if (index < 0) {
                        buffer_append(out, BYTES(row->person.bytes, sizeof row->person.bytes));
                } else if (value->form == VALUE_UNSET) {
                        return false;
                } else if (value->form == VALUE_BYTES) {
                        append_folded(out, value->bytes);
                } else {
                        value_encode(&row->table->type->fields[index], value, out);
                }
        }
        return true;
}

static void key_hash(struct buffer *text, uint32_t turn, uint8_t ret[LOAD_KEY_SIZE])
{
        uint8_t hash[HASH_SIZE];
        struct bytes parts[2] = {buffer_view(text), BYTES(&turn, turn > 1 ? sizeof turn : 0)};

        crypto_sha256_parts(parts, 2, hash);
        memcpy(ret, hash, LOAD_KEY_SIZE);
}

struct unique_hit {
        const struct catalogue_unique *rule;
        const struct uuid *locality;
        struct uuid id;
        bool found;
};

/* Where the rule does not hold for a record, its value says nothing: such as an NHS number that is still to be traced. */
static int on_hit(void *context, const struct record *record, struct bytes stamps)
{
        struct unique_hit *hit = context;

        (void)stamps;
        if (!uuid_equal(&record->locality, hit->locality) ||
            !record_meets(record, &hit->rule->condition))
                return 0;
        hit->id = record->id;
        hit->found = true;
        return 1;
}

/* NULL: the field's value may be that of many records */
static const struct catalogue_unique *unique_of(const struct catalogue_type *type, int index)
{
        for (size_t i = 0; i < type->unique_count; i++)
                if (type->uniques[i].field_count == 1 &&
                    type->uniques[i].field_indexes[0] == index && !type->uniques[i].per_person)
                        return &type->uniques[i];
        return NULL;
}

/* What is in the store already under a value that belongs to one record only, such as an NHS number. */
static int find_by_unique(const struct load_row *row, int index, struct uuid *ret)
{
        const struct load_table *table = row->table;
        struct unique_hit hit = {.rule = unique_of(table->type, index), .locality = &row->locality};
        int r;

        if (!hit.rule)
                return 0;
        r = table->storage->ops->record_find(table->storage, table->type, index,
                                             &row->values[index], on_hit, &hit);
        if (r < 0)
                return r;
        *ret = hit.id;
        return hit.found;
}

/* 1: a record was found that no row of this file was about before; 0: none. Each key gets the turn that was free. */
static int find_by_key(struct load_row *row, size_t number, uint8_t ret_key[LOAD_KEY_SIZE],
                       bool *ret_has, bool *ret_again)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        const struct load_table *table = row->table;
        const struct catalogue_key *key = &table->type->keys[number];
        int r = 0;

        *ret_has = key_text(row, number, &text);
        if (!*ret_has)
                return 0;
        if (buffer_check(&text) < 0)
                return buffer_check(&text);
        for (uint32_t turn = 1; turn <= LOAD_TURNS_MAX; turn++) {
                key_hash(&text, turn, ret_key);
                r = table->storage->ops->load_key_get(table->storage, &row->locality, table->type,
                                                      BYTES(ret_key, LOAD_KEY_SIZE), &row->record);
                if (r == 0 && turn == 1 && key->field_count == 1 && key->field_indexes[0] >= 0)
                        r = find_by_unique(row, key->field_indexes[0], &row->record);
                if (r <= 0 || !load_touched(table, &row->record))
                        return r;
                *ret_again = true;
        }
        return FAIL(PANNIER_E_LIMIT, "more than %d rows with one key", LOAD_TURNS_MAX);
}

static void draw_id(struct load_row *row)
{
        uint8_t random[10];

        row->table->options->random(random, sizeof random);
        row->record = uuid_v7(row->table->options->now_ms, random);
}

/*
 * A weaker key (a name and a birth date) finds a record only where a stronger one (an NHS number) does not speak against it:
 * the row has the stronger key, nothing is known under it, and the record found has another.
 */
static int stronger_key_differs(const struct load_row *row, size_t number, const bool *has,
                                bool *ret)
{
        const struct load_table *table = row->table;
        const struct catalogue_type *type = table->type;
        struct record record;
        int r = table->storage->ops->record_get(table->storage, type, &row->record,
                                                &row->table->arena, &record, NULL);

        *ret = false;
        for (size_t k = 0; r == 1 && k < number; k++) {
                bool all = has[k];

                for (size_t i = 0; i < type->keys[k].field_count; i++)
                        if (type->keys[k].field_indexes[i] >= 0)
                                all &= record.values[type->keys[k].field_indexes[i]].form !=
                                       VALUE_UNSET;
                *ret |= all;
        }
        return r < 0 ? r : 0;
}

int load_row_identify(struct load_row *row, uint8_t keys[][LOAD_KEY_SIZE])
{
        const struct catalogue_type *type = row->table->type;
        struct uuid found = UUID_NONE;
        bool has[UINT8_MAX] = {false}, first_again = false, again, differs;
        int count = 0, present = 0, r;

        if (row->id.size)
                return uuid_parse(row->id, &row->record) < 0
                               ? FAIL(PANNIER_E_INVALID, "id: not a UUID")
                               : 0;
        for (size_t i = 0; i < type->key_count; i++) {
                again = differs = false;
                r = find_by_key(row, i, keys[count], &has[i], &again);
                if (r == 1 && uuid_is_none(&found))
                        r = stronger_key_differs(row, i, has, &differs) < 0 ? PANNIER_E_STORAGE : 1;
                if (r < 0)
                        return r;
                first_again |= again && present == 0;
                present += has[i];
                count += has[i] && !differs;
                if (r == 1 && !differs && uuid_is_none(&found))
                        found = row->record;
        }
        if (present == 0)
                return FAIL(PANNIER_E_INVALID,
                            "nothing in it says which %s it is about: it needs an id or one of its "
                            "keys",
                            type->name);
        if (first_again)
                load_row_message(row, LOAD_WARNING,
                                 "a row above has the same key: kept as a record of its own");
        row->record = found;
        if (uuid_is_none(&found))
                draw_id(row);
        return count;
}

int load_words_put(const struct load_row *row)
{
        const struct load_table *table = row->table;
        const struct catalogue_type *type = table->type;
        int r = 0;

        for (int i = 0; r == 0 && i < type->field_count; i++) {
                CLEANUP(buffer_deinit) struct buffer word = BUFFER_INIT;
                bool in_key = false;

                for (size_t k = 0; k < type->key_count; k++)
                        for (size_t f = 0; f < type->keys[k].field_count; f++)
                                in_key |= type->keys[k].field_indexes[f] == i;
                if (!in_key || row->values[i].form != VALUE_BYTES ||
                    row->values[i].bytes.size > LOAD_WORD_MAX)
                        continue;
                append_folded(&word, row->values[i].bytes);
                r = buffer_check(&word);
                if (r == 0)
                        r = table->storage->ops->load_word_put(table->storage, &row->locality, type,
                                                               buffer_view(&word), &row->record);
        }
        return r;
}

int load_find_word(struct load_table *table, const struct uuid *locality, const uint8_t *types,
                   size_t type_count, struct bytes text, struct uuid *ret)
{
        CLEANUP(buffer_deinit) struct buffer word = BUFFER_INIT;
        size_t count;
        const struct uuid *all = load_places_list(table->places, &count);
        int r = 0;

        append_folded(&word, text);
        if (buffer_check(&word) < 0)
                return buffer_check(&word);
        for (size_t t = 0; r == 0 && t < type_count; t++) {
                const struct catalogue_type *type = catalogue_type_by_number(types[t]);

                r = table->storage->ops->load_word_get(table->storage, locality, type,
                                                       buffer_view(&word), ret);
                for (size_t i = 0; r == 0 && i < count; i++)
                        if (!uuid_equal(&all[i], locality))
                                r = table->storage->ops->load_word_get(
                                        table->storage, &all[i], type, buffer_view(&word), ret);
        }
        if (r == 2)
                return FAIL(PANNIER_E_INVALID,
                            "'%.*s' names more than one record: use its code or id",
                            (int)(text.size < 60 ? text.size : 60), (const char *)text.data);
        return r;
}
