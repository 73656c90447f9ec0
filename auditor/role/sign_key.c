#include "auditor/role/sign_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define KEY_FILE	"instance.key"
#define KEY_MAX		4096

static EVP_PKEY *
parse(const char *text, int n, const char *path, struct err *e)
{
	EVP_PKEY *key;
	BIO *bio;

	key = NULL;
	if ((bio = BIO_new_mem_buf(text, n)) != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		err_set(e, ERR_CONF, "%s: no Ed25519 key in PEM; move it away "
		    "and a new one is made (evidence signed by the old one "
		    "still verifies with its public key)", path);
		return NULL;
	}
	return key;
}

/* NULL without an error: there is none. */
static EVP_PKEY *
load(const char *path, struct err *e)
{
	EVP_PKEY *key;
	struct stat st;
	char text[KEY_MAX];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		if (errno != ENOENT)
			err_set(e, ERR_SYS, "%s", path);
		return NULL;
	}
	key = NULL;
	if (fstat(fd, &st) == -1)
		err_set(e, ERR_SYS, "%s", path);
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		err_set(e, ERR_PERM, "%s: others may read the instance key; "
		    "\"chmod 600 %s\" makes it ours alone, but ask who has "
		    "read it", path, path);
	else if ((n = read(fd, text, sizeof(text))) <= 0)
		err_set(e, n == 0 ? ERR_CONF : ERR_SYS, "%s is empty", path);
	else
		key = parse(text, (int)n, path, e);
	mem_wipe(text, sizeof(text));
	close(fd);
	return key;
}

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t k;

	while (n > 0) {
		if ((k = write(fd, p, n)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += k;
		n -= (size_t)k;
	}
	return fsync(fd);
}

/* Sync the directory so that the name stays. */
static int
sync_dir(const char *dir)
{
	int fd, rc;

	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

/* Write the key beside its place, then give it its name unless taken. */
static int
store(EVP_PKEY *key, const char *dir, const char *path, struct err *e)
{
	BIO *bio;
	char *tmp, *text;
	long n;
	int fd, rc;

	rc = -1;
	tmp = mem_printf("%s/.%s.%ld", dir, KEY_FILE, (long)getpid());
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0,
	    NULL, NULL) != 1) {
		err_set(e, ERR_CONF, "%s: the key cannot be written as PEM",
		    path);
		goto out;
	}
	n = BIO_get_mem_data(bio, &text);
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1) {
		err_set(e, ERR_SYS, "%s", tmp);
		goto out;
	}
	if (write_all(fd, text, (size_t)n) == -1)
		err_set(e, ERR_SYS, "%s", tmp);
	else if (link(tmp, path) == -1 && errno != EEXIST)
		err_set(e, ERR_SYS, "%s", path);
	else if (sync_dir(dir) == -1)
		err_set(e, ERR_SYS, "%s", dir);
	else
		rc = 0;
	mem_wipe(text, (size_t)n);
	close(fd);
	(void)unlink(tmp);
out:
	BIO_free(bio);
	free(tmp);
	return rc;
}

EVP_PKEY *
sign_key_get(const char *dir, struct err *e)
{
	struct err x = ERR_INIT;
	EVP_PKEY *key, *fresh;
	char *path;

	path = mem_printf("%s/%s", dir, KEY_FILE);
	key = load(path, &x);
	if (key == NULL && x.code == ERR_NONE) {
		fresh = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		if (fresh == NULL)
			err_set(&x, ERR_CONF, "OpenSSL makes no Ed25519 key");
		else if (store(fresh, dir, path, &x) == 0)
			key = load(path, &x);
		EVP_PKEY_free(fresh);
	}
	if (key == NULL && x.code == ERR_NONE)
		err_set(&x, ERR_CONF, "no instance key");
	/* as it is: errno is in its words, once */
	if (key == NULL && e != NULL && e->code == ERR_NONE)
		*e = x;
	free(path);
	return key;
}
