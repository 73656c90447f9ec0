#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/rig/lib/file.h"

int
file_read(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "r");
	size_t n;
	int bad;

	if (f == NULL)
		return err_set(e, ERR_SYS, "%s: cannot read", path);
	while ((n = fread(buf_room(out, 65536), 1, 65536, f)) > 0)
		out->n += n;
	buf_add(out, "", 0);
	bad = ferror(f);
	fclose(f);
	return bad ? err_set(e, ERR_SYS, "%s: cannot read", path) : 0;
}

int
file_write(const char *path, struct span data, struct err *e)
{
	char *tmp = mem_printf("%s.tmp", path);
	FILE *f = fopen(tmp, "w");
	int ok = f != NULL && fwrite(data.p, 1, data.n, f) == data.n;

	if (f != NULL && fclose(f) != 0)
		ok = 0;
	if (!ok || rename(tmp, path) == -1) {
		free(tmp);
		return err_set(e, ERR_SYS, "%s: cannot write", path);
	}
	free(tmp);
	return 0;
}
