/* All keys of a store at once, declared in sign_store.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/role/sign_store_part.h"
#include "base/limit.h"
#include "base/mem.h"

static const char	begins[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/* Names of files, owned. */
struct names {
	char	**v;
	size_t	  n, cap;
};

static void
names_free(struct names *l)
{
	while (l->n > 0)
		free(l->v[--l->n]);
	free(l->v);
}

/* The keys of a folder: those that are encrypted, or those that are not. */
static int
list(struct sign_store *s, enum sign_place place, int encrypted,
    struct names *out, struct err *e)
{
	struct dirent *d;
	struct stat st;
	char head[sizeof(begins)];
	DIR *dir;
	int fd, is;

	fd = openat(s->dir[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		if (fd != -1)
			close(fd);
		return err_set(e, ERR_SYS, "%s", s->path[place]);
	}
	while ((d = readdir(dir)) != NULL) {
		/* what is refused here is refused, and said, when it is used */
		if (!sign_store_is_name(d->d_name) || (fd = sign_store_file(s,
		    place, d->d_name, &st, NULL)) == -1)
			continue;
		memset(head, 0, sizeof(head));
		is = read(fd, head, sizeof(begins) - 1) > 0 &&
		    memcmp(head, begins, sizeof(begins) - 1) == 0;
		mem_wipe(head, sizeof(head));
		close(fd);
		if (is != encrypted)
			continue;
		out->v = mem_grow(out->v, &out->cap, out->n + 1,
		    sizeof(*out->v));
		out->v[out->n++] = mem_str(d->d_name);
	}
	closedir(dir);
	return 0;
}

/* Does the passphrase fit?  One key says it: each costs 50 ms. */
static int
fits(struct sign_store *s, enum sign_place place, int *known, struct err *e)
{
	struct names l = { NULL, 0, 0 };
	EVP_PKEY *key;
	int rc;

	rc = list(s, place, 1, &l, e);
	if (rc == 0 && l.n > 0) {
		key = sign_store_load(s, place, l.v[0], e);
		rc = key == NULL ? -1 : 0;
		EVP_PKEY_free(key);
		*known = 1;
	}
	names_free(&l);
	return rc;
}

/* Those that are plain: reading one writes it anew. */
static int
encrypt(struct sign_store *s, enum sign_place place, unsigned *left,
    struct err *e)
{
	struct names l = { NULL, 0, 0 };
	struct err why = ERR_INIT;
	EVP_PKEY *key;
	size_t i;
	int rc;

	rc = list(s, place, 0, &l, e);
	for (i = 0; i < l.n && rc == 0 && *left > 0; i++, --*left) {
		key = sign_store_load(s, place, l.v[i], &why);
		/* no room, no right: said at once; what is no key is not ours */
		if (key == NULL && why.code == ERR_SYS)
			rc = err_set(e, why.code, "%s", why.msg);
		err_clear(&why);
		EVP_PKEY_free(key);
	}
	names_free(&l);
	return rc;
}

int
sign_store_settle(struct sign_store *s, struct err *e)
{
	unsigned left = LIMIT_SIGN_ENCRYPT;
	int i, known = 0;

	for (i = 0; i < SIGN_PLACES && !known; i++)
		if (fits(s, (enum sign_place)i, &known, e) == -1)
			return -1;
	for (i = 0; i < SIGN_PLACES && s->passphrase != NULL; i++)
		if (encrypt(s, (enum sign_place)i, &left, e) == -1)
			return -1;
	return 0;
}
