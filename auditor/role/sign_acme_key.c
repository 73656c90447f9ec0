#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/csr.h"
#include "acme/jws.h"
#include "acme/pkey.h"
#include "auditor/role/sign_acme_part.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store_part.h"
#include "base/limit.h"
#include "base/mem.h"

#define KEY_FILE	"key.pem"

static int
put_public(EVP_PKEY *key, struct buf *out, struct err *e)
{
	char thumbprint[JWS_THUMBPRINT];
	struct buf jwk = BUF_INIT;
	int rc;

	rc = jws_thumbprint(key, thumbprint, e);
	if (rc == 0 && (rc = jws_jwk(key, &jwk, e)) == 0) {
		buf_vec32(out, thumbprint, strlen(thumbprint));
		buf_vec32(out, jwk.p, jwk.n);
	}
	buf_free(&jwk);
	return rc;
}

int
sign_acme_account(struct sign_acme *a, const char *id, const char *kind,
    struct buf *out, struct err *e)
{
	struct sign_name k = { SIGN_ACCOUNT, id, 0 };
	struct buf said = BUF_INIT;
	EVP_PKEY *key;
	unsigned have;
	int next, rc;

	if (kind != NULL) {
		if (sign_store_make(a->store, k, kind, &key, e) == -1)
			return -1;
		EVP_PKEY_free(key);
	}
	if ((have = sign_store_have(a->store, id)) == 0)
		return err_set(e, ERR_NOENT, "there is no key of that "
		    "account");
	buf_u8(&said, (uint8_t)have);
	rc = 0;
	for (next = 0; next <= 1 && rc == 0; next++) {
		if ((have & (next ? SIGN_HAS_NEXT : SIGN_HAS_KEY)) == 0)
			continue;
		key = sign_acme_key(a, SIGN_ACCOUNT, id, next, e);
		rc = key == NULL ? -1 : put_public(key, &said, e);
		EVP_PKEY_free(key);
	}
	if (rc == 0)
		buf_span(out, buf_bytes(&said));
	buf_free(&said);
	return rc;
}

int
sign_acme_cert(struct sign_acme *a, const char *id, const char *kind,
    uint8_t spki[32], struct err *e)
{
	struct sign_name k = { SIGN_CERT, id, 0 };
	EVP_PKEY *key;
	int rc;

	if (sign_store_make(a->store, k, kind, &key, e) == -1)
		return -1;
	rc = pkey_spki_sha256(key, spki, e);
	EVP_PKEY_free(key);
	return rc;
}

int
sign_acme_csr(struct sign_acme *a, const char *id, const struct san *names,
    struct buf *out, struct err *e)
{
	EVP_PKEY *key;
	int rc;

	if ((key = sign_acme_key(a, SIGN_CERT, id, 0, e)) == NULL)
		return -1;
	rc = csr_make(key, names, out, e);
	EVP_PKEY_free(key);
	return rc;
}

int
sign_acme_bind(struct sign_acme *a, const struct sign_bind *b,
    struct buf *out, struct err *e)
{
	const char *const urls[] = { b->url, NULL };
	struct jws_eab j;
	EVP_PKEY *key;
	int rc;

	if (sign_acme_pinned(a, b->hosts, urls, e) == -1)
		return -1;
	key = sign_acme_key(a, SIGN_ACCOUNT, b->account, 0, e);
	if (key == NULL)
		return -1;
	j.alg = b->alg;
	j.kid = b->kid;
	j.key = b->key;
	j.url = b->url;
	rc = jws_eab(key, &j, out, e);
	EVP_PKEY_free(key);
	return rc;
}

int
sign_acme_roll(struct sign_acme *a, const struct sign_roll *r,
    struct buf *out, struct err *e)
{
	const char *const urls[] = { r->url, r->kid, NULL };
	struct sign_name k = { SIGN_ACCOUNT, r->account, 1 };
	EVP_PKEY *old, *next;
	int rc;

	if (sign_acme_may(a, r->authority, "another key for an account", e) ==
	    -1 || sign_acme_pinned(a, r->hosts, urls, e) == -1)
		return -1;
	old = sign_acme_key(a, SIGN_ACCOUNT, r->account, 0, e);
	if (old == NULL)
		return -1;
	rc = sign_store_make(a->store, k, r->kind, &next, e);
	if (rc == 0) {
		EVP_PKEY_free(next);
		rc = sign_acme_inner(a, old, r, out, e);
	}
	EVP_PKEY_free(old);
	return rc;
}

int
sign_acme_rolled(struct sign_acme *a, const char *id, int commit,
    struct span authority, struct err *e)
{
	struct sign_name k = { SIGN_ACCOUNT, id, 1 };

	if (sign_acme_may(a, authority, "another key for an account", e) ==
	    -1)
		return -1;
	return commit ? sign_store_commit(a->store, id, e) :
	    sign_store_drop(a->store, k, e);
}

/* May a key be written into this folder? */
static int
check_dir(int dir, const struct sign_deploy *d, struct err *e)
{
	struct stat st;

	if ((d->mode & 0400) == 0 || (d->mode & ~0640u) != 0)
		return err_set(e, ERR_USAGE, "a key's mode is 0600, 0640, "
		    "0400 or 0440, not %04o", (unsigned)d->mode);
	if (dir == -1)
		return err_set(e, ERR_USAGE, "no folder came with the request "
		    "to deploy a key");
	if (fstat(dir, &st) == -1)
		return err_set(e, ERR_SYS, "the folder to deploy a key");
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_PERM, "what a key is to be put into is "
		    "no folder");
	if ((st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & 02) != 0)
		return err_set(e, ERR_PERM, "the folder that a key is to be "
		    "put into belongs to user %lu, or all may write to it",
		    (unsigned long)st.st_uid);
	return 0;
}

/* Fill the new file: owner and mode before the key. */
static int
fill(int fd, EVP_PKEY *key, const struct sign_deploy *d, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc;

	if ((d->uid != UINT32_MAX || d->gid != UINT32_MAX) &&
	    fchown(fd, (uid_t)d->uid, (gid_t)d->gid) == -1)
		return err_set(e, ERR_SYS, "giving " KEY_FILE " to user %ld "
		    "and group %ld", (long)(int32_t)d->uid,
		    (long)(int32_t)d->gid);
	if (fchmod(fd, (mode_t)d->mode) == -1)
		return err_set(e, ERR_SYS, "mode %04o for " KEY_FILE,
		    (unsigned)d->mode);
	rc = sign_pem_write(key, NULL, &text, e);
	if (rc == 0 && sign_store_write(fd, buf_bytes(&text)) == -1)
		rc = err_set(e, ERR_SYS, "writing " KEY_FILE);
	pkey_wipe(&text);
	return rc;
}

int
sign_acme_deploy(struct sign_acme *a, const char *id, int dir,
    const struct sign_deploy *d, struct err *e)
{
	EVP_PKEY *key;
	int fd, rc;

	if (check_dir(dir, d, e) == -1 ||
	    (key = sign_acme_key(a, SIGN_CERT, id, 0, e)) == NULL)
		return -1;
	fd = openat(dir, KEY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1) {
		rc = err_set(e, errno == EACCES || errno == EEXIST ?
		    ERR_PERM : ERR_SYS, "making " KEY_FILE "%s",
		    errno == EACCES ? " (the folder must be below the one "
		    "where certificates are deployed)" : errno == EEXIST ?
		    ": there is one already" : "");
	} else {
		rc = fill(fd, key, d, e);
		if (rc == 0 && fsync(dir) == -1)
			rc = err_set(e, ERR_SYS, "syncing the folder of "
			    KEY_FILE);
		if (rc == -1) {
			sign_store_wipe(fd);
			(void)unlinkat(dir, KEY_FILE, 0);
		}
		close(fd);
	}
	EVP_PKEY_free(key);
	return rc;
}

int
sign_acme_import(struct sign_acme *a, const char *id, int fd,
    uint8_t spki[32], struct err *e)
{
	struct sign_name k = { SIGN_CERT, id, 0 };
	struct buf text = BUF_INIT;
	struct stat st;
	EVP_PKEY *key;
	int is, rc;

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_PERM, "a key is imported from a file");
	key = NULL;
	rc = -1;
	if (lseek(fd, 0, SEEK_SET) == -1 || sign_store_read(fd, &text) == -1)
		err_set(e, ERR_SYS, "reading the key to import");
	else if ((key = sign_pem_read(buf_bytes(&text), NULL, NULL, e)) ==
	    NULL)
		err_prefix(e, "importing a key");
	else if ((is = sign_store_is_account(a->store, key, e)) != 0) {
		if (is == 1)
			err_set(e, ERR_VERIFY, "not imported: it is the key "
			    "of an account, which no certificate may have");
	} else if ((rc = pkey_spki_sha256(key, spki, e)) == 0)
		rc = sign_store_put(a->store, k, key, e);
	EVP_PKEY_free(key);
	pkey_wipe(&text);
	return rc;
}

int
sign_acme_drop(struct sign_acme *a, const char *id, struct err *e)
{
	struct sign_name k = { SIGN_CERT, id, 0 };

	return sign_store_drop(a->store, k, e);
}
