#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/mem.h"

#define CREDENTIAL "credential:"

/*
 * What root read before it became another user.  Lives as long as the
 * process; only conf_secret_forget() empties it.
 */
struct kept {
	char		*ref;
	char		*text;
	struct kept	*next;
};

static struct kept *kept;

static struct kept *
find(const char *ref)
{
	struct kept	*k;

	for (k = kept; k != NULL; k = k->next)
		if (strcmp(k->ref, ref) == 0)
			return k;
	return NULL;
}

/* Takes both. */
static void
keep(char *ref, char *text)
{
	struct kept	*k = find(ref);

	if (k == NULL) {
		k = mem_zero(sizeof(*k));
		k->ref = ref;
		k->next = kept;
		kept = k;
	} else {
		mem_wipe(k->text, strlen(k->text));
		free(k->text);
		free(ref);
	}
	k->text = text;
}

/* Where a reference points; freed by the caller. */
static char *
locate(const char *ref, struct err *e)
{
	const char	*dir = getenv("CREDENTIALS_DIRECTORY"), *name;

	if (strncmp(ref, CREDENTIAL, strlen(CREDENTIAL)) != 0)
		return mem_str(ref);
	name = ref + strlen(CREDENTIAL);
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
		(void)err_set(e, ERR_CONF, "%.100s: this is no name of a "
		    "credential; write credential:NAME", ref);
		return NULL;
	}
	if (dir == NULL) {
		(void)err_set(e, ERR_CONF, "%.100s: there are no credentials "
		    "here ($CREDENTIALS_DIRECTORY is not set); add "
		    "LoadCredential=%.60s:FILE to the service", ref, name);
		return NULL;
	}
	return mem_printf("%s/%s", dir, name);
}

/* 0 and the text, or -1; the buffer is wiped by the caller. */
static int
read_all(const char *path, char *buf, size_t *n, struct err *e)
{
	struct stat	st;
	ssize_t		got;
	int		fd, rc = -1;

	*n = 0;
	fd = file_open(path);
	if (fd == -1)
		return err_set(e, ERR_CONF, "%.200s: the secret cannot be "
		    "read: %s", path, strerror(errno));
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void)err_set(e, ERR_CONF, "%.200s: this is no file", path);
		goto out;
	}
	do {
		got = read(fd, buf + *n, LIMIT_CONF_SECRET + 1 - *n);
		if (got > 0)
			*n += (size_t)got;
	} while (got > 0 && *n <= LIMIT_CONF_SECRET);
	while (*n > 0 && (buf[*n - 1] == '\n' || buf[*n - 1] == '\r'))
		(*n)--;
	if (got == -1)
		(void)err_set(e, ERR_CONF, "%.200s: the secret cannot be "
		    "read: %s", path, strerror(errno));
	else if (*n > LIMIT_CONF_SECRET)
		(void)err_set(e, ERR_CONF, "%.200s: more than %u bytes; this "
		    "is no secret", path, LIMIT_CONF_SECRET);
	else if (*n == 0)
		(void)err_set(e, ERR_CONF, "%.200s: the secret is empty",
		    path);
	else if (memchr(buf, '\0', *n) != NULL)
		(void)err_set(e, ERR_CONF, "%.200s: the secret has a NUL "
		    "byte", path);
	else
		rc = 0;
out:
	(void)close(fd);
	return rc;
}

/* From the file, not from what was kept. */
static char *
read_secret(const char *ref, struct err *e)
{
	char	*path = locate(ref, e), *buf, *text = NULL;
	size_t	 n;

	if (path == NULL)
		return NULL;
	buf = mem_zero(LIMIT_CONF_SECRET + 1);
	if (read_all(path, buf, &n, e) == 0)
		text = mem_dup(buf, n);
	mem_wipe(buf, LIMIT_CONF_SECRET + 1);
	free(buf);
	free(path);
	return text;
}

char *
conf_secret(const char *ref, struct err *e)
{
	struct err		 why = ERR_INIT;
	const struct kept	*k;
	char			*text;

	if ((text = read_secret(ref, &why)) != NULL)
		return text;
	if ((k = find(ref)) != NULL)
		return mem_str(k->text);
	(void)err_set(e, why.code, "%s", why.msg);
	return NULL;
}

static void
preload(const char *ref, uid_t user)
{
	char	*path, *text = NULL;

	if (ref == NULL || (path = locate(ref, NULL)) == NULL)
		return;
	if (!file_theirs(path, user))
		text = read_secret(ref, NULL);
	free(path);
	if (text != NULL)
		keep(mem_str(ref), text);
}

void
conf_secret_preload(const struct conf *c, uid_t user)
{
	const struct conf_channel	*ch;
	size_t				 i;

	for (i = 0; i < c->nchannels; i++) {
		ch = &c->channels[i];
		preload(ch->url_file, user);
		preload(ch->secret_file, user);
		preload(ch->old_secret_file, user);
		preload(ch->routing_key_file, user);
	}
	preload(c->heartbeat_url_file, user);
	preload(c->acme_eab_key_file, user);
	preload(c->dns01_secret_file, user);
	preload(c->dns01_acmedns_file, user);
	preload(c->acme_key_passphrase, user);
}

void
conf_secret_pack(struct buf *b)
{
	const struct kept	*k;

	for (k = kept; k != NULL; k = k->next) {
		buf_vec32(b, k->ref, strlen(k->ref));
		buf_vec32(b, k->text, strlen(k->text));
	}
}

int
conf_secret_unpack(struct cur c, struct err *e)
{
	struct cur	ref, text;

	while (cur_left(&c) > 0) {
		if (cur_vec32(&c, &ref) == -1 || cur_vec32(&c, &text) == -1 ||
		    cur_left(&ref) > LIMIT_CONF_TEXT ||
		    cur_left(&text) > LIMIT_CONF_SECRET ||
		    memchr(ref.p, '\0', cur_left(&ref)) != NULL ||
		    memchr(text.p, '\0', cur_left(&text)) != NULL)
			return err_set(e, ERR_FORMAT, "secrets: the message "
			    "is malformed");
		keep(mem_dup(ref.p, cur_left(&ref)),
		    mem_dup(text.p, cur_left(&text)));
	}
	return 0;
}

void
conf_secret_forget(void)
{
	struct kept	*k;

	while ((k = kept) != NULL) {
		kept = k->next;
		mem_wipe(k->text, strlen(k->text));
		free(k->text);
		free(k->ref);
		free(k);
	}
}
