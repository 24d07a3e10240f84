/*
 * Reads JSON lines {"type", "edit", "fields"} and says of each what the daemon's converter and the catalogue's limits make
 * of it: "ok" and the fields as JSON again, or "refused FIELD". test_converter.py holds that against the JSON Schema.
 */
#include "common/error.h"
#include "daemon/api_value.h"

#include <stdio.h>
#include <string.h>

static int convert(const struct catalogue_type *type, bool edit, const json_t *fields,
                   struct arena *arena, const char **name, json_t *out)
{
        json_t *json;

        json_object_foreach((json_t *)(uintptr_t)fields, *name, json)
        {
                int index = catalogue_field_index_by_name(type, bytes_text(*name));
                const struct catalogue_field *field;
                struct value value;
                bool packed;
                int r;

                if (index < 0)
                        return -1;
                field = &type->fields[index];
                packed = field->kind == KIND_SET || field->kind == KIND_MAP;
                r = api_value_from_json(field, edit, NULL, json, arena, &value);
                if (r == 0)
                        r = value_check(field, &value, edit && packed, true);
                if (r < 0)
                        return r;
                if (json_object_set_new(out, *name, api_value_to_json(field, &value, edit)) < 0)
                        return -1;
        }
        return 0;
}

static int answer(struct bytes line)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(json_freep) json_t *request = NULL;
        CLEANUP(json_freep) json_t *out = json_object();
        const struct catalogue_type *type;
        const char *name = "";
        int r;

        if (json_load(line, &request) < 0)
                return printf("refused JSON\n");
        type = catalogue_type_by_name(json_view(json_object_get(request, "type")));
        if (!type)
                return printf("refused TYPE\n");
        r = convert(type, json_is_true(json_object_get(request, "edit")),
                    json_object_get(request, "fields"), &arena, &name, out);
        if (r < 0)
                return printf("refused %s: %s\n", name, error_detail());
        json_append(out, &text);
        return printf("ok %.*s\n", (int)text.size, (const char *)text.data);
}

int main(void)
{
        char *line = NULL;
        size_t capacity = 0;
        ssize_t size;

        while ((size = getline(&line, &capacity, stdin)) > 0)
                if (answer(BYTES(line, (size_t)size)) < 0)
                        break;
        free(line);
        return 0;
}
