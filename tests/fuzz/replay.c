#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Replays a corpus without clang's engine: each file of the arguments, and of
 * the folders among them, goes through the target once, in sorted order.
 * Prints "TARGET: N files"; a crash is the failure.
 */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A reader of corpora has no use for more. */
#define FILE_CAP	(8u << 20)
#define DEPTH_MAX	4

static unsigned long	count;

static void
die(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	exit(1);
}

static void
replay_file(const char *path, size_t size)
{
	uint8_t	*exact;
	FILE	*f = fopen(path, "re");
	size_t	 n = size < FILE_CAP ? size : FILE_CAP;

	/* a block of exactly this size: ASan sees the first byte behind it */
	exact = malloc(n != 0 ? n : 1);
	if (f == NULL || exact == NULL || fread(exact, 1, n, f) != n)
		die(path);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	count++;
}

static void
replay(const char *path, int depth)
{
	struct dirent	**v;
	struct stat	  st;
	char		  sub[4096];
	int		  n, i;

	if (stat(path, &st) == -1)
		die(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return;
	}
	if (depth == DEPTH_MAX || (n = scandir(path, &v, NULL, alphasort))
	    == -1)
		return;
	for (i = 0; i < n; i++) {
		if (v[i]->d_name[0] != '.' && snprintf(sub, sizeof(sub),
		    "%s/%s", path, v[i]->d_name) < (int)sizeof(sub))
			replay(sub, depth + 1);
		free(v[i]);
	}
	free(v);
}

int
main(int argc, char **argv)
{
	const char	*slash = strrchr(argv[0], '/');
	int		 i;

	for (i = 1; i < argc; i++)
		replay(argv[i], 0);
	printf("%s: %lu files\n", slash != NULL ? slash + 1 : argv[0], count);
	return count != 0 ? 0 : 1;
}
