#include "auditor/cmd/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/sign_client.h"
#include "base/mem.h"

static int
sign(void *arg, struct span json, struct buf *out, struct err *e)
{
	return sign_client_statement(arg, json, out, e);
}

int
signer_open(struct signer *s, const char *state_dir, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->client = sign_client_new(state_dir, e);
	if (s->client == NULL)
		return err_prefix(e, "the instance key");
	s->signer.sign = sign;
	s->signer.arg = s->client;
	memcpy(s->signer.key, sign_client_public(s->client), 32);
	return 0;
}

void
signer_close(struct signer *s)
{
	sign_client_free(s->client);
	s->client = NULL;
}

int
signer_write(const char *path, const struct buf *b, struct err *e)
{
	struct stat	 st;
	char		*tmp;
	FILE		*f;
	int		 fd, bad;

	if (path == NULL || strcmp(path, "-") == 0) {
		/* whether all of it arrived is looked at, at the end */
		(void)fwrite(b->p, 1, b->n, stdout);
		return 0;
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is no file: without it, the "
		    "standard output is written to", path);
	tmp = mem_printf("%s.part", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	f = fd == -1 ? NULL : fdopen(fd, "w");
	if (f == NULL) {
		if (errno == EACCES || errno == EROFS)
			(void)err_set(e, ERR_PERM, "cannot write beside %s "
			    "as user %ld: %s; name a file in a folder where "
			    "that user may write", path, (long)geteuid(),
			    strerror(errno));
		else
			(void)err_set(e, ERR_SYS, "%s", tmp);
		free(tmp);
		return -1;
	}
	bad = fwrite(b->p, 1, b->n, f) != b->n || fflush(f) != 0 ||
	    fsync(fd) == -1;
	bad |= fclose(f) != 0;
	bad |= !bad && rename(tmp, path) == -1;
	if (bad) {
		(void)err_set(e, ERR_SYS, "writing %s", path);
		(void)unlink(tmp);
	}
	free(tmp);
	return bad ? -1 : 0;
}
