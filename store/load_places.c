#include "store/load_places.h"

#include "common/error.h"
#include "store/load.h"
#include "store/load_csv.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_NAMES_MAX = 4 * LOAD_ALIASES_MAX, LOCALITIES_MAX = 64 };

struct place_name {
        struct bytes word; /* folded */
        struct uuid locality;
};

struct alias {
        struct bytes word, target; /* folded */
};

struct load_places {
        struct arena aliases_arena, names_arena;
        struct alias *aliases;
        size_t alias_count;
        struct place_name *names;
        size_t name_count;
        struct uuid ids[LOCALITIES_MAX];
        size_t id_count;
};

/* Letters and digits in lower case, "and" for "&", everything else gone: "Wigan Borough" and "wigan-borough" are one. */
static struct bytes fold(struct arena *arena, struct bytes text)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];

                if (c >= 'A' && c <= 'Z')
                        buffer_append_byte(&out, (uint8_t)(c | 0x20));
                else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
                        buffer_append_byte(&out, c);
                else if (c == '&')
                        buffer_append_text(&out, "and");
        }
        return buffer_check(&out) < 0 ? BYTES_NONE : arena_copy(arena, buffer_view(&out));
}

static int take_alias(struct load_places *places, const char *path, const struct csv_row *row)
{
        struct alias *alias = &places->aliases[places->alias_count];

        if (row->count != 2)
                return FAIL(PANNIER_E_INVALID, "%s:%llu: an alias has two columns: alias,locality",
                            path, (unsigned long long)row->line);
        if (places->alias_count == LOAD_ALIASES_MAX)
                return FAIL(PANNIER_E_LIMIT, "%s: more than %d aliases", path, LOAD_ALIASES_MAX);
        alias->word = fold(&places->aliases_arena, row->fields[0]);
        alias->target = fold(&places->aliases_arena, row->fields[1]);
        if (!alias->word.data || !alias->target.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for the aliases");
        places->alias_count++;
        return 0;
}

static int read_aliases(struct load_places *places, const char *path)
{
        CLEANUP(csv_closep) struct csv_file *file = NULL;
        struct csv_row row = {0};
        char detail[ERROR_DETAIL_MAX];
        bool header = true;
        int r = csv_open(path, &file);

        while (r >= 0 && (r = csv_next(file, &row)) == 1) {
                if (!header)
                        r = take_alias(places, path, &row);
                header = false;
        }
        if (r == PANNIER_E_MALFORMED) {
                (void)snprintf(detail, sizeof detail, "%s", error_detail());
                return FAIL(PANNIER_E_INVALID, "%s:%llu: %s", path, (unsigned long long)row.line,
                            detail);
        }
        return r;
}

int load_places_new(const char *aliases_path, struct load_places **ret)
{
        CLEANUP(load_places_freep) struct load_places *places = calloc(1, sizeof *places);
        int r;

        if (!places)
                return FAIL(PANNIER_E_MEMORY, "no memory for the localities");
        places->aliases = calloc(LOAD_ALIASES_MAX, sizeof *places->aliases);
        places->names = calloc(PLACE_NAMES_MAX, sizeof *places->names);
        if (!places->aliases || !places->names)
                return FAIL(PANNIER_E_MEMORY, "no memory for the localities");
        if (aliases_path) {
                r = read_aliases(places, aliases_path);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(places);
        return 0;
}

struct load_places *load_places_free(struct load_places *places)
{
        if (!places)
                return NULL;
        arena_deinit(&places->aliases_arena);
        arena_deinit(&places->names_arena);
        free(places->aliases);
        free(places->names);
        free(places);
        return NULL;
}

static int add_name(struct load_places *places, struct bytes text, const struct uuid *locality)
{
        struct bytes word = fold(&places->names_arena, text);

        if (word.size == 0)
                return 0;
        if (places->name_count == PLACE_NAMES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d names of localities", PLACE_NAMES_MAX);
        places->names[places->name_count++] = (struct place_name){word, *locality};
        return 0;
}

static int on_place(void *context, const struct record *record, struct bytes stamps)
{
        struct load_places *places = context;
        const struct catalogue_bind *bind = catalogue_bind();
        const int16_t fields[] = {bind->place.name, bind->place.ons_code};
        int r = 0;

        (void)stamps;
        for (size_t i = 0; r == 0 && i < sizeof fields / sizeof *fields; i++)
                if (record->values[fields[i]].form == VALUE_BYTES)
                        r = add_name(places, record->values[fields[i]].bytes, &record->id);
        return r;
}

static int on_locality(void *context, const struct uuid *id)
{
        struct load_places *places = context;

        if (places->id_count == LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", LOCALITIES_MAX);
        places->ids[places->id_count++] = *id;
        return 0;
}

static bool find_name(const struct load_places *places, struct bytes word, struct uuid *ret)
{
        for (size_t i = 0; i < places->name_count; i++)
                if (bytes_equal(places->names[i].word, word)) {
                        *ret = places->names[i].locality;
                        return true;
                }
        return false;
}

int load_places_refresh(struct load_places *places, struct storage *storage)
{
        size_t own;
        struct uuid id;
        int r;

        arena_reset(&places->names_arena);
        places->name_count = places->id_count = 0;
        r = storage->ops->localities(storage, on_locality, places);
        for (size_t i = 0; r >= 0 && i < places->id_count; i++)
                r = storage->ops->record_visit(storage, catalogue_place_type(), &places->ids[i],
                                               on_place, places);
        own = places->name_count;
        for (size_t i = 0; r >= 0 && i < places->alias_count; i++) {
                struct load_places known = *places;

                known.name_count = own;
                if (find_name(&known, places->aliases[i].target, &id))
                        r = add_name(places, places->aliases[i].word, &id);
        }
        return r < 0 ? r : 0;
}

bool load_places_find(const struct load_places *places, struct bytes text, struct uuid *ret)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct bytes word;

        if (uuid_parse(text, ret) == 0)
                for (size_t i = 0; i < places->id_count; i++)
                        if (uuid_equal(&places->ids[i], ret))
                                return true;
        word = fold(&arena, text);
        return word.size > 0 && find_name(places, word, ret);
}

const struct uuid *load_places_list(const struct load_places *places, size_t *ret_count)
{
        *ret_count = places->id_count;
        return places->ids;
}
