#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/pkey.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store_part.h"
#include "base/limit.h"
#include "base/mem.h"

#define ID_MAX	64

static void
forget(struct held *h)
{
	EVP_PKEY_free(h->key);
	memset(h, 0, sizeof(*h));
}

/* The file name of a key, or -1 ERR_USAGE. */
static int
name_of(const struct sign_name *k, char out[SIGN_STORE_NAME], struct err *e)
{
	size_t n;

	n = strspn(k->id, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (n == 0 || n > ID_MAX || k->id[n] != '\0' || k->id[0] == '-' ||
	    (k->next && k->place != SIGN_ACCOUNT))
		return err_set(e, ERR_USAGE, "no name of a key: 1 to %d of "
		    "a-z, 0-9 and '-', and not '-' first", ID_MAX);
	(void)snprintf(out, SIGN_STORE_NAME, "%s.key%s", k->id,
	    k->next ? ".next" : "");
	return 0;
}

struct sign_store *
sign_store_open(const char *state_dir, const char *passphrase, struct err *e)
{
	struct sign_store *s;
	size_t i;

	if (passphrase != NULL && (passphrase[0] == '\0' ||
	    strlen(passphrase) > LIMIT_SIGN_PASSPHRASE)) {
		err_set(e, ERR_LIMIT, "the passphrase of the keys has not 1 "
		    "to %u bytes", LIMIT_SIGN_PASSPHRASE);
		return NULL;
	}
	s = mem_zero(sizeof(*s));
	for (i = 0; i < SIGN_PLACES; i++)
		s->dir[i] = -1;
	s->passphrase = mem_str(passphrase);
	if (sign_store_places(s, state_dir, e) == -1) {
		sign_store_free(s);
		return NULL;
	}
	return s;
}

void
sign_store_free(struct sign_store *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		forget(&s->held[i]);
	free(s->held);
	for (i = 0; i < SIGN_PLACES; i++) {
		if (s->dir[i] != -1)
			close(s->dir[i]);
		free(s->path[i]);
	}
	if (s->passphrase != NULL)
		mem_wipe(s->passphrase, strlen(s->passphrase));
	free(s->passphrase);
	free(s);
}

static struct held *
find_held(struct sign_store *s, enum sign_place place, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->held[i].key != NULL && s->held[i].place == place &&
		    strcmp(s->held[i].name, name) == 0)
			return &s->held[i];
	return NULL;
}

static int
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static EVP_PKEY *
share(EVP_PKEY *key)
{
	if (EVP_PKEY_up_ref(key) != 1)
		abort();
	return key;
}

/* Keep a key in memory; when that is full, in the place of the oldest. */
static void
hold(struct sign_store *s, const struct held *was)
{
	struct held *h;

	if ((h = find_held(s, was->place, was->name)) == NULL &&
	    s->n < LIMIT_SIGN_KEYS) {
		s->held = mem_grow(s->held, &s->cap, s->n + 1,
		    sizeof(*s->held));
		h = &s->held[s->n++];
		memset(h, 0, sizeof(*h));
	}
	if (h == NULL)
		h = &s->held[s->victim++ % s->n];
	forget(h);
	*h = *was;
	h->key = share(was->key);
}

/* The text of a key as a synced file ${tmp}; a descriptor, or -1. */
static int
write_tmp(struct sign_store *s, enum sign_place place, const char *tmp,
    EVP_PKEY *key)
{
	struct buf text = BUF_INIT;
	int fd, saved;

	if (sign_pem_write(key, s->passphrase, &text, NULL) == -1) {
		errno = ENOMEM;
		return -1;
	}
	(void)unlinkat(s->dir[place], tmp, 0);
	fd = openat(s->dir[place], tmp, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd != -1 && sign_store_write(fd, buf_bytes(&text)) == -1) {
		saved = errno;
		(void)unlinkat(s->dir[place], tmp, 0);
		close(fd);
		fd = -1;
		errno = saved;
	}
	pkey_wipe(&text);
	return fd;
}

/*
 * Write a key as ${name}: over what has the name when ${over} is a descriptor
 * of it (wiped then), else only when there is nothing (EEXIST).  Locked.
 */
static int
store(struct sign_store *s, enum sign_place place, const char *name,
    EVP_PKEY *key, int over)
{
	char tmp[SIGN_STORE_NAME + 1];
	struct held h;
	int at, fd, rc;

	at = s->dir[place];
	memset(&h, 0, sizeof(h));
	if (over == -1 && fstatat(at, name, &h.st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	(void)snprintf(tmp, sizeof(tmp), SIGN_STORE_TMP "%s", name);
	if ((fd = write_tmp(s, place, tmp, key)) == -1)
		return -1;
	rc = renameat(at, tmp, at, name) == -1 ? -1 : fsync(at);
	if (rc == 0 && fstat(fd, &h.st) == 0) {
		(void)snprintf(h.name, sizeof(h.name), "%s", name);
		h.place = place;
		h.key = key;
		hold(s, &h);
	}
	close(fd);
	if (rc == 0 && over != -1)
		sign_store_wipe(over);
	return rc;
}

/*
 * A plain file (*was), though a passphrase is configured: encrypted from now
 * on, unless another process has put something else there.
 */
static int
encrypt(struct sign_store *s, const struct held *was, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (sign_store_lock(s, was->place, e) == -1)
		return -1;
	rc = -1;
	fd = sign_store_file(s, was->place, was->name, &st, e);
	if (fd != -1) {
		rc = 0;
		if (same_file(&st, &was->st))
			rc = store(s, was->place, was->name, was->key, fd);
		if (rc == -1)
			err_set(e, ERR_SYS, "encrypting the key %s/%s",
			    s->path[was->place], was->name);
		close(fd);
	}
	sign_store_unlock(s, was->place);
	return rc;
}

/* Read what is open; *was is what the file is. */
static EVP_PKEY *
read_key(struct sign_store *s, int fd, struct held *was, struct err *e)
{
	struct buf text = BUF_INIT;
	const char *dir;
	int encrypted;

	dir = s->path[was->place];
	if (sign_store_read(fd, &text) == -1)
		err_set(e, ERR_SYS, "%s/%s", dir, was->name);
	else if ((was->key = sign_pem_read(buf_bytes(&text), s->passphrase,
	    &encrypted, e)) == NULL)
		err_prefix(e, "%s/%s", dir, was->name);
	else if (s->passphrase == NULL || encrypted)
		hold(s, was);
	else if (encrypt(s, was, e) == -1)
		forget(was);
	pkey_wipe(&text);
	return was->key;
}

EVP_PKEY *
sign_store_load(struct sign_store *s, enum sign_place place, const char *name,
    struct err *e)
{
	struct held was, *h;
	EVP_PKEY *key;
	int fd;

	memset(&was, 0, sizeof(was));
	was.place = place;
	(void)snprintf(was.name, sizeof(was.name), "%s", name);
	fd = sign_store_file(s, place, name, &was.st, e);
	if (fd == -1)
		return NULL;
	h = find_held(s, place, name);
	if (h != NULL && same_file(&h->st, &was.st))
		key = share(h->key);
	else
		key = read_key(s, fd, &was, e);
	close(fd);
	return key;
}

EVP_PKEY *
sign_store_get(struct sign_store *s, struct sign_name k, struct err *e)
{
	char name[SIGN_STORE_NAME];

	if (name_of(&k, name, e) == -1)
		return NULL;
	return sign_store_load(s, k.place, name, e);
}

int
sign_store_put(struct sign_store *s, struct sign_name k, EVP_PKEY *key,
    struct err *e)
{
	char name[SIGN_STORE_NAME];
	int rc;

	if (name_of(&k, name, e) == -1 || sign_store_lock(s, k.place, e) == -1)
		return -1;
	rc = store(s, k.place, name, key, -1);
	if (rc == -1 && errno == EEXIST)
		err_set(e, ERR_USAGE, "there is a key %s/%s already",
		    s->path[k.place], name);
	else if (rc == -1)
		err_set(e, ERR_SYS, "storing the key %s/%s",
		    s->path[k.place], name);
	sign_store_unlock(s, k.place);
	return rc;
}

int
sign_store_make(struct sign_store *s, struct sign_name k, const char *kind,
    EVP_PKEY **key, struct err *e)
{
	struct err x = ERR_INIT;
	enum pkey_kind want, is;

	*key = NULL;
	if ((want = pkey_kind_of(kind)) == PKEY_NONE)
		return err_set(e, ERR_USAGE, "no kind of key: p256, p384, "
		    "rsa2048, rsa3072 or rsa4096");
	if ((*key = sign_store_get(s, k, &x)) != NULL) {
		if ((is = sign_pem_kind(*key)) == want)
			return 0;
		EVP_PKEY_free(*key);
		*key = NULL;
		return err_set(e, ERR_CONF, "the key %s is there already, and "
		    "is %s", k.id, pkey_name(is));
	}
	if (x.code != ERR_NOENT)
		return err_set(e, x.code, "%s", x.msg);
	if ((*key = pkey_make(want, e)) == NULL)
		return -1;
	if (sign_store_put(s, k, *key, e) == 0)
		return 0;
	EVP_PKEY_free(*key);
	*key = NULL;
	return -1;
}

unsigned
sign_store_have(struct sign_store *s, const char *id)
{
	struct sign_name k = { SIGN_ACCOUNT, id, 0 };
	char name[SIGN_STORE_NAME];
	struct stat st;
	unsigned have;

	have = 0;
	if (name_of(&k, name, NULL) == -1)
		return 0;
	if (fstatat(s->dir[SIGN_ACCOUNT], name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		have |= SIGN_HAS_KEY;
	k.next = 1;
	(void)name_of(&k, name, NULL);
	if (fstatat(s->dir[SIGN_ACCOUNT], name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		have |= SIGN_HAS_NEXT;
	return have;
}

int
sign_store_is_name(const char *name)
{
	const char *end;

	end = strchr(name, '.');
	return end != NULL && end != name && strlen(name) < SIGN_STORE_NAME &&
	    (strcmp(end, ".key") == 0 || strcmp(end, ".key.next") == 0);
}

/* 1: the file holds the key, 0: it does not, -1. */
static int
holds(struct sign_store *s, const char *name, const EVP_PKEY *key,
    struct err *e)
{
	EVP_PKEY *k;
	int same;

	if ((k = sign_store_load(s, SIGN_ACCOUNT, name, e)) == NULL)
		return -1;
	same = EVP_PKEY_eq(k, key) == 1;
	EVP_PKEY_free(k);
	return same;
}

int
sign_store_is_account(struct sign_store *s, const EVP_PKEY *key,
    struct err *e)
{
	struct dirent *d;
	DIR *list;
	int fd, is;

	fd = openat(s->dir[SIGN_ACCOUNT], ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (fd == -1 || (list = fdopendir(fd)) == NULL) {
		err_set(e, ERR_SYS, "%s", s->path[SIGN_ACCOUNT]);
		if (fd != -1)
			close(fd);
		return -1;
	}
	is = 0;
	while (is == 0 && (d = readdir(list)) != NULL)
		if (sign_store_is_name(d->d_name))
			is = holds(s, d->d_name, key, e);
	closedir(list);
	return is;
}

static void
forget_name(struct sign_store *s, enum sign_place place, const char *name)
{
	struct held *h;

	if ((h = find_held(s, place, name)) != NULL)
		forget(h);
}

int
sign_store_commit(struct sign_store *s, const char *id, struct err *e)
{
	struct sign_name k = { SIGN_ACCOUNT, id, 1 };
	char next[SIGN_STORE_NAME], name[SIGN_STORE_NAME];
	struct stat st;
	int at, fd, old, rc;

	if (name_of(&k, next, e) == -1)
		return -1;
	k.next = 0;
	(void)name_of(&k, name, NULL);
	if (sign_store_lock(s, SIGN_ACCOUNT, e) == -1)
		return -1;
	rc = -1;
	at = s->dir[SIGN_ACCOUNT];
	old = sign_store_file(s, SIGN_ACCOUNT, name, &st, NULL);
	if ((fd = sign_store_file(s, SIGN_ACCOUNT, next, &st, e)) != -1) {
		rc = renameat(at, next, at, name) == -1 ? -1 : fsync(at);
		if (rc == -1)
			err_set(e, ERR_SYS, "%s/%s", s->path[SIGN_ACCOUNT],
			    next);
		else if (old != -1)
			sign_store_wipe(old);
		close(fd);
	}
	if (old != -1)
		close(old);
	forget_name(s, SIGN_ACCOUNT, name);
	forget_name(s, SIGN_ACCOUNT, next);
	sign_store_unlock(s, SIGN_ACCOUNT);
	return rc;
}

int
sign_store_drop(struct sign_store *s, struct sign_name k, struct err *e)
{
	char name[SIGN_STORE_NAME], tmp[SIGN_STORE_NAME + 1];
	struct stat st;
	int at, fd, rc;

	if (name_of(&k, name, e) == -1)
		return -1;
	if (k.place == SIGN_ACCOUNT && !k.next)
		return err_set(e, ERR_PERM, "the key of an account is not "
		    "removed: without it nothing of the account can be "
		    "revoked");
	if (sign_store_lock(s, k.place, e) == -1)
		return -1;
	rc = -1;
	at = s->dir[k.place];
	/* Its name goes first: half a key is never found. */
	(void)snprintf(tmp, sizeof(tmp), SIGN_STORE_TMP "%s", name);
	if ((fd = sign_store_file(s, k.place, name, &st, e)) != -1) {
		rc = renameat(at, name, at, tmp) == -1 ? -1 : fsync(at);
		if (rc == 0) {
			sign_store_wipe(fd);
			rc = unlinkat(at, tmp, 0) == -1 ? -1 : fsync(at);
		}
		if (rc == -1)
			err_set(e, ERR_SYS, "removing the key %s/%s",
			    s->path[k.place], name);
		close(fd);
	}
	forget_name(s, k.place, name);
	sign_store_unlock(s, k.place);
	return rc;
}
