#ifndef AUDITOR_ROLE_SIGN_STORE_PART_H
#define AUDITOR_ROLE_SIGN_STORE_PART_H

#include <stddef.h>
#include <sys/stat.h>

#include "auditor/role/sign_store.h"
#include "base/cur.h"

/* What sign_store.c (keys) and sign_store_dir.c (files) share. */

#define SIGN_STORE_NAME	80	/* ID.key.next and its end */
#define SIGN_STORE_TMP	"."	/* unfinished files; no ID begins with it */

/* A key that was read, and the file that it came from. */
struct held {
	char		 name[SIGN_STORE_NAME];
	enum sign_place	 place;
	EVP_PKEY	*key;
	struct stat	 st;
};

struct sign_store {
	int		 dir[SIGN_PLACES];
	char		*path[SIGN_PLACES];	/* for messages */
	char		*passphrase;
	struct held	*held;
	size_t		 n;
	size_t		 cap;
	size_t		 victim;
};

/* Open or make the folders and sweep them: 0, or -1 ERR_PERM or ERR_SYS. */
int sign_store_places(struct sign_store *, const char *state_dir,
    struct err *);

/* Exclude other processes from changing a folder: 0, or -1 ERR_SYS. */
int sign_store_lock(const struct sign_store *, enum sign_place, struct err *);
void sign_store_unlock(const struct sign_store *, enum sign_place);

/*
 * Open a key's file for reading and, to be wiped, writing; *st is what it
 * is.  A descriptor, or -1 ERR_NOENT, ERR_PERM (not ours alone) or ERR_SYS.
 */
int sign_store_file(const struct sign_store *, enum sign_place,
    const char *name, struct stat *, struct err *);

/*
 * Append all of a file of at most LIMIT_PKEY_PEM bytes, in memory that
 * is not moved, so that wiping ${out} wipes all of it: 0, or -1 and errno
 * (EFBIG).
 */
int sign_store_read(int fd, struct buf *out);

/* Is it the name of a key's file? */
int sign_store_is_name(const char *name);

/* The key in a file, as sign_store_get(). */
EVP_PKEY *sign_store_load(struct sign_store *, enum sign_place,
    const char *name, struct err *);

/* Zeros over all of a file, as far as the file system writes in place. */
void sign_store_wipe(int fd);

#endif
