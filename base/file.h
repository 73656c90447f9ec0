#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Files that only root may read.  Root opens what the configuration names
 * before it becomes another user, and children get the descriptors; whoever
 * may open the path itself does that, so that a replaced file is seen.
 */
#define FILE_KEPT_MAX	64

/* Open ${path} and remember it; nothing happens when that cannot be done. */
void file_keep(const char *path);

/*
 * Could ${user} have put something else behind the name: does a part of the
 * path, or of where it leads, belong to that user?  Root would open what
 * their link points to.  1 or 0; 0 also when nothing is there.
 */
int file_theirs(const char *path, uid_t user);

/* Remember ${fd} as the file at ${path}; it is never closed. */
void file_adopt(const char *path, int fd);

/* The ${i}th that is remembered: its path and *fd; NULL behind the last. */
const char *file_kept(size_t i, int *fd);

/*
 * In a child: close all descriptors from ${from} on but those that are
 * remembered.
 */
void file_close_others(int from);

/*
 * Open for reading: the path, or where that is not allowed (EACCES) a copy of
 * what is remembered for it, at its beginning.  A descriptor (close-on-exec),
 * or -1 and errno.
 */
int file_open(const char *path);

/*
 * Names in the folder ${dir} that were made, changed or removed outlast the
 * machine.  0, or -1 and errno.
 */
int file_sync_dir(const char *dir);

#endif
