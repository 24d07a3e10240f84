#include "store/load_map.h"

#include "common/error.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

enum { RULES_MAX = 512 };

enum rule_kind { RULE_COLUMN, RULE_CONSTANT, RULE_VALUE, RULE_SEPARATOR, RULE_EMPTY };

struct rule { /* one line of a mapping file */
        enum rule_kind kind;
        struct load_target
                target; /* RULE_COLUMN, RULE_CONSTANT; RULE_VALUE, RULE_SEPARATOR: field_index */
        struct bytes from, to; /* texts of the line, NUL behind each */
        bool seen;             /* RULE_COLUMN: a header named it */
};

struct load_map {
        const struct catalogue_type *type;
        const char *path; /* while it is read */
        bool from_file;
        struct arena arena;
        struct rule *rules;
        size_t count;
        int error; /* of the reader's callback */
};

static const struct {
        const char *name;
        enum load_column column;
} further_columns[] = {
        {"id", LOAD_ID},
        {"person", LOAD_PERSON},
        {"author", LOAD_AUTHOR},
        {"recorded", LOAD_RECORDED},
        {"locality", LOAD_LOCALITY},
        {"locality_name", LOAD_LOCALITY_NAME},
};

enum { FURTHER_COUNT = sizeof further_columns / sizeof *further_columns };

/* The target a name stands for; a field of the type goes before a further column. */
static bool find_target(const struct catalogue_type *type, struct bytes name,
                        struct load_target *ret)
{
        ret->field_index = catalogue_field_index_by_name(type, name);
        if (ret->field_index >= 0) {
                ret->column = LOAD_FIELD;
                return true;
        }
        for (size_t i = 0; i < FURTHER_COUNT; i++)
                if (bytes_equal(name, bytes_text(further_columns[i].name))) {
                        ret->column = further_columns[i].column;
                        return true;
                }
        return false;
}

static int refuse_name(const struct catalogue_type *type, struct bytes name)
{
        CLEANUP(buffer_deinit) struct buffer names = BUFFER_INIT;

        for (uint16_t i = 0; i < type->field_count; i++)
                buffer_append_format(&names, "%s%s", i ? ", " : "", type->fields[i].name);
        for (size_t i = 0; i < FURTHER_COUNT; i++)
                buffer_append_format(&names, ", %s", further_columns[i].name);
        buffer_append_byte(&names, 0);
        return FAIL(PANNIER_E_INVALID, "'%.*s' is no column of %s: there are %s",
                    (int)(name.size < 60 ? name.size : 60), (const char *)name.data, type->name,
                    names.data ? (const char *)names.data : "");
}

static struct bytes keep(struct load_map *map, const char *text)
{
        return arena_copy(&map->arena, bytes_text(text));
}

/* The rule's kind by its section; VALUE sections carry the field's name. */
static int rule_of_section(struct load_map *map, const char *section, struct rule *rule)
{
        static const struct {
                const char *section;
                enum rule_kind kind;
        } sections[] = {{"columns", RULE_COLUMN},
                        {"constants", RULE_CONSTANT},
                        {"separators", RULE_SEPARATOR},
                        {"empty", RULE_EMPTY}};

        for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
                if (strcmp(section, sections[i].section) == 0) {
                        rule->kind = sections[i].kind;
                        return 0;
                }
        if (strncmp(section, "values ", 7) != 0)
                return FAIL(PANNIER_E_INVALID,
                            "no section [%s]: there are columns, constants, values FIELD, "
                            "separators, empty",
                            section);
        rule->kind = RULE_VALUE;
        if (!find_target(map->type, bytes_text(section + 7), &rule->target) ||
            rule->target.column != LOAD_FIELD)
                return refuse_name(map->type, bytes_text(section + 7));
        return 0;
}

static int read_rule(struct load_map *map, const char *section, const char *name, const char *value)
{
        struct rule *rule = &map->rules[map->count];
        int r;

        if (map->count == RULES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d lines", RULES_MAX);
        r = rule_of_section(map, section, rule);
        if (r < 0)
                return r;
        rule->from = keep(map, name);
        rule->to = keep(map, value);
        if (!rule->from.data || !rule->to.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for a mapping");
        if (rule->kind == RULE_COLUMN || rule->kind == RULE_CONSTANT ||
            rule->kind == RULE_SEPARATOR)
                if (!find_target(map->type, rule->from, &rule->target))
                        return refuse_name(map->type, rule->from);
        if (rule->kind == RULE_SEPARATOR && rule->to.size != 1)
                return FAIL(PANNIER_E_INVALID, "a separator is one character");
        map->count++;
        return 0;
}

static int on_line(void *context, const char *section, const char *name, const char *value)
{
        struct load_map *map = context;

        map->error = read_rule(map, section, name, value);
        return map->error ==
               0; /* 0 tells inih that this line is wrong; it gives the number of the first one */
}

int load_map_new(const struct catalogue_type *type, const char *path, struct load_map **ret)
{
        CLEANUP(load_map_freep) struct load_map *map = calloc(1, sizeof *map);
        char detail[ERROR_DETAIL_MAX];
        int line;

        if (!map)
                return FAIL(PANNIER_E_MEMORY, "no memory for a mapping");
        map->type = type;
        map->rules = calloc(RULES_MAX, sizeof *map->rules);
        if (!map->rules)
                return FAIL(PANNIER_E_MEMORY, "no memory for a mapping");
        if (path) {
                map->from_file = true;
                error_clear();
                line = ini_parse(path, on_line, map);
                (void)snprintf(detail, sizeof detail, "%s", error_detail());
                if (line == -1)
                        return FAIL(errno == ENOENT ? PANNIER_E_NOT_FOUND : PANNIER_E_SYSTEM,
                                    "cannot read the mapping %s: %s", path, strerror(errno));
                if (line != 0)
                        return FAIL(map->error == PANNIER_E_MEMORY ? PANNIER_E_MEMORY
                                                                   : PANNIER_E_INVALID,
                                    "%s:%d: %s", path, line,
                                    *detail ? detail : "neither [section] nor name = value");
        }
        *ret = TAKE(map);
        return 0;
}

struct load_map *load_map_free(struct load_map *map)
{
        if (!map)
                return NULL;
        arena_deinit(&map->arena);
        free(map->rules);
        free(map);
        return NULL;
}

int load_map_column(const struct load_map *map, struct bytes header, struct load_target *ret)
{
        *ret = (struct load_target){.column = LOAD_IGNORED, .field_index = -1};
        if (!map->from_file)
                return find_target(map->type, header, ret) ? 0 : refuse_name(map->type, header);
        for (size_t i = 0; i < map->count; i++)
                if (map->rules[i].kind == RULE_COLUMN && bytes_equal(map->rules[i].to, header)) {
                        map->rules[i].seen = true;
                        *ret = map->rules[i].target;
                        break;
                }
        return 0;
}

const char *load_map_missing(const struct load_map *map)
{
        for (size_t i = 0; i < map->count; i++)
                if (map->rules[i].kind == RULE_COLUMN && !map->rules[i].seen)
                        return (const char *)map->rules[i].to.data;
        return NULL;
}

int load_map_constants(const struct load_map *map,
                       int (*visit)(void *context, const struct load_target *target,
                                    struct bytes value),
                       void *context)
{
        int r;

        for (size_t i = 0; i < map->count; i++) {
                if (map->rules[i].kind != RULE_CONSTANT)
                        continue;
                r = visit(context, &map->rules[i].target, map->rules[i].to);
                if (r < 0)
                        return r;
        }
        return 0;
}

struct bytes load_map_translate(const struct load_map *map, int field_index, struct bytes text)
{
        for (size_t i = 0; i < map->count; i++)
                if (map->rules[i].kind == RULE_VALUE &&
                    map->rules[i].target.field_index == field_index &&
                    bytes_equal(map->rules[i].from, text))
                        return map->rules[i].to;
        return text;
}

bool load_map_is_empty(const struct load_map *map, struct bytes text)
{
        if (text.size == 0)
                return true;
        for (size_t i = 0; i < map->count; i++)
                if (map->rules[i].kind == RULE_EMPTY && bytes_equal(map->rules[i].to, text))
                        return true;
        return false;
}

char load_map_separator(const struct load_map *map, int field_index)
{
        for (size_t i = 0; i < map->count; i++)
                if (map->rules[i].kind == RULE_SEPARATOR &&
                    map->rules[i].target.field_index == field_index)
                        return (char)map->rules[i].to.data[0];
        return ';';
}
