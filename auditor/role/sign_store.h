#ifndef AUDITOR_ROLE_SIGN_STORE_H
#define AUDITOR_ROLE_SIGN_STORE_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The keys below STATE_DIR/keys, which only a sign process opens:
 *
 *	keys/account/ID.key		an ACME account's
 *	keys/account/ID.key.next	the one that its rollover goes to
 *	keys/cert/ID.key		a certificate's
 *
 * Folders are 0700, files 0600 (sign_pem.h).  A file is written beside its
 * place, synced, renamed, and its folder synced, so that there is always the
 * old one or the new one.  What others may read, a symbolic link, what is no
 * file or belongs to somebody else is refused, not repaired.  With a
 * passphrase, files are encrypted, and a plain one is written anew when it is
 * first read.  A rollover never has fewer keys than the CA may know: the
 * next one is on the disk before it is used, and the one before goes only by
 * sign_store_commit().
 *
 * Several processes may have the same store open: each change takes a lock on
 * the folder, and a file that another one changed is read again.
 */
enum sign_place { SIGN_ACCOUNT, SIGN_CERT, SIGN_PLACES };

/* Which key; an ID is 1 to 64 of [a-z0-9-] and does not begin with '-'. */
struct sign_name {
	enum sign_place	 place;
	const char	*id;	/* borrowed */
	int		 next;	/* 1: the account's next key */
};

/* Which keys of an account there are (sign_store_have()). */
#define SIGN_HAS_KEY	1u
#define SIGN_HAS_NEXT	2u

struct sign_store;

/*
 * Open the store, making its folders and removing what a crash left half
 * written.  ${passphrase} (copied) may be NULL.  NULL and ERR_PERM, ERR_SYS,
 * or ERR_LIMIT for a passphrase over LIMIT_SIGN_PASSPHRASE bytes.
 */
struct sign_store *sign_store_open(const char *state_dir,
    const char *passphrase, struct err *);
void sign_store_free(struct sign_store *);

/*
 * See that the passphrase is the one of a key that is encrypted, then encrypt
 * those that are not, at most LIMIT_SIGN_ENCRYPT of them: 0, or -1 ERR_CONF
 * (another passphrase, or none), ERR_SYS.
 */
int sign_store_settle(struct sign_store *, struct err *);

/*
 * Make a key of ${kind} ("p256" ...) unless there is one; that must be of
 * this kind then, so that a request can be repeated after a crash.  *key is
 * the caller's, for EVP_PKEY_free().  0, or -1 ERR_USAGE (no such id or
 * kind), ERR_PERM, ERR_CONF (what is there is not as it must be), ERR_SYS.
 */
int sign_store_make(struct sign_store *, struct sign_name, const char *kind,
    EVP_PKEY **key, struct err *);

/* Store a key that was made elsewhere; ERR_USAGE when the name is taken. */
int sign_store_put(struct sign_store *, struct sign_name, EVP_PKEY *,
    struct err *);

/*
 * The key of a name, the caller's; NULL and ERR_NOENT, or as
 * sign_store_make().  Keys that were read are kept in memory.
 */
EVP_PKEY *sign_store_get(struct sign_store *, struct sign_name,
    struct err *);

/* Which keys of an account there are: SIGN_HAS_ bits; 0: none. */
unsigned sign_store_have(struct sign_store *, const char *id);

/*
 * Is this the key of an account here, or its next one?  1 or 0; -1 and the
 * error when one of them cannot be read.
 */
int sign_store_is_account(struct sign_store *, const EVP_PKEY *,
    struct err *);

/*
 * The CA took the next key: it replaces the one before, which is wiped.
 * ERR_NOENT without a next one.  Whole or not at all.
 */
int sign_store_commit(struct sign_store *, const char *id, struct err *);

/*
 * Overwrite a file (where the file system writes in place) and remove it: a
 * certificate's key, or a next one that the CA does not know.  An account's
 * own key is refused (ERR_PERM).  ERR_NOENT: there is none.
 */
int sign_store_drop(struct sign_store *, struct sign_name, struct err *);

/* Write all bytes and sync: 0, or -1 and errno. */
int sign_store_write(int fd, struct span bytes);

#endif
