#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"

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
replay_file(const char *path)
{
	struct buf	 b = BUF_INIT;
	uint8_t		*exact;
	FILE		*f = fopen(path, "re");
	size_t		 n;

	if (f == NULL) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	while (b.n < FILE_CAP &&
	    (n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		b.n += n;
	(void)fclose(f);
	/* a block of exactly this size: ASan sees the first byte behind it */
	exact = mem_zero(b.n != 0 ? b.n : 1);
	if (b.n != 0)
		memcpy(exact, b.p, b.n);
	(void)LLVMFuzzerTestOneInput(exact, b.n);
	free(exact);
	buf_free(&b);
	count++;
}

static void
replay(const char *path, int depth)
{
	struct dirent	**v;
	struct stat	  st;
	char		  sub[4096];
	int		  n, i;

	if (stat(path, &st) == -1) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
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
