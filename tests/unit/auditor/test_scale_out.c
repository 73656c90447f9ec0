/*
 * docs/scale-out.md has a distribution key for every table of the schema, and
 * for no table that there is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/migrate.h"
#include "base/buf.h"
#include "base/mem.h"

#define WORD	"abcdefghijklmnopqrstuvwxyz0123456789_"

/* The section about distribution keys; to free. */
static char *
section(void)
{
	struct buf	 b = BUF_INIT;
	FILE		*f = fopen("docs/scale-out.md", "r");
	char		*at, *end, *out;
	size_t		 n;

	assert_non_null(f);
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) != 0)
		b.n += n;
	(void)fclose(f);
	buf_u8(&b, 0);
	at = strstr((char *)b.p, "\n## Distribution keys\n");
	assert_non_null(at);
	end = strstr(at + 5, "\n## ");
	out = mem_dup(at, end != NULL ? (size_t)(end - at) : strlen(at));
	buf_free(&b);
	return out;
}

static void
test_every_table(void **state)
{
	const struct migrate_step	*s;
	const char			*p;
	char				*text = section(), *name;
	size_t				 n = 0;

	(void)state;
	for (s = migrate_steps; s->sql != NULL; s++)
		for (p = s->sql; (p = strstr(p, "\ncreate table ")) != NULL;) {
			p += 14;
			name = mem_printf("`%.*s`", (int)strspn(p, WORD), p);
			if (strstr(text, name) == NULL)
				fail_msg("docs/scale-out.md has no "
				    "distribution key for table %s of %s",
				    name, s->name);
			free(name);
			n++;
		}
	assert_true(n > 50);
	free(text);
}

/* Has the schema a table, view or function of this name, or a column? */
static int
known(const char *name, size_t n)
{
	const struct migrate_step	*s;
	const char			*p;

	for (s = migrate_steps; s->sql != NULL; s++)
		for (p = s->sql; (p = strstr(p, name)) != NULL; p += n)
			if (strspn(p, WORD) == n)
				return 1;
	return strcmp(name, "schema_migration") == 0;
}

static void
test_nothing_else(void **state)
{
	char	*text = section(), *p = text, *name;
	size_t	 n;

	(void)state;
	while ((p = strchr(p, '`')) != NULL) {
		n = strspn(++p, WORD);
		name = mem_dup(p, n);
		if (!known(name, n))
			fail_msg("`%s` is nothing of the schema", name);
		free(name);
		p = strchr(p, '`');
		assert_non_null(p);
		p++;
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_every_table),
		cmocka_unit_test(test_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
