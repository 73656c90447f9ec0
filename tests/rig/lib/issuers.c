#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/issuers.h"

struct issuer {
	uint8_t		 id[32];
	struct span	 der;
};

static struct issuer *list;
static size_t nlist, cap;
static char *folder;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct issuer *
find(const uint8_t *id)
{
	size_t i;

	for (i = 0; i < nlist; i++)
		if (memcmp(list[i].id, id, 32) == 0)
			return &list[i];
	return NULL;
}

static void
keep(struct span der, const uint8_t *id)
{
	list = mem_grow(list, &cap, nlist + 1, sizeof(*list));
	memcpy(list[nlist].id, id, 32);
	list[nlist].der.p = mem_dup(der.p, der.n);
	list[nlist].der.n = der.n;
	nlist++;
}

static char *
path_of(const uint8_t *id)
{
	struct buf hex = BUF_INIT;
	char *path;

	b64_hex(&hex, id, 32);
	path = mem_printf("%s/%s.der", folder, buf_text(&hex));
	buf_free(&hex);
	return path;
}

int
issuers_open(const char *dir, struct err *e)
{
	DIR *d;
	struct dirent *ent;
	struct buf b = BUF_INIT;
	uint8_t id[32];
	char *path;

	folder = mem_str(dir);
	if (mkdir(dir, 0777) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s: cannot make it", dir);
	d = opendir(dir);
	if (d == NULL)
		return err_set(e, ERR_SYS, "%s: cannot read", dir);
	while ((ent = readdir(d)) != NULL) {
		if (strstr(ent->d_name, ".der") == NULL)
			continue;
		path = mem_printf("%s/%s", dir, ent->d_name);
		buf_reset(&b);
		if (file_read(path, &b, NULL) == 0) {
			SHA256(b.p, b.n, id);
			keep(buf_bytes(&b), id);
		}
		free(path);
	}
	buf_free(&b);
	closedir(d);
	return 0;
}

void
issuers_add(struct span der, uint8_t *id)
{
	char *path;

	SHA256(der.p, der.n, id);
	pthread_mutex_lock(&lock);
	if (find(id) == NULL) {
		keep(der, id);
		path = path_of(id);
		(void)file_write(path, der, NULL);
		free(path);
	}
	pthread_mutex_unlock(&lock);
}

int
issuers_get(const uint8_t *id, struct span *der)
{
	const struct issuer *i;

	pthread_mutex_lock(&lock);
	i = find(id);
	if (i != NULL)
		*der = i->der;
	pthread_mutex_unlock(&lock);
	return i == NULL ? -1 : 0;
}

int
issuers_other(const uint8_t *id, struct span *der)
{
	size_t i;
	int rc = -1;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nlist && rc == -1; i++)
		if (memcmp(list[i].id, id, 32) != 0) {
			*der = list[i].der;
			rc = 0;
		}
	pthread_mutex_unlock(&lock);
	return rc;
}

int
issuers_at(size_t i, struct span *der)
{
	int rc = -1;

	pthread_mutex_lock(&lock);
	if (i < nlist) {
		*der = list[i].der;
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}
