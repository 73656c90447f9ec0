#ifndef TESTS_UNIT_AUDITOR_CONF_FIXTURE_H
#define TESTS_UNIT_AUDITOR_CONF_FIXTURE_H

/* Configurations, and files for them to name; after cmocka.h. */

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "base/mem.h"

/* For mkdtemp(). */
static char folder[] = "/tmp/test-conf-XXXXXX";

/* Write a file below the folder of this run; its path, freed by the caller. */
static char *
spill(const char *name, const void *data, size_t n)
{
	char	*path = mem_printf("%s/%s", folder, name);
	FILE	*f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return path;
}

static char *
spill_text(const char *name, const char *text)
{
	return spill(name, text, strlen(text));
}

static struct conf *
parse(const char *text, struct err *e)
{
	return conf_parse(text, strlen(text), NULL, e);
}

/* Removes the folder and the files in it. */
static int
folder_remove(void **state)
{
	struct dirent	*d;
	DIR		*dir = opendir(folder);

	(void)state;
	while (dir != NULL && (d = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), d->d_name, 0);
	if (dir != NULL)
		(void)closedir(dir);
	return rmdir(folder);
}

#endif
