#include "auditor/cmd/channel_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/file.h"
#include "base/mem.h"

#define SECRET_BYTES 32

static int
store(const char *dir, const char *path, const struct buf *text,
    struct err *e)
{
	ssize_t n;
	int fd;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1 && errno == EEXIST)
		return err_set(e, ERR_USAGE, "%s is there already: give it "
		    "with --secret-file, or move it away", path);
	if (fd == -1)
		return err_set(e, ERR_SYS, "%s", path);
	n = write(fd, text->p, text->n);
	if (n != (ssize_t)text->n || fsync(fd) == -1 ||
	    file_sync_dir(dir) == -1) {
		err_set(e, ERR_SYS, "%s", path);
		close(fd);
		(void)unlink(path);
		return -1;
	}
	close(fd);
	return 0;
}

int
channel_secret_make(const char *state_dir, const char *name, char **path,
    char **secret, struct err *e)
{
	struct buf text = BUF_INIT;
	uint8_t raw[SECRET_BYTES];
	char *dir, *file;
	int rc;

	*path = *secret = NULL;
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, ERR_SYS, "random bytes");
	buf_str(&text, "whsec_");
	enc_b64(&text, raw, sizeof(raw));
	mem_wipe(raw, sizeof(raw));
	dir = mem_printf("%s/secrets", state_dir);
	file = mem_printf("%s/%s.secret", dir, name);
	buf_str(&text, "\n");
	rc = store(dir, file, &text, e);
	if (rc == 0) {
		text.n--;
		*path = file;
		*secret = mem_dup(text.p, text.n);
	} else
		free(file);
	mem_wipe(text.p, text.n);
	buf_free(&text);
	free(dir);
	return rc;
}
