#ifndef AUDITOR_IMPORT_TREE_H
#define AUDITOR_IMPORT_TREE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Reading below one folder that somebody else may write to: whatever links
 * are in it, nothing outside of it is opened for reading.  Paths are relative
 * to it, "" is the folder itself.  Needs /proc.
 */
struct import_tree {
	char	*root;		/* where it really is; owned */
	size_t	 bytes;		/* read so far: LIMIT_CLIENT_BYTES */
};

/* Names in a folder, sorted, without those that begin with a dot. */
struct import_names {
	char	**v;		/* each owned */
	size_t	  n, cap;
};

/* 0, or -1: ERR_NOENT, ERR_PERM, ERR_USAGE (no folder), ERR_SYS. */
int import_tree_open(struct import_tree *, const char *dir, struct err *);
void import_tree_close(struct import_tree *);

/*
 * The names in a folder, and its path below the root when all links are
 * followed to *real (free(); ${real} may be NULL): 0, or -1: ERR_NOENT (not
 * there, or no folder), ERR_PERM (not ours to read, or it lies outside),
 * ERR_LIMIT, ERR_SYS.  The caller frees the names also then.
 */
int import_tree_list(const struct import_tree *, const char *path,
    struct import_names *, char **real, struct err *);
void import_names_free(struct import_names *);

/* Is there something of that name: 1 or 0?  Links are not followed. */
int import_tree_has(const struct import_tree *, const char *path);

/*
 * Append what is in a file to the buffer, and its path below the folder when
 * all links are followed to *real (free(); NULL is allowed).  0, or -1: ERR_NOENT,
 * ERR_PERM, ERR_FORMAT (no regular file), ERR_LIMIT, ERR_SYS.
 */
int import_tree_read(struct import_tree *, const char *path, struct buf *,
    char **real, struct err *);

#endif
